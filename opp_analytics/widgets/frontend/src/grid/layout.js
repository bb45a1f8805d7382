// What is set: the columns that are shown, in which order, how wide and how many frozen, and behind them sort and filters; kept by Python.

export class Layout {
  constructor(model, specs, ask) {
    Object.assign(this, { model, specs, ask, byField: new Map(specs.map((spec) => [spec.field, spec])) });
    this.#take(model.get("_layout") ?? {});
  }

  #take({ order, hidden, widths, frozen, ...more }) {
    const fields = this.specs.map(({ field }) => field);
    const first = fields.includes("name") ? ["name"] : fields.slice(0, 1);
    this.order = [...new Set([...first, ...(order ?? []).filter((field) => fields.includes(field)), ...fields])];
    this.hidden = new Set(hidden ?? this.specs.filter((spec) => spec.hidden).map(({ field }) => field));
    this.widths = { ...(widths ?? {}) };
    this.frozen = frozen ?? 1; // columns, the row numbers not counted
    this.more = more;
  }

  get all() {
    return this.order.map((field) => this.byField.get(field));
  }

  visible() {
    return this.all.filter(({ field }, at) => at === 0 || !this.hidden.has(field));
  }

  toggle(field) {
    const at = this.visible().findIndex((spec) => spec.field === field);
    if (!this.hidden.delete(field)) this.hidden.add(field);
    if (at >= 0 && at < this.frozen) this.frozen -= 1;
    this.#keep();
  }

  // Visible columns put before the one at a place among them; the first column stays where it is.
  place(fields, c) {
    const before = this.visible().slice(Math.max(1, c)).find(({ field }) => !fields.includes(field))?.field;
    const others = this.order.filter((field) => !fields.includes(field));
    this.order = others.toSpliced(before ? others.indexOf(before) : others.length, 0, ...fields);
    this.#keep();
  }

  freeze(columns) {
    this.frozen = columns;
    this.#keep();
  }

  resize(field, width) {
    this.widths[field] = width;
    this.#keep();
  }

  fit() {
    this.widths = {};
    this.#keep();
  }

  // Columns as at first; sort and filters stay.
  reset() {
    this.#take(this.more);
    this.#keep();
  }

  // What else is set: sort and filters.
  note(more) {
    this.more = more;
    this.#keep();
  }

  #keep() {
    const { order, hidden, widths, frozen, more } = this;
    const layout = { order: [...order], hidden: [...hidden], widths: { ...widths }, frozen, ...more };
    this.model.set("_layout", layout); // for another view on this page
    this.ask({ do: "layout", layout });
  }
}
