// The data of the grid by column, what Python said of its cells, and which rows are shown in which order.

import { tableFromIPC } from "@uwdata/flechette";
import { shown } from "../shared/format.js";

const key = (row, field) => `${row}/${field}`;
const placed = (text) => [+text.slice(0, text.indexOf("/")), text.slice(text.indexOf("/") + 1)];

export class Store {
  marks = new Map();
  rowStates = new Map();
  filters = new Map(); // field -> { text, test, words, error }
  changedOnly = false;
  only = null; // rows to which somebody has turned; null for all
  sorts = []; // { field, down }, the first one first
  order = [];
  come = []; // rows that are new, or back
  below = 0; // where the next of them go

  constructor(columns, bytes, open) {
    const table = tableFromIPC(bytes);
    this.specs = columns;
    this.byField = new Map(columns.map((spec) => [spec.field, spec]));
    this.data = new Map(columns.map(({ field }) => [field, Array.from(table.getChild(field)?.toArray() ?? [])]));
    this.open = Array.from(open);
    this.size = this.given = table.numRows;
    this.arrange();
  }

  value(row, field) {
    return this.data.get(field)[row] ?? null;
  }

  text(row, field) {
    return shown(this.byField.get(field).kind, this.value(row, field));
  }

  // What rows may hold: a deal takes the stages of its own pipeline.
  options({ options, by_pipeline: split }, rows) {
    const lists = new Map(Object.entries(split));
    if (!lists.size || !this.data.has("pipeline")) return options;
    const known = [...new Set(rows.map((row) => this.value(row, "pipeline")))].map((name) => lists.get(name) ?? options);
    return options.filter((option) => known.some((each) => each.includes(option)));
  }

  mark(row, field) {
    return this.marks.get(key(row, field));
  }

  // [row, field, mark] of each cell that has one.
  get marked() {
    return [...this.marks].map(([text, mark]) => [...placed(text), mark]);
  }

  // The old value of a changed cell, as it was shown.
  was(row, field) {
    const { was } = this.mark(row, field) ?? {};
    return was ? shown(this.byField.get(field).kind, was[0]) || "empty" : "";
  }

  // What names a row outside the grid: its id; of a new deal "new 1", "new 2", …
  identify(row) {
    return this.value(row, "unique_id") ?? `new ${row - this.given + 1}`;
  }

  nameOf(row) {
    return this.data.has("name") ? (this.value(row, "name") ?? "") : "";
  }

  state(row) {
    return this.rowStates.get(row) ?? "";
  }

  // What Python answered; the rows that look different now, and whether rows came or went.
  take({ cells = [], rows = [], open = [], reset = false }) {
    const gone = reset ? this.#forget() : [];
    const seen = new Set();
    for (const [field, value, was, why, typed, alike] of cells) {
      const column = this.data.get(field);
      for (const row of alike) {
        column[row] = value;
        if (was === null && !why) this.marks.delete(key(row, field));
        else this.marks.set(key(row, field), { was, why, typed });
        seen.add(row);
      }
    }
    for (const [row, isOpen] of open) this.open[row] = isOpen;
    let moved = false;
    for (const [row, state] of rows) {
      if (state !== "gone" && (row >= this.size || this.state(row) === "gone")) this.come.push(row);
      moved ||= state === "gone" || this.come.length > 0;
      this.rowStates.set(row, state);
      this.size = Math.max(this.size, row + 1);
      seen.add(row);
    }
    this.come.push(...gone.filter((row) => this.state(row) !== "gone"));
    return { seen, moved: moved || reset };
  }

  // After a write Python tells everything anew; the rows that were gone before.
  #forget() {
    const gone = [...this.rowStates].filter(([, state]) => state === "gone").map(([row]) => row);
    this.marks.clear();
    this.rowStates.clear();
    return gone;
  }

  get total() {
    let gone = 0;
    for (const state of this.rowStates.values()) gone += state === "gone";
    return this.size - gone;
  }

  // Rows that came or went, without moving the others.
  admit() {
    this.order = this.order.toSpliced(this.below, 0, ...this.come).filter((row) => this.state(row) !== "gone");
    Object.assign(this, { come: [], below: 0 });
  }

  // Which rows are shown, and in which order; only when asked, never after an edit.
  arrange() {
    const marked = new Set(this.marked.map(([row]) => row));
    const rows = this.passing().filter((row) => !this.changedOnly || this.state(row) || marked.has(row));
    this.order = rows.sort(this.sorts.length ? this.#by(this.sorts) : this.#usual());
  }

  // The rows that all filters let through.
  passing() {
    const tests = [...this.filters].flatMap(([field, { test }]) => {
      const column = this.data.get(field);
      return test ? [(row) => test(column[row] ?? null, row)] : [];
    });
    const rows = [];
    for (let row = 0; row < this.size; row++) {
      if (this.state(row) !== "gone" && (!this.only || this.only.has(row) || this.state(row) === "added") && tests.every((test) => test(row))) rows.push(row);
    }
    return rows;
  }

  #by(sorts) {
    const ranks = sorts.map((sort) => this.#ranks(sort));
    return (one, other) => {
      for (const rank of ranks) {
        const apart = rank[one] - rank[other];
        if (apart) return apart; // two empty cells are no number apart
      }
      return one - other;
    };
  }

  // A number for each cell that orders its column: each value is compared once. Empty cells come last either way.
  #ranks({ field, down }) {
    const column = this.data.get(field);
    const { kind, options } = this.byField.get(field);
    const turn = down ? -1 : 1;
    const number = (value) => typeof value === "number";
    const values = [...new Set(column)].filter((value) => value !== null && value !== undefined && !number(value));
    const known = new Map(options.map((option, at) => [option, at]));
    const place = kind === "choice" ? (value) => known.get(value) ?? options.length : () => 0;
    const { compare } = new Intl.Collator("en-US", { numeric: true });
    const at = new Map(values.sort((a, b) => place(a) - place(b) || compare(a, b)).map((value, rank) => [value, rank]));
    return Float64Array.from({ length: this.size }, (_, row) => {
      const value = column[row] ?? null;
      return value === null ? Infinity : turn * (number(value) ? value : at.get(value));
    });
  }

  // New deals, open ones by close date, then closed ones, the latest first.
  #usual() {
    const dates = this.data.get("close_date") ?? [];
    return (one, other) => {
      const added = (this.state(other) === "added") - (this.state(one) === "added");
      if (added) return added;
      const open = (this.open[other] ?? 1) - (this.open[one] ?? 1);
      if (open) return open;
      const [a, b] = [dates[one] ?? "9", dates[other] ?? "9"];
      const turn = this.open[one] ? 1 : -1;
      return a === b ? one - other : turn * (a < b ? -1 : 1);
    };
  }
}
