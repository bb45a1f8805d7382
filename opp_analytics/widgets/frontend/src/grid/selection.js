// Which cells are selected: ranges, the active cell, and the anchor that Shift extends from.

const clamp = (value, most) => Math.max(0, Math.min(most, value));

const normal = ({ r0, c0, r1, c1 }) => ({
  r0: Math.min(r0, r1),
  r1: Math.max(r0, r1),
  c0: Math.min(c0, c1),
  c1: Math.max(c0, c1),
});

// The first of these ranges that a cell is in.
export const holder = (ranges, r, c) => ranges.find(({ r0, r1, c0, c1 }) => r >= r0 && r <= r1 && c >= c0 && c <= c1);

export class Selection {
  active = { r: 0, c: 0 };
  anchor = { r: 0, c: 0 };
  raw = [{ r0: 0, c0: 0, r1: 0, c1: 0 }];

  constructor(size, changed) {
    this.size = size; // () => [rows, columns]
    this.changed = changed;
  }

  get ranges() {
    return this.raw.map(normal);
  }

  get last() {
    return normal(this.raw.at(-1));
  }

  // Where a Shift move starts from: the far end of the last range.
  get head() {
    const { r1, c1 } = this.raw.at(-1);
    return { r: r1, c: c1 };
  }

  get single() {
    const { r0, c0, r1, c1 } = this.last;
    return this.raw.length === 1 && r0 === r1 && c0 === c1;
  }

  has(r, c) {
    return Boolean(holder(this.ranges, r, c));
  }

  #fit({ r0, r1, c0, c1 }) {
    const [from, to] = [this.#within(r0, c0), this.#within(r1, c1)];
    return { r0: from[0], r1: to[0], c0: from[1], c1: to[1] };
  }

