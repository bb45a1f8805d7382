// The popovers of the toolbar and the menu: columns and their layouts, a cell's history, bulk edits.

import { h } from "../shared/dom.js";
import { count } from "../shared/format.js";

// `layouts` saves or drops one if it is told to, and gives those that are kept; `choose` takes one, or the default.
export async function fillColumns(node, { layout, layouts, choose, changed, done }) {
  const named = h("div");
  const show = async (what, focus) => {
    const kept = await layouts(what);
    if (!kept) return;
    const input = h("input", { type: "text", "aria-label": "Name of the layout", placeholder: "name", maxlength: "60", onkeydown: (event) => event.key === "Enter" && save() });
    const save = () => input.value.trim() && show({ save: { name: input.value, layout: layout.named } }, true);
    named.replaceChildren(
      ...Object.entries(kept).map(([name, one]) => h("div", { class: "co ly" },
        h("button", { class: "mi", type: "button", onclick: () => act(() => choose(one), true) }, h("bdi", {}, name)),
        h("button", { type: "button", "aria-label": `Delete the layout ${name}`, onclick: () => show({ drop: name }, true) }, "×"))),
      h("div", { class: "lyn" }, input, h("button", { class: "btn", type: "button", onclick: save }, "Save as")),
    );
    if (focus) input.focus();
  };
  const draw = () => {
    const { activeElement: before } = document;
    const rows = layout.all.map((spec, at) => {
      const id = `oa-column-${at}-${Math.random().toString(36).slice(2)}`;
      const box = h("input", { type: "checkbox", id, disabled: at === 0, onchange: () => act(() => layout.toggle(spec.field)) });
      box.checked = at === 0 || !layout.hidden.has(spec.field);
      const arrow = (by, sign, where) =>
        h("button", { type: "button", "data-move": `${spec.field}/${by}`, "aria-label": `Move ${spec.title} ${where}`, disabled: at === 0 || at + by < 1 || at + by >= layout.order.length, onclick: () => act(() => layout.move(at, by), true) }, sign);
      return h("div", { class: "co" }, box, h("label", { for: id }, spec.title), arrow(-1, "↑", "left"), arrow(1, "↓", "right"));
    });
    const title = layout.all[0].title;
    node.replaceChildren(
      h("div", { class: "sm q" }, `${title} stays frozen. Identifiers start hidden.`),
      ...rows,
      h("div", { class: "popf" },
        h("button", { class: "lnk", type: "button", onclick: () => act(() => layout.fit()) }, "Fit widths"),
        h("button", { class: "lnk", type: "button", "data-move": "default", onclick: () => act(() => choose(), true) }, "Default"),
        h("button", { class: "lnk", type: "button", onclick: done }, "Done"),
      ),
      h("hr"),
      h("div", { class: "sm q" }, "Layouts: columns, widths, frozen ones and sort"),
      named,
    );
    // What had focus was drawn anew, or moved.
    const same = ({ dataset, disabled }) => dataset.move && dataset.move === before?.dataset.move && !disabled;
    (node.contains(before) ? before : [...node.querySelectorAll("[data-move]")].find(same))?.focus();
  };
  const act = (what, moved) => {
    what();
    changed();
    if (moved) draw();
  };
  draw();
  await show({});
}

// What a cell was, the newest first; a run of one's own is named.
export function fillHistory(node, { title, lines, note, done }) {
  node.append(
    h("b", {}, h("bdi", {}, title)),
    h("table", { class: "was" }, lines.map(({ day, value, run }) => h("tr", {}, h("td", { class: "q" }, day), h("td", {}, h("bdi", {}, value), run ? h("div", { class: "q sm" }, `own run ${run}`) : "")))),
    note ? h("p", { class: "q sm" }, note) : "",
    h("div", { class: "popf" }, h("button", { class: "lnk", type: "button", onclick: done }, "Done")),
  );
}

export function fillBulk(node, { specs, optionsOf, rows, whose, go }) {
  const open = specs.filter((spec) => !spec.locked);
  const dated = open.some(({ field }) => field === "close_date");
  const owner = open.find(({ kind }) => kind === "person");
  const column = h("select", { "aria-label": "Column to set" }, open.map((spec) => h("option", { value: spec.field }, spec.title)));
  const value = h("input", { type: "text", "aria-label": "Value to set", placeholder: "value", list: "oa-bulk", autocomplete: "off" });
  const options = h("datalist", { id: "oa-bulk" });
  const offer = () => options.replaceChildren(...optionsOf(open.find(({ field }) => field === column.value)).map((option) => h("option", { value: option.replaceAll("_", " ") })));
  column.addEventListener("change", offer);
  const days = h("input", { type: "text", class: "few", "aria-label": "Days to move close dates by", placeholder: "7" });
  const person = h("select", { "aria-label": "New owner" }, (owner?.options ?? []).map((option) => h("option", { value: option }, option)));
  let busy = false;
  const once = async (act) => {
    if (busy) return; // a second press would move the dates twice
    busy = true;
    await act();
    busy = false;
  };
  const line = (words, inputs, act) => h("div", { class: "blk" }, h("span", {}, words), ...inputs, h("button", { class: "btn", type: "button", onclick: () => once(act) }, "Do it"));
  node.classList.add("wide");
  node.append(
    h("div", { class: "sm q" }, `Changes ${count(rows, "deal")}: ${whose}. One step to undo.`),
    line("Set", [column, "to", value, options], () => go("set", column.value, value.value)),
    ...(dated ? [line("Move close dates by", [days, "days"], () => go("shift", "close_date", days.value)), line("Move close dates to the end of their month", [], () => go("month_end", "close_date", ""))] : []),
    ...(owner?.options.length ? [line("Assign", [person], () => go("set", owner.field, person.value))] : []),
  );
  offer();
}
