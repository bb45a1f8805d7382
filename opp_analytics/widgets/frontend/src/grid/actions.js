// What a person does to cells, as requests to Python: every one is one step to undo.

import { DATED, NUMERIC, count, label, plain } from "../shared/format.js";
import { formatBlock, parseBlock, spread } from "./blocks.js";
import { goOn } from "./series.js";

const MOST_NEW = 100_000; // deals of one paste
const modulo = (value, by) => ((value % by) + by) % by;

export class Actions {
  constructor(grid) {
    this.grid = grid;
  }

  rows(r0, r1) {
    return this.grid.store.order.slice(r0, r1 + 1);
  }

  // A cell whose text Python reads, since an edit of it may still be on its way.
  place(r, c) {
    return [this.grid.store.order[r], this.grid.specs[c].field];
  }

  // The selected cells as areas of rows and fields, for columns that pass.
  areas(passes, more = {}) {
    return this.grid.selection.ranges.flatMap(({ r0, r1, c0, c1 }) => {
      const fields = this.grid.specs.slice(c0, c1 + 1).filter(passes).map(({ field }) => field);
      return fields.length ? [{ rows: this.rows(r0, r1), fields, ...more }] : [];
    });
  }

  put(areas, label = "", aside = "") {
    return areas.length ? this.grid.ask({ do: "edit", areas, label, aside }) : this.grid.say("Nothing to change");
  }

  // A text, or what a place holds, into the active cell, or into every selected cell of its kind.
  set(cell, everywhere) {
    const { selection, activeRow, activeSpec: spec } = this.grid;
    const block = [[typeof cell === "string" && cell.trim() === "" ? null : cell]];
    if (!everywhere || selection.single) return this.put([{ rows: [activeRow], fields: [spec.field], block }]);
    const alike = (other) => !other.locked && (other === spec || (other.kind === spec.kind && (NUMERIC.has(spec.kind) || DATED.has(spec.kind))));
    const skipped = selection.ranges.reduce((sum, { r0, r1, c0, c1 }) => sum + (r1 - r0 + 1) * this.grid.specs.slice(c0, c1 + 1).filter((other) => !alike(other)).length, 0);
    return this.put(this.areas(alike, { block }), `Set {cells} in ${spec.title}`, skipped ? `${count(skipped, "cell")} of other columns left as they were` : "");
  }

  clear() {
    return this.put(this.areas((spec) => !spec.locked, { block: [[null]] }), "Cleared {cells}");
  }

  // Rows of the store that are selected.
  get selectedRows() {
    return [...new Set(this.grid.selection.ranges.flatMap(({ r0, r1 }) => this.rows(r0, r1)))];
  }

  get allRemoved() {
    return this.selectedRows.every((row) => this.grid.store.state(row) === "removed");
  }

  // Whether a selected cell is changed or refused.
  get touched() {
    const { store, selection, specs } = this.grid;
    const [rowAt, columnAt] = [new Map(store.order.map((row, r) => [row, r])), new Map(specs.map(({ field }, c) => [field, c]))];
    return store.marked.some(([row, field]) => selection.has(rowAt.get(row), columnAt.get(field)));
  }

  revert() {
    return this.grid.ask({ do: "revert", areas: this.areas((spec) => !spec.locked) });
  }

  // The active value into every selected cell.
  repeat() {
    const { r, c } = this.grid.selection.active;
    return this.set(this.place(r, c), true);
  }

  // The top row of each range into its others.
  fillDown() {
    const areas = this.grid.selection.ranges.filter(({ r0, r1 }) => r1 > r0).flatMap((range) => this.#filling({ ...range, r1: range.r0 }, { ...range, r0: range.r0 + 1 }));
    return areas.length ? this.put(areas, "Filled down {cells}") : this.grid.say("Select two or more rows to fill down");
  }

  fillRight() {
    const areas = this.grid.selection.ranges.filter(({ c0, c1 }) => c1 > c0).flatMap((range) => this.#filling({ ...range, c1: range.c0 }, { ...range, c0: range.c0 + 1 }));
    return areas.length ? this.put(areas, "Filled right {cells}") : this.grid.say("Select two or more columns to fill right");
  }

  // Down or up a series goes on; anything else, and what is to stay the same, repeats.
  async fill(source, target, same) {
    const areas = this.#filling(source, target);
    if (same || source.r1 === source.r0 || target.c0 !== source.c0) return this.put(areas, "Filled {cells}");
    await this.grid.edits;
    const { store } = this.grid;
    for (const area of areas) {
      const [field] = area.fields;
      const values = this.rows(source.r0, source.r1).map((row) => store.value(row, field));
      const next = goOn(store.byField.get(field).kind, values, area.rows.map((_, at) => target.r0 - source.r0 + at));
      if (next) area.block = next.map((text) => [text]);
    }
    return this.put(areas, "Filled {cells}");
  }

  // How far the data beside a range goes down: the last row before an empty cell in the column on its left, else on its right.
  endBeside({ r1, c0, c1 }) {
    const { store, specs } = this.grid;
    for (const c of [c0 - 1, c1 + 1]) {
      if (!specs[c]) continue;
      let r = r1;
      while (r + 1 < store.order.length && store.value(store.order[r + 1], specs[c].field) !== null) r += 1;
      if (r > r1) return r;
    }
    return r1;
  }

  // The source block repeated over the target.
  #filling(source, target) {
    const height = source.r1 - source.r0 + 1;
    const width = source.c1 - source.c0 + 1;
    const rows = Array.from({ length: Math.min(height, target.r1 - target.r0 + 1) }, (_, at) => source.r0 + modulo(target.r0 + at - source.r0, height));
    return this.grid.specs.slice(target.c0, target.c1 + 1).flatMap(({ field, locked }, at) => {
      const c = source.c0 + modulo(target.c0 + at - source.c0, width);
      return locked ? [] : [{ rows: this.rows(target.r0, target.r1), fields: [field], block: rows.map((r) => [this.place(r, c)]) }];
    });
  }

  // The columns that a pasted row names; null if it is no row of titles.
  #titled(line) {
    const { specs } = this.grid.store;
    const known = line.map((cell) => cell && specs.find(({ field, title }) => [field, label(field), title].some((name) => name.toLowerCase() === cell.trim().toLowerCase())));
    return known.some(Boolean) && !known.includes(undefined) ? known : null;
  }

