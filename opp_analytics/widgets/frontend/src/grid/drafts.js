// Edits outside the grid: as a table with ids that can be copied, and the drafts that Python has kept.

import { h } from "../shared/dom.js";
import { plain } from "../shared/format.js";
import { formatBlock } from "./blocks.js";

const HEAD = ["unique_id", "name", "field", "before", "after"];
const DEAL = "(deal)"; // in place of a field: the whole deal

// Every edit, those that Python never answered and what is typed in the open editor included.
function listed({ store, kernel, editor }) {
  const lines = new Map();
  const put = (row, field, before, after) => lines.set(`${row}/${field}`, [store.identify(row), store.nameOf(row), field, before, after]);
  const text = (row, field) => plain(store.byField.get(field).kind, store.value(row, field));
  const was = (row, field) => {
    const mark = store.mark(row, field);
    return mark?.was ? plain(store.byField.get(field).kind, mark.was[0]) : store.state(row) === "added" ? "" : text(row, field);
  };
  const edit = (row, field, typed) => put(row, field, was(row, field), (Array.isArray(typed) ? text(...typed) : typed) ?? "");
  for (const [row, state] of store.rowStates) if (state === "added" || state === "removed") put(row, DEAL, "", state);
  for (const [row, field, mark] of store.marked) {
    const changed = mark.was || (store.state(row) === "added" && store.value(row, field) !== null);
    if (changed || mark.typed !== null) edit(row, field, changed ? text(row, field) : mark.typed);
  }
  const added = [...store.rowStates].filter(([, state]) => state === "added");
  for (const [row] of added) for (const { field } of store.specs) if (store.value(row, field) !== null && field !== "unique_id") edit(row, field, text(row, field));
  for (const { do: what, areas = [], rows: some, verb, field: one, text: typed } of kernel.lost) {
    if (what === "edit") for (const { rows, fields, block } of areas) rows.forEach((row, down) => fields.forEach((field, across) => edit(row, field, block[down % block.length][across % block[0].length])));
    else if (what === "bulk" && verb === "set") for (const row of some) edit(row, one, typed);
    else if (what === "remove") for (const row of some) put(row, DEAL, "", "removed");
  }
  if (editor?.touched) edit(editor.row, editor.spec.field, editor.input.value);
  return [...lines.values()];
}

export const writeChanges = (grid) => formatBlock([HEAD, ...listed(grid)]);

// What is asked above the strip: whether a draft is to be taken in; null if nothing is.
export function question(grid) {
  const { drafts, later } = grid;
  if (!drafts.length || later) return null;
  const link = (mark, text, act) => [h("span", { class: "d" }, "·"), h("button", { class: "lnk", "data-bar": mark, onclick: act }, text)];
  const [{ draft, said }] = drafts;
  return h("div", { class: "pl asks", role: "group", "aria-label": "Kept edits" }, h("b", {}, said), " are kept.",
    link("take", "Take them in", () => grid.answerDraft("take draft", draft)),
    link("drop", "Drop them", () => grid.answerDraft("drop draft", draft)),
    link("later", "Later", () => grid.postpone()),
    drafts.length > 1 ? [h("span", { class: "d" }, "·"), h("span", { class: "q" }, `${drafts.length - 1} more`)] : "");
}
