// The popovers of the bars: columns, bulk edits, refused cells.

import { debounced, h, name, uid } from "../shared/dom.js";
import { count, label } from "../shared/format.js";

export function fillColumns(node, grid) {
  const { layout, popovers } = grid;
  const boxes = layout.all.map((spec, at) => {
    const box = h("input", { type: "checkbox", id: uid(), disabled: at === 0, onchange: () => act(() => layout.toggle(spec.field)) });
    return { box, spec, show: () => (box.checked = at === 0 || !layout.hidden.has(spec.field)) };
  });
  const act = (what) => {
    what();
    grid.table.columns();
    grid.selection.clamp();
    for (const { show } of boxes) show();
  };
  for (const { show } of boxes) show();
  node.append(
    h("div", { class: "sm q" }, `${layout.all[0].title} stays frozen. Identifiers start hidden.`),
    ...boxes.map(({ box, spec }) => h("div", { class: "co" }, box, h("label", { for: box.id }, spec.title))),
    h("div", { class: "popf" },
      h("button", { class: "lnk", onclick: () => act(() => layout.fit()) }, "Fit widths"),
      h("button", { class: "lnk", onclick: () => act(() => layout.reset()) }, "Default"),
      h("button", { class: "lnk", onclick: () => popovers.close() }, "Done"),
    ),
  );
}

const MOVES = [["move", "Move by"], ["month_end", "To the end of its month"]]; // of a date

// One change to a column of many deals, shown for the first of them before it is done.
export function fillBulk(node, grid) {
  const { selection, store, actions } = grid;
  const some = selection.ranges.some(({ r0, r1 }) => r1 > r0);
  const rows = some ? actions.selectedRows : [...store.order];
  const open = grid.specs.filter(({ locked, field }) => !locked && field !== "name");
  const { c0, c1 } = selection.last;
  const first = (some && c0 === c1 && open.find((spec) => spec === grid.specs[c0])?.field) || "stage"; // the column that is selected
  const column = h("select", { "aria-label": "Column", "data-first": "" }, open.map((spec) => h("option", { value: spec.field, selected: spec.field === first }, spec.title)));
  const verb = h("select", { "aria-label": "What to do" });
  const value = h("input", { type: "text", "aria-label": "Value", list: "oa-bulk", autocomplete: "off" });
  const options = h("datalist", { id: "oa-bulk" });
  const shown = h("div", { class: "bp sm", "aria-live": "polite" });
  const button = h("button", { class: "btn pri" }, "Do it");
  const spec = () => open.find(({ field }) => field === column.value);
  const asked = () => ({ verb: verb.value === "clear" ? "set" : verb.value, field: column.value, text: value.hidden ? "" : value.value });
  let busy = false;
  let newest = 0;
  const draw = ({ lines, said, more }) => {
    button.disabled = !lines.length;
    shown.replaceChildren(
      ...lines.map(({ deal, old, new: now, why }) => h("div", {}, name(deal), ": ", why ? h("span", { class: "pb" }, name(why)) : [h("s", {}, name(old)), " → ", h("b", {}, name(now))])),
      more ? h("div", {}, `… and ${count(more, "more cell")}`) : "",
      h("div", { class: "q" }, name(said)),
    );
    grid.popovers.place();
  };
  const look = debounced(250, async () => {
    const at = ++newest;
    const { preview } = await grid.kernel.ask({ do: "preview", rows, ...asked() });
    if (preview && at === newest && node.isConnected) draw(preview);
  });
  const typed = () => {
    button.disabled = true;
    newest += 1;
    if (value.hidden || value.value.trim()) return look();
    look.cancel();
    return shown.replaceChildren();
  };
  const choose = () => {
    value.hidden = ["month_end", "clear"].includes(verb.value);
    value.placeholder = verb.value === "set" ? "value" : "+ 30d, -2w or +1m";
    options.replaceChildren(...(verb.value === "set" ? store.options(spec(), rows).map((option) => h("option", { value: label(option) })) : []));
    typed();
  };
  const offer = () => {
    verb.replaceChildren(...[["set", "Set to"], ...(spec().kind === "date" ? MOVES : []), ["clear", "Clear"]].map(([id, words]) => h("option", { value: id }, words)));
    choose();
  };
  column.addEventListener("change", offer);
  verb.addEventListener("change", choose);
  value.addEventListener("input", typed);
  const act = async () => {
    if (busy || button.disabled) return; // a second press would move the dates twice
    busy = true;
    const { error } = await grid.ask({ do: "bulk", rows, ...asked() });
    busy = false;
    if (!error) grid.popovers.close();
  };
  button.addEventListener("click", act);
  value.addEventListener("keydown", (event) => event.key === "Enter" && act());
  node.classList.add("wide");
  node.append(h("div", { class: "sm q" }, `Changes ${count(rows.length, "deal")}: ${some ? "those of the selected cells" : "all that are shown"}. One step to undo.`), h("div", { class: "blk" }, column, verb, value, options, button), shown);
  offer();
}

export function fillProblems(node, grid, groups) {
  const goTo = (row, field) => {
    grid.popovers.close(false);
    grid.goTo(row, field);
  };
  const cell = ({ row, field, deal, title, typed }) => h("li", {},
    h("button", { class: "lnk", onclick: () => goTo(row, field) }, name(deal), `, ${title}`),
    typed ? [" ", h("span", { class: "q" }, name(`“${typed}”`))] : "");
  node.classList.add("wide");
  node.append(...groups.map(({ why, count: all, cells }) => h("section", {},
    h("h4", {}, name(why), ` · ${count(all, "cell")}`),
    h("ul", {}, cells.map(cell), all > cells.length ? h("li", { class: "q" }, `… and ${count(all - cells.length, "cell")} more`) : ""),
  )));
}
