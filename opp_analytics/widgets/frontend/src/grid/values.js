// The popover of a column: sort, and the list of its values to filter by.

import { h } from "../shared/dom.js";
import { DATED, NUMERIC, count, number, shown } from "../shared/format.js";

const MOST = 1000;

function words({ kind }) {
  if (NUMERIC.has(kind)) return ["low to high", "high to low"];
  if (DATED.has(kind)) return ["oldest first", "newest first"];
  return kind === "choice" ? ["in order", "in reverse order"] : ["A to Z", "Z to A"];
}

// Shown texts with their number of rows, in the order of the values.
function valuesOf(store, spec) {
  const column = store.data.get(spec.field);
  const found = new Map();
  for (let row = 0; row < store.size; row++) {
    if (store.state(row) === "gone") continue;
    const value = column[row] ?? null;
    const entry = found.get(value);
    if (entry) entry.n += 1;
    else found.set(value, { value, n: 1 });
  }
  const place = new Map(spec.options.map((option, at) => [option, at]));
  const entries = [...found.values()].sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    if (spec.kind === "choice") return (place.get(a.value) ?? 1e9) - (place.get(b.value) ?? 1e9);
    return typeof a.value === "number" ? a.value - b.value : a.value < b.value ? -1 : 1;
  });
  const texts = new Map();
  for (const { value, n } of entries) {
    const text = shown(spec.kind, value);
    texts.set(text, (texts.get(text) ?? 0) + n);
  }
  return [...texts];
}

export function fillValues(node, { store, spec, sort, filter, done }) {
  const values = valuesOf(store, spec);
  const list = store.filters.get(spec.field)?.list ?? null;
  const [up, down] = words(spec);
  const boxes = values.slice(0, MOST).map(([text, n]) => {
    const box = h("input", { type: "checkbox" });
    box.checked = !list || list.has(text);
    const option = h("label", { class: "opt" }, box, h("bdi", {}, text || "empty"), h("span", { class: "q" }, number(n)));
    return { text, box, option };
  });
  const take = () => {
    const on = boxes.filter(({ box }) => box.checked).map(({ text }) => text);
    filter(on.length === boxes.length ? null : new Set(on));
  };
  const all = (checked) => {
    for (const { box, option } of boxes) if (!option.hidden) box.checked = checked;
    take();
  };
  const search = h("input", {
    type: "text",
    class: "srch",
    "data-first": true,
    placeholder: `Search ${count(values.length, "value")}`,
    "aria-label": `Search values of ${spec.title}`,
    oninput: ({ target }) => {
      for (const { text, option } of boxes) option.hidden = !text.toLowerCase().includes(target.value.trim().toLowerCase());
    },
  });
  node.append(
    h("button", { class: "mi", type: "button", onclick: () => sort(false) }, `Sort ${up}`),
    h("button", { class: "mi", type: "button", onclick: () => sort(true) }, `Sort ${down}`),
    h("hr"),
    search,
    h("div", { class: "opts", role: "group", "aria-label": `Values of ${spec.title}`, onchange: take }, boxes.map(({ option }) => option)),
    values.length > MOST ? h("div", { class: "q sm" }, `The first ${number(MOST)} of ${number(values.length)}; filter by text for the rest.`) : "",
    h("div", { class: "popf" },
      h("button", { class: "lnk", type: "button", onclick: () => all(false) }, "None"),
      h("button", { class: "lnk", type: "button", onclick: () => all(true) }, "All"),
      h("button", { class: "lnk", type: "button", onclick: done }, "Done"),
    ),
  );
}