  paste(content) {
    const { selection, specs, store } = this.grid;
    let block = parseBlock(content).map((line) => line.map((text) => text || null));
    if (!block.length) return undefined;
    const { r0, r1, c0, c1 } = selection.last;
    const titles = block.length > 1 ? this.#titled(block[0]) : null;
    if (titles?.some((spec, at) => spec && spec !== specs[c0 + at])) {
      return this.grid.say(`Not pasted: its titles are ${titles.filter(Boolean).map(({ title }) => title).join(", ")}, and it would begin at ${specs[c0].title}. Paste where the columns are in this order, or copy it without titles`);
    }
    const aside = titles ? "its row of titles left out" : "";
    if (titles) block = block.slice(1);
    if (block.length === 1 && block[0].length === 1) return this.put(this.areas((spec) => !spec.locked, { block }), "Pasted into {cells}", aside);
    // Below the last deal a block goes on in new ones, but for blank lines; with a filter on, that would surprise.
    const left = store.order.length - r0;
    const all = store.order.length === store.total;
    const used = block.slice(0, Math.max(left, block.findLastIndex((line) => line.some((cell) => cell !== null)) + 1));
    const [height, width] = spread(used, r1 - r0 + 1, c1 - c0 + 1);
    const fits = [Math.min(height, left), Math.min(width, specs.length - c0)];
    const fresh = all && store.byField.has("name") && this.grid.model.get("_rows").add ? Math.min(height - fits[0], MOST_NEW) : 0;
    const outside = height * width - (fits[0] + fresh) * fits[1];
    const said = [aside, fresh && count(fresh, "new deal"), outside && `${count(outside, "cell")} outside the ${all ? "grid" : "filtered deals"}`];
    if (fresh) store.below = store.order.length;
    const done = this.put(
      [{ rows: this.rows(r0, r0 + fits[0] - 1), fields: specs.slice(c0, c0 + fits[1]).map(({ field }) => field), block: used.slice(0, Math.max(1, fits[0] + fresh)).map((line) => line.slice(0, fits[1])), new: fresh }],
      "Pasted {cells}",
      said.filter(Boolean).join(", "),
    );
    const select = () => selection.set({ r0, c0, r1: r0 + fits[0] + fresh - 1, c1: c0 + fits[1] - 1 });
    select();
    if (!fresh) return done;
    return done.then(() => {
      const told = [...this.grid.said.childNodes]; // the selection has words of its own
      select();
      this.grid.said.replaceChildren(...told);
    });
  }

  // The selection as a block, or as the ranges were; null, with a word, if they do not make one.
  copied(block = this.grid.selection.block) {
    if (!block) this.grid.say("Not copied: the ranges have neither the same rows nor the same columns");
    if (!block) return null;
    const { store, specs } = this.grid;
    const { rows, columns } = block;
    const copied = columns.map((c) => ({ kind: specs[c].kind, column: store.data.get(specs[c].field) }));
    this.grid.say(`Copied ${count(rows.length * columns.length, "cell")}`);
    return formatBlock(rows.map((r) => copied.map(({ kind, column }) => plain(kind, column[store.order[r]]))));
  }

  replace(cells) {
    const byField = Map.groupBy(cells, ({ field }) => field);
    return this.put([...byField].map(([field, some]) => ({ rows: some.map(({ row }) => row), fields: [field], block: some.map(({ text }) => [text || null]) })), cells.length === 1 ? "Replaced 1 cell" : "Replaced {cells}");
  }

  remove() {
    return this.grid.ask({ do: "remove", rows: this.selectedRows });
  }
}
