// The keys on the cells: those that move, the chords of commands, and what is typed.

import { MOVES, commandAt } from "./commands.js";

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// As a spreadsheet jumps: to the end of the filled cells, or over the gap to the next filled one.
function edge(grid, { r, c }, [down, across]) {
  const { store, specs } = grid;
  const there = (row, column) => row >= 0 && column >= 0 && row < store.order.length && column < specs.length;
  const filled = (row, column) => there(row, column) && store.value(store.order[row], specs[column].field) !== null;
  let [row, column] = [r + down, c + across];
  if (!there(row, column)) return [r, c];
  const wanted = filled(row, column);
  while (there(row + down, column + across) && filled(row + down, column + across) === wanted) [row, column] = [row + down, column + across];
  if (!wanted && there(row + down, column + across)) [row, column] = [row + down, column + across];
  return [row, column];
}

function move(grid, event) {
  if (!MOVES.has(event.key)) return false;
  const { selection } = grid;
  const command = event.ctrlKey || event.metaKey;
  const from = event.shiftKey ? selection.head : selection.active;
  const [rows, columns] = grid.size();
  const to = {
    Home: [command ? 0 : from.r, 0],
    End: [command ? rows - 1 : from.r, columns - 1],
    PageDown: [from.r + grid.page, from.c],
    PageUp: [from.r - grid.page, from.c],
  }[event.key];
  const arrow = ARROWS[event.key];
  const [r, c] = to ?? (command ? edge(grid, from, arrow) : [from.r + arrow[0], from.c + arrow[1]]);
  selection.go(r, c, { extend: event.shiftKey });
  return true;
}

// In the selection, else along the row, and at its end out of the grid: the keyboard is never trapped.
function tab({ selection, size, specs }, event) {
  const { r, c } = selection.active;
  const next = c + (event.shiftKey ? -1 : 1);
  if (!selection.single) selection.step(true, event.shiftKey);
  else if (next < 0 || next >= specs.length) return false;
  else selection.go(r, next, { tab: true });
  return true;
}

export function onKey(grid, event) {
  const command = commandAt(event);
  if (command?.anywhere) return false; // the grid's root hears it, too
  if (command) {
    command.act(grid, grid.place, event);
    return true;
  }
  if (event.altKey) return false;
  if (move(grid, event)) return true;
  return event.key === "Tab" && tab(grid, event); // what is typed is the field's
}
