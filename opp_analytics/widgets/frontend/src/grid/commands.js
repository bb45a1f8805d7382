// What a person can do in the grid, once: the keys, the toolbar, the context menu and the sheet of keys read this list.
//
// A command has a name (a text, or a function of the grid and the place), and whatever of these applies:
//   keys      chords that do it; Ctrl is Cmd on a Mac
//   hand      how it is done with the mouse, by a family of keys or in a cell that is edited: only the sheet has it
//   about     what the sheet says where it is more than the name
//   anywhere  the keys hold outside the cells, too; "always": also while typing
//   menu      the menus that have it: cell, row, column
//   bar       what its button in the toolbar shows; popup: it opens a dialog, or a menu; on(grid): whether it is pressed
//   when(grid, at)  whether it applies; act(grid, at, event)
// A place `at` is { r, c, row, spec }.

import { h } from "../shared/dom.js";
import { DATED, NUMERIC, count, number } from "../shared/format.js";
import { fillBulk, fillColumns } from "./panels.js";

// The keys that move; they also set what is typed on a selected cell.
export const MOVES = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

export const wide = (text) => h("span", { class: "x" }, text);
const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
const shownValue = ({ store }, { row, spec }) => short(store.text(row, spec.field)) || "empty";
const words = ({ kind }) => {
  if (NUMERIC.has(kind)) return ["low to high", "high to low"];
  if (DATED.has(kind)) return ["oldest first", "newest first"];
  return kind === "choice" ? ["in order", "in reverse order"] : ["A to Z", "Z to A"];
};
const sortName = (down, add) => (_, { spec }) => `${add ? "Then sort" : "Sort"} ${words(spec)[down ? 1 : 0]}`;
const sortedByOther = ({ store }, { spec }) => store.sorts.some(({ field }) => field !== spec.field);
const sorted = ({ store }, { spec }) => store.sorts.some(({ field }) => field === spec.field);
const frozen = ({ layout }, { c }) => c + 1 === layout.frozen && c > 0;

const several = (columns) => (columns > 1 ? ` ${count(columns, "column")}` : "");

