// What is set: the columns that are shown, in which order and how wide, and behind them sort and filters; kept by Python.

export class Layout {
  constructor(model, specs, ask) {
    Object.assign(this, { model, specs, ask });
    const { order, hidden, widths, figures, ...more } = model.get("_layout") ?? {};
    this.order = this.#known(order ?? []);
    this.hidden = new Set(hidden ?? specs.filter((spec) => spec.hidden).map(({ field }) => field));
    this.widths = { ...(widths ?? {}) };
    this.figures = figures ?? null; // names of those in the status line; null for all
    this.more = more;
  }

  #known(order) {
    const fields = this.specs.map(({ field }) => field);
    const first = fields.includes("name") ? ["name"] : fields.slice(0, 1);
    const kept = order.filter((field) => fields.includes(field));
    return [...new Set([...first, ...kept, ...fields])];
  }

  get all() {
    return this.order.map((field) => this.specs.find((spec) => spec.field === field));
  }

  visible() {
    return this.all.filter(({ field }, at) => at === 0 || !this.hidden.has(field));
  }

  toggle(field) {
    if (!this.hidden.delete(field)) this.hidden.add(field);
    this.#keep();
  }

  move(at, by) {
    const to = at + by;
    [this.order[at], this.order[to]] = [this.order[to], this.order[at]];
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

  reset() {
    this.order = this.#known([]);
    this.hidden = new Set(this.specs.filter((spec) => spec.hidden).map(({ field }) => field));
    this.fit();
  }

  choose(figures) {
    this.figures = figures;
    this.#keep();
  }

  // What else is set: sort and filters.
  note(more) {
    this.more = more;
    this.#keep();
  }

  #keep() {
    const layout = { order: [...this.order], hidden: [...this.hidden], widths: { ...this.widths }, figures: this.figures, ...this.more };
    this.model.set("_layout", layout); // for another view on this page
    this.ask({ do: "layout", layout });
  }
}
