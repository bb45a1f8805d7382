// What Python answered about cells and rows, and how that looks. Nothing is marked that Python did not say.

export class Marks {
  #cells = new Map();
  #rows = new Map();

  setCell(row, field, state, note) {
    const key = `${row}/${field}`;
    if (state) this.#cells.set(key, { state, note });
    else this.#cells.delete(key);
  }

  setRow(row, state) {
    this.#rows.set(row, state);
  }

  cell(row, field) {
    return this.#cells.get(`${row}/${field}`);
  }

  row(row) {
    return this.#rows.get(row) ?? "";
  }

  paint(node, row, field) {
    const mark = this.cell(row, field);
    // Most cells of a large table never have a mark, and scrolling must not touch them.
    if (!mark && !node.hasAttribute("aria-invalid")) return;
    node.classList.toggle("opp-changed", mark?.state === "changed");
    node.classList.toggle("opp-refused", mark?.state === "refused");
    node.setAttribute("aria-invalid", mark?.state === "refused");
    node.title = mark?.note ?? "";
  }
}
