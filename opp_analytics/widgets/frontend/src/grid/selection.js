// Which cells are selected: ranges, the active cell, and the anchor that Shift extends from.

const clamp = (value, most) => Math.max(0, Math.min(most, value));

export const normal = ({ r0, c0, r1, c1 }) => ({
  r0: Math.min(r0, r1),
  r1: Math.max(r0, r1),
  c0: Math.min(c0, c1),
  c1: Math.max(c0, c1),
});

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
    return this.ranges.some((range) => r >= range.r0 && r <= range.r1 && c >= range.c0 && c <= range.c1);
  }

  #within(r, c) {
    const [rows, columns] = this.size();
    return [clamp(r, rows - 1), clamp(c, columns - 1)];
  }

  go(row, column, { extend = false, add = false } = {}) {
    const [r, c] = this.#within(row, column);
    if (extend) {
      const last = this.raw.at(-1);
      Object.assign(last, { r0: this.anchor.r, c0: this.anchor.c, r1: r, c1: c });
    } else {
      if (add) this.raw.push({ r0: r, c0: c, r1: r, c1: c });
      else this.raw = [{ r0: r, c0: c, r1: r, c1: c }];
      this.active = { r, c };
      this.anchor = { r, c };
    }
    this.changed({ r, c });
  }

  set(range, { add = false } = {}) {
    const [r0, c0] = this.#within(range.r0, range.c0);
    const [r1, c1] = this.#within(range.r1, range.c1);
    if (!add) this.raw = [];
    this.raw.push({ r0, c0, r1, c1 });
    this.active = { r: r0, c: c0 };
    this.anchor = { r: r0, c: c0 };
    this.changed(null);
  }

  all() {
    const [rows, columns] = this.size();
    this.set({ r0: 0, c0: 0, r1: rows - 1, c1: columns - 1 });
  }

  // After rows or columns changed: nothing beyond their end.
  clamp() {
    const [rows, columns] = this.size();
    const fit = (range) => ({
      r0: clamp(range.r0, rows - 1),
      r1: clamp(range.r1, rows - 1),
      c0: clamp(range.c0, columns - 1),
      c1: clamp(range.c1, columns - 1),
    });
    this.raw = this.raw.map(fit);
    for (const at of [this.active, this.anchor]) Object.assign(at, { r: clamp(at.r, rows - 1), c: clamp(at.c, columns - 1) });
    this.changed(null);
  }
}