const GROUPS = {
  Move: [
    { hand: "Arrows, Home, End, Page Up, Page Down", about: "Move; with Shift extend the selection; with Ctrl go to the edge" },
    { hand: "Tab, Shift+Tab", about: "Go along the row, and at its end out of the grid; in a selection of several cells go along its rows" },
    { name: "Edit the cell; in a selection of several cells go down its columns, with Shift up", keys: ["Enter", "Shift+Enter"], act: (grid, _, event) => grid.enter(event) },
  ],
  Select: [
    { hand: "Click, Shift+click, Ctrl+click, drag", about: "Select a cell; extend; add or take out; select a block. Row numbers and column titles do so with rows and columns" },
    { name: "Select rows", keys: ["Shift+Space"], act: (grid) => grid.selection.wholeRows() },
    { name: "Select columns", keys: ["Ctrl+Space"], act: (grid) => grid.selection.wholeColumns() },
    { name: "Select all", keys: ["Ctrl+A"], act: (grid) => grid.selection.all() },
    { name: "Leave the editor, the selection, and then the grid", keys: ["Escape"], act: (grid) => grid.escape() },
  ],
  Edit: [
    { hand: "Type", about: "Write over the cell, with an input method or dead keys, too" },
    { hand: "Arrows, Home, End, Page Up, Page Down after that", about: "Set the cell, then move" },
    { name: "Edit what the cell holds, also by a double click: the arrows are the text's, or go through its list or calendar until you type", keys: ["F2"], act: (grid) => grid.edit() },
    { hand: "F2 or Alt+Down after typing", about: "Give the arrows to the text, or to its list; F2 takes them back" },
    { hand: "Enter, Shift+Enter while editing", about: "Set the cell and go down or up; after a run of Tabs under its first cell, in a selection to its next cell" },
    { hand: "Tab, Shift+Tab while editing", about: "Set the cell and go right or left; in a selection to its next cell" },
    { hand: "Ctrl+Enter while editing", about: "Set every selected cell of that kind" },
    { hand: "Escape while editing", about: "Leave the cell as it was" },
    { hand: "Arrows, Page Up, Page Down, Home, End in the calendar", about: "Go a day or a week, a month, to its ends; once you type, they are the text's" },
    { hand: "Alt+Enter while editing a text", about: "Begin a new line" },
    { name: "Write today's date, on a cell or in its text", keys: ["Ctrl+;"], act: (grid) => grid.typeToday() },
    { name: "Do what the line below the rows offers", keys: ["Alt+Enter"], act: (grid) => grid.agree() },
    { name: "Clear", about: "Clear cells", keys: ["Delete", "Backspace"], shown: ["Delete"], act: (grid) => grid.actions.clear() },
  ],
  Copy: [
    { name: "Cut", keys: ["Ctrl+X"], native: true, menu: ["cell", "row"], act: (grid) => grid.cut() },
    { name: "Copy", about: "Copy; several ranges if they have the same rows or the same columns", keys: ["Ctrl+C"], native: true, menu: ["cell", "row", "column"], act: (grid) => grid.copy() },
    { name: "Paste", about: "Paste a block of any size; one copied cell fills the selection, and a first row of column titles is left out", keys: ["Ctrl+V"], native: true, menu: ["cell", "row", "column"], act: (grid) => grid.pasteFromClipboard() },
  ],
  Fill: [
    { name: "Fill down", about: "Fill the selection down with its top row", keys: ["Ctrl+D"], menu: ["cell"], act: (grid) => grid.actions.fillDown() },
    { name: "Fill right", about: "Fill the selection to the right with its first column", keys: ["Ctrl+R"], menu: ["cell"], act: (grid) => grid.actions.fillRight() },
    { name: "Fill to the end", hand: "Double-click the corner of the selection", about: "Fill down to the end of the data beside it; also in the menu", menu: ["cell"], act: (grid) => grid.fillToEnd() },
    { hand: "Drag the corner of the selection", about: "Go on with a series of two or more numbers or dates (12/1, 12/8); repeat anything else, and with Ctrl any block" },
    { name: "Set every selected cell to the active value", keys: ["Ctrl+Enter"], act: (grid) => grid.actions.repeat() },
  ],
  "Take back": [
    { id: "undo", name: "Undo", about: "Undo; one action is one step, whatever its size", keys: ["Ctrl+Z"], anywhere: true, bar: () => "↶", icon: ({ undo }) => undo, act: (grid) => grid.ask({ do: "undo" }) },
    { id: "redo", name: "Redo", keys: ["Ctrl+Y", "Ctrl+Shift+Z"], anywhere: true, bar: () => "↷", icon: ({ redo }) => redo, act: (grid) => grid.ask({ do: "redo" }) },
    { name: "Revert", about: "Give cells their old values", keys: ["Alt+Backspace"], menu: ["cell", "row"], when: (grid) => grid.actions.touched, act: (grid) => grid.actions.revert() },
  ],
  Find: [
    { id: "find", name: "Find", about: "Find", keys: ["Ctrl+F"], anywhere: "always", bar: () => ["Find", wide("and replace")], act: (grid) => grid.openFind() },
    { name: "Find and replace", keys: ["Ctrl+H"], anywhere: "always", act: (grid) => grid.openFind("replacement") },
    { name: (grid, at) => `Filter by ${shownValue(grid, at)}`, menu: ["cell"], act: (grid, { row, spec }) => grid.arranging.only(spec, row, true) },
    { name: (grid, at) => `Filter out ${shownValue(grid, at)}`, menu: ["cell"], act: (grid, { row, spec }) => grid.arranging.only(spec, row, false) },
  ],
  Deals: [
    { id: "add", name: "Add deal", bar: () => ["Add", wide("deal")], act: (grid) => grid.add() },
    { name: "Insert a deal below", menu: ["cell", "row"], act: (grid, { r }) => grid.add(r + 1) },
    { name: ({ actions }) => `Duplicate ${count(actions.selectedRows.length, "deal")}`, about: "Duplicate deals", menu: ["cell", "row"], when: ({ actions }) => actions.selectedRows.length <= 1000, act: (grid) => grid.duplicate() },
    { id: "remove", name: ({ actions }) => `${actions.allRemoved ? "Keep" : "Remove"} ${count(actions.selectedRows.length, "deal")}`, about: "Mark deals for removal, or keep them", keys: ["Ctrl+Delete", "Ctrl+Backspace"], shown: ["Ctrl+Delete"], menu: ["cell", "row"], bar: () => "Remove", act: (grid) => grid.actions.remove() },
    { id: "bulk", name: "Bulk edit", bar: () => ["Bulk", wide("edit")], popup: true, act: (grid) => grid.pop(() => grid.button("bulk"), "Bulk edit", fillBulk) },
  ],
  Sort: [
    { hand: "Click the arrow of a title, Shift+click", about: "Sort up, then down, then not; with Shift as a further key" },
    ...[false, true].map((down) => ({ name: sortName(down), menu: ["column"], act: (grid, { spec }) => grid.arranging.sort(spec, down) })),
    ...[false, true].map((down) => ({ name: sortName(down, true), menu: ["column"], when: sortedByOther, hide: true, act: (grid, { spec }) => grid.arranging.sort(spec, down, true) })),
    { name: "Do not sort", menu: ["column"], when: sorted, act: (grid, { spec }) => grid.arranging.sort(spec, null, true) },
    { name: "Filter", about: "Filter the column", keys: ["Alt+Down"], menu: ["column"], act: (grid, { spec }) => grid.table.filterInput(spec.field).focus() },
  ],
  Columns: [
    { id: "columns", name: "Columns", bar: () => "Columns", popup: true, act: (grid) => grid.pop(() => grid.button("columns"), "Columns", fillColumns) },
    { hand: "Drag the title of a selected column", about: "Move the column" },
    { hand: "Drag the border of a title, double-click it", about: "Change the width; fit it" },
    { name: "Move left", menu: ["column"], when: (_, { c }) => c > 1, act: (grid, { spec }) => grid.moveColumns(grid.columnsWith(spec), -1) },
    { name: "Move right", menu: ["column"], when: ({ specs }, { c }) => c > 0 && c < specs.length - 1, act: (grid, { spec }) => grid.moveColumns(grid.columnsWith(spec), 1) },
    { name: (grid, at) => (frozen(grid, at) ? "Freeze only the first column" : "Freeze up to here"), menu: ["column"], when: ({ specs }, { c }) => c < specs.length - 1, act: (grid, at) => grid.freeze(frozen(grid, at) ? 1 : at.c + 1) },
    { name: "Fit width", menu: ["column"], act: (grid, { spec }) => grid.fitColumns(grid.columnsWith(spec)) },
    { name: (grid, { spec }) => `Hide${several(grid.columnsWith(spec).length)}`, menu: ["column"], when: (_, { c }) => c > 0, act: (grid, { spec }) => grid.hideColumns(grid.columnsWith(spec)) },
  ],
  Grid: [
    { name: ({ counts }) => `Changed only (${number(counts.changes)})`, id: "only", bar: ({ counts }) => `Changed only (${number(counts.changes)})`, on: ({ store }) => store.changedOnly, act: (grid) => grid.arranging.toggleChanged() },
    { id: "changes", name: "Copy changes", bar: () => "Copy changes", act: (grid) => grid.copyChanges() },
    { id: "more", name: "More", bar: () => "More", popup: "menu", act: (grid) => grid.openMore() },
    { name: "Column…", menu: ["cell"], act: (grid, at) => grid.openMenu("column", at) },
    { name: "Menu", about: "Open the menu of the cells, rows or columns that are selected; also by a right click", keys: ["Shift+F10", "ContextMenu"], shown: ["Shift+F10"], act: (grid) => grid.openMenu() },
    { id: "keys", name: "Keys", about: "Show these keys", keys: ["?", "Ctrl+/"], anywhere: true, bar: () => "?", icon: () => "what they do", act: (grid) => grid.openKeys() },
    { hand: "Ctrl+S", about: "Save the notebook" },
  ],
};