  #within(r, c) {
    const [rows, columns] = this.size();
    return [clamp(r, rows - 1), clamp(c, columns - 1)];
  }

  // A run of tabs remembers the column in which it began: Enter goes back to it.
  go(row, column, { extend = false, add = false, tab = false } = {}) {
    const [r, c] = this.#within(row, column);
    this.home = tab ? (this.home ?? this.active.c) : null;
    if (extend) {
      Object.assign(this.raw.at(-1), { r0: this.anchor.r, c0: this.anchor.c, r1: r, c1: c });
    } else {
      if (add) this.raw.push({ r0: r, c0: c, r1: r, c1: c });
      else this.raw = [{ r0: r, c0: c, r1: r, c1: c }];
      this.active = { r, c };
      this.anchor = { r, c };
    }
    this.changed({ r, c });
  }

  // The next cell of the selection, down its columns or along its rows, from range to range and round.
  step(across, back) {
    const { ranges, active } = this;
    let at = Math.max(0, ranges.indexOf(holder(ranges, active.r, active.c)));
    const size = () => [ranges[at].r1 - ranges[at].r0 + 1, ranges[at].c1 - ranges[at].c0 + 1];
    let [height, width] = size();
    const [down, along] = [active.r - ranges[at].r0, active.c - ranges[at].c0];
    let nth = (across ? down * width + along : along * height + down) + (back ? -1 : 1);
    if (nth < 0 || nth >= height * width) {
      at = (at + (back ? -1 : 1) + ranges.length) % ranges.length;
      [height, width] = size();
      nth = back ? height * width - 1 : 0;
    }
    const [r, c] = across ? [Math.floor(nth / width), nth % width] : [nth % height, Math.floor(nth / height)];
    this.active = { r: ranges[at].r0 + r, c: ranges[at].c0 + c };
    this.changed(this.active);
  }

  set(range, { add = false } = {}) {
    const fitted = this.#fit(range);
    this.raw = add ? [...this.raw, fitted] : [fitted];
    this.active = { r: fitted.r0, c: fitted.c0 };
    this.anchor = { ...this.active };
    this.changed(null);
  }

  all() {
    const [rows, columns] = this.size();
    this.set({ r0: 0, c0: 0, r1: rows - 1, c1: columns - 1 });
  }

  // Every range made as wide, or as high, as the grid; the active cell stays.
  wholeRows() {
    this.#grow({ c0: 0, c1: this.size()[1] - 1 });
  }

  wholeColumns() {
    this.#grow({ r0: 0, r1: this.size()[0] - 1 });
  }

  #grow(more) {
    this.raw = this.ranges.map((range) => ({ ...range, ...more }));
    const { r0, c0 } = this.raw.at(-1);
    this.anchor = { r: r0, c: c0 };
    this.changed(null);
  }

  // The last range from its anchor to whole rows, or columns.
  extendWhole({ r0, r1, c0, c1 }, along) {
    const [rows, columns] = this.size();
    const { r, c } = this.anchor;
    const range = along === "rows" ? { r0: Math.min(r, r0), r1: Math.max(r, r1), c0: 0, c1: columns - 1 } : { r0: 0, r1: rows - 1, c0: Math.min(c, c0), c1: Math.max(c, c1) };
    Object.assign(this.raw.at(-1), range);
    this.changed(null);
  }

  hasRows(r0, r1 = r0) {
    const last = this.size()[1] - 1;
    return this.ranges.some((range) => range.c0 === 0 && range.c1 === last && range.r0 <= r0 && range.r1 >= r1);
  }

  hasColumn(c) {
    const last = this.size()[0] - 1;
    return this.ranges.some((range) => range.r0 === 0 && range.r1 === last && range.c0 <= c && range.c1 >= c);
  }

  // Cells taken out of the selection: each range leaves what is above, beside and below them. One cell is always selected.
  without(hole) {
    const left = this.ranges.flatMap((range) => {
      const { r0, r1, c0, c1 } = range;
      const [top, bottom] = [Math.max(r0, hole.r0), Math.min(r1, hole.r1)];
      const [first, last] = [Math.max(c0, hole.c0), Math.min(c1, hole.c1)];
      if (top > bottom || first > last) return [range];
      return [
        { r0, r1: top - 1, c0, c1 },
        { r0: top, r1: bottom, c0, c1: first - 1 },
        { r0: top, r1: bottom, c0: last + 1, c1 },
        { r0: bottom + 1, r1, c0, c1 },
      ].filter((each) => each.r0 <= each.r1 && each.c0 <= each.c1);
    });
    if (!left.length) return this.go(hole.r0, hole.c0);
    this.raw = left;
    if (!this.has(this.active.r, this.active.c)) this.active = { r: left.at(-1).r0, c: left.at(-1).c0 };
    this.anchor = { r: left.at(-1).r0, c: left.at(-1).c0 };
    return this.changed(null);
  }

  // Rows and columns of the selection if it is a block once what lies between is left out; null if it is not.
  get block() {
    const byColumn = new Map();
    for (const { r0, r1, c0, c1 } of this.ranges.sort((a, b) => a.r0 - b.r0)) {
      for (let c = c0; c <= c1; c++) {
        const spans = byColumn.get(c) ?? [];
        const end = spans.at(-1);
        if (end && r0 <= end[1] + 1) end[1] = Math.max(end[1], r1);
        else spans.push([r0, r1]);
        byColumn.set(c, spans);
      }
    }
    const [spans, ...others] = byColumn.values();
    if (others.some((each) => String(each) !== String(spans))) return null;
    return { rows: spans.flatMap(([r0, r1]) => Array.from({ length: r1 - r0 + 1 }, (_, at) => r0 + at)), columns: [...byColumn.keys()].sort((a, b) => a - b) };
  }

  // After rows or columns changed: nothing beyond their end.
  clamp() {
    this.raw = this.raw.map((range) => this.#fit(range));
    for (const at of [this.active, this.anchor]) [at.r, at.c] = this.#within(at.r, at.c);
    this.changed(null);
  }
}
