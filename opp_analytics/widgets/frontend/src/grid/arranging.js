// Sort and filters: what is set, how it shows in the header, and the message about a filter that is not understood.

import { active, debounced, h, uid } from "../shared/dom.js";
import { count, label, plain } from "../shared/format.js";
import { placeBeside } from "../shared/popover.js";
import { compile, examples } from "./filters.js";

export class Arranging {
  #message = null;
  #asked = new Map(); // field -> number of its newest filter
  #arranged = 0;

  constructor(grid) {
    this.grid = grid;
    this.later = debounced(350, (spec, text) => this.#filter(spec, text));
  }

  get #store() {
    return this.grid.store;
  }

  arrange() {
    this.#draw({ toTop: true });
    // Edits that are on their way were made before: they count once they are answered.
    const arranged = ++this.#arranged;
    this.grid.edits?.then(() => arranged === this.#arranged && this.#draw());
    const filters = Object.fromEntries([...this.#store.filters].map(([field, { text }]) => [field, text]));
    this.grid.layout.note({ sort: this.#store.sorts, filters });
  }

  // What was set when this widget was shown before; a column that is hidden by now filters nothing.
  restore({ sort, filters = {} }) {
    const { table, specs, layout } = this.grid;
    this.#store.sorts = (sort ?? []).filter(({ field }) => layout.byField.has(field));
    const kept = specs.filter(({ field }) => filters[field]);
    for (const { field } of kept) this.#store.filters.set(field, { text: filters[field] });
    if (!this.#store.sorts.length && !kept.length) return;
    this.arrange();
    table.columns();
    for (const spec of kept) this.#filter(spec, filters[spec.field]);
  }

  // By a column up or down, or no more if `down` is null; as a further key if it adds.
  sort(spec, down, add = false) {
    const { sorts } = this.#store;
    const key = { field: spec.field, down };
    const others = sorts.filter(({ field }) => field !== spec.field);
    if (!add) this.#store.sorts = down === null ? [] : [key];
    else if (down === null) this.#store.sorts = others;
    else this.#store.sorts = others.length < sorts.length ? sorts.map((each) => (each.field === spec.field ? key : each)) : [...sorts, key];
    this.arrange();
    this.grid.table.columns();
    if (!this.grid.root.contains(active(this.grid.root))) this.grid.focus(); // its button was drawn anew
    const titles = this.#store.sorts.map(({ field, down: falls }) => `${this.#store.byField.get(field).title}${falls ? " down" : ""}`);
    this.grid.say(titles.length ? `Sorted by ${titles.join(", then ")}` : "Not sorted: open deals by close date, then closed ones");
  }

  // Up, then down, then not at all.
  turn(spec, add) {
    const now = this.#store.sorts.find(({ field }) => field === spec.field);
    this.sort(spec, now ? (now.down ? null : true) : false, add);
  }

  // The deals whose cell holds the value of one, or those whose cell does not.
  only(spec, row, wanted) {
    const value = this.#store.value(row, spec.field);
    const text = value === null ? (wanted ? "empty" : "not empty") : `${wanted ? "=" : "!="} ${spec.kind === "instant" ? value.slice(0, 10) : plain(spec.kind, value)}`;
    this.grid.table.filterInput(spec.field).value = text;
    return this.typed(spec, text, true);
  }

  #draw(more) {
    this.#store.arrange();
    this.grid.rows(more);
  }

  typed(spec, text, now = false) {
    this.grid.callout.hide();
    this.closeMessage();
    this.later.cancel();
    if (now) this.#filter(spec, text);
    else this.later(spec, text);
  }

  async #filter(spec, text) {
    const asked = (this.#asked.get(spec.field) ?? 0) + 1;
    this.#asked.set(spec.field, asked);
    const column = this.#store.data.get(spec.field);
    const today = this.grid.model.get("_today");
    const { test, words, error } = await compile(spec, text, {
      read: (cells) => this.grid.read(cells, "operands"),
      holds: (part) => column.some((value) => value && label(String(value).toLowerCase()).includes(part)),
      equals: (whole) => column.some((value) => value && label(String(value).toLowerCase()) === whole),
      overdue: (row) => Boolean(this.#store.open[row] ?? 1) && column[row] && column[row] < today,
    });
    // A newer one is on its way, or the column or the grid is gone by now.
    if (this.#asked.get(spec.field) !== asked || !this.grid.table.filterInput(spec.field)) return;
    if (text.trim()) this.#store.filters.set(spec.field, { text, test, words, error });
    else this.#store.filters.delete(spec.field);
    this.arrange();
    this.grid.table.showFilter(spec.field);
    this.explain(spec);
    this.grid.say(error ?? (text.trim() ? this.#matching : ""));
  }

  // What the filter that has focus means, under its field; what is wrong with it also without focus.
  explain(spec) {
    const input = this.grid.table.filterInput(spec.field);
    const { text = "", words, error } = this.#store.filters.get(spec.field) ?? {};
    if (error) this.#show(spec, error, "alert");
    else if (input !== active(this.grid.root)) this.closeNote();
    else if (words) this.#show(spec, [h("b", {}, spec.title), ` ${words}`], "note");
    else if (!text.trim()) this.#show(spec, examples(spec), "note");
  }

  get #matching() {
    return `${count(this.#store.order.length, "deal")} match`;
  }

  #show(spec, content, role) {
    this.closeMessage();
    const id = uid();
    this.#message = h("div", { class: "msg", id, role, "data-of": spec.field }, content);
    this.grid.table.filterInput(spec.field).setAttribute("aria-describedby", id);
    this.place();
  }

  // The message stays under its field while the rows scroll.
  place() {
    const { root, table } = this.grid;
    const input = this.#message && table.filterInput(this.#message.dataset.of);
    if (!input) return this.closeMessage();
    return placeBeside(this.#message, input, root, { gap: 4, left: (a) => a.left });
  }

  closeNote() {
    if (this.#message?.role === "note") this.closeMessage();
  }

  closeMessage() {
    this.#message?.remove();
    this.#message = null;
  }

  // Without a word, since something else follows.
  forget() {
    this.later.cancel();
    for (const field of this.#store.filters.keys()) this.#asked.set(field, (this.#asked.get(field) ?? 0) + 1);
    this.#store.filters.clear();
    this.#store.changedOnly = false;
    this.arrange();
    this.grid.table.columns();
  }

  clear() {
    this.closeMessage();
    this.forget();
    this.grid.say("Filters cleared");
    this.grid.focus();
  }

  toggleChanged() {
    this.#store.changedOnly = !this.#store.changedOnly;
    this.arrange();
    this.grid.say(this.#store.changedOnly ? count(this.#store.order.length, "changed or refused deal") : "");
  }

  nothing() {
    const all = this.#store.total;
    if (!all) return ["No deals. Add one, or load some."];
    const why = this.#store.changedOnly ? "No changed deals." : "No deals match the filters.";
    return [`${why} `, h("button", { class: "lnk", onclick: () => this.clear() }, `Show all ${count(all, "deal")}`)];
  }
}