const COMMANDS = Object.entries(GROUPS).flatMap(([group, commands]) => commands.map((command) => ({ group, ...command })));
const BY_ID = new Map(COMMANDS.map((command) => [command.id, command]));
const BY_CHORD = new Map(COMMANDS.flatMap((command) => (command.native ? [] : (command.keys ?? []).map((keys) => [keys, command]))));

export const named = ({ name }, grid, at) => (typeof name === "function" ? name(grid, at) : name);

const MAC = /mac/i.test(navigator.platform);
const local = (keys) => (MAC ? keys.replaceAll("Ctrl", "Cmd") : keys);
export const keysOf = ({ shown, keys, hand }) => (hand ? local(hand) : (shown ?? keys ?? []).map(local).join(" or "));

export const commandOf = (id) => BY_ID.get(id);

// The command of a pressed chord; a sign that needs Shift on some keyboards, as “?”, is itself.
export function commandAt({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const sign = key.length === 1 && key !== " " && key.toLowerCase() === key.toUpperCase();
  const pressed = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key.replace("Arrow", "");
  return BY_CHORD.get([(ctrlKey || metaKey) && "Ctrl", altKey && "Alt", shiftKey && !sign && "Shift", pressed].filter(Boolean).join("+"));
}

// The groups of a menu, each a list of commands that may apply there.
export function menuOf(where, grid, at) {
  const here = COMMANDS.filter(({ menu, hide, when }) => menu?.includes(where) && !(hide && !when(grid, at)));
  return [...Map.groupBy(here, ({ group }) => group).values()];
}

// What the sheet of keys and docs/grid.md say: keys, and what they do.
export const sheet = () => COMMANDS.filter(({ keys, hand }) => keys || hand).map((command) => [command.group, keysOf(command), command.about ?? command.name]);
