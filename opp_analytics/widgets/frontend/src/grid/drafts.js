// Edits outside the grid: as a table with ids that can be copied and taken in again, and the drafts that Python has kept.

import { h } from "../shared/dom.js";
import { count, plain } from "../shared/format.js";
import { formatBlock, parseBlock } from "./blocks.js";

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

// The edits of a block that was copied so; null if it is something else.
export function readChanges(text) {
  const [head = [], ...lines] = parseBlock(text);
  return lines.length && HEAD.every((title, at) => head[at]?.trim() === title) ? lines.map((line) => line.slice(0, HEAD.length)) : null;
}

// What is asked above the strip: whether a pasted block, or a draft, is to be taken in; null if nothing is.
export function question(grid) {
  const { pasted, drafts, later } = grid;
  const link = (mark, text, act) => h("button", { class: "lnk", "data-bar": mark, onclick: act }, text);
  const ask = (words, ...links) => h("div", { class: "pl asks", role: "group", "aria-label": "Kept edits" }, words, links.flatMap((each) => [h("span", { class: "d" }, "·"), each]));
  if (pasted) {
    return ask([h("b", {}, `${count(pasted.changes.length, "edit")} with ids`), " in what you pasted."],
      link("take", "Take them in", () => grid.answerPasted("take")),
      link("cells", "Paste as cells", () => grid.answerPasted("cells")),
      link("later", "Cancel", () => grid.answerPasted("")));
  }
  if (!drafts.length || later) return null;
  const [{ draft, said }] = drafts;
  return ask([h("b", {}, said), " are kept."],
    link("take", "Take them in", () => grid.answerDraft("take draft", draft)),
    link("drop", "Drop them", () => grid.answerDraft("drop draft", draft)),
    link("later", "Later", () => grid.postpone()),
    ...(drafts.length > 1 ? [h("span", { class: "q" }, `${drafts.length - 1} more`)] : []));
}
