// Sort and filters: what is set, how it shows in the header, and the message about a filter that is not understood.

import { debounced, h } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { compile } from "./filters.js";
import { fillValues } from "./values.js";

export class Arranging {
  #message = null;
  #asked = new Map(); // field -> number of its newest filter
  #arranged = 0;

  // `grid` has: store, table, layout, popovers, root, holder, judged(what), rows(more), say(text), focus()
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
    const filters = [...this.#store.filters].map(([field, { text, list }]) => [field, { text: text ?? "", list: list ? [...list] : null }]);
    this.grid.layout.note({ sort: this.#store.sort, filters: Object.fromEntries(filters) });
  }

  // What was set when this widget was shown before; a column that is hidden by now filters nothing.
  restore({ sort, filters = {} }) {
    const { table, specs } = this.grid;
    if (specs.some(({ field }) => field === sort?.field)) this.#store.sort = sort;
    const kept = specs.filter(({ field }) => filters[field]);
    for (const { field } of kept) {
      const { text, list } = filters[field];
      this.#store.filters.set(field, { text, list: list && new Set(list) });
    }
    if (!this.#store.sort && !kept.length) return;
    this.arrange();
    table.columns();
    for (const spec of kept) if (filters[spec.field].text) this.#filter(spec, filters[spec.field].text);
  }

  #draw(more) {
    this.#store.arrange();
    this.grid.rows(more);
  }

  typed(spec, text, now) {
    this.closeMessage();
    this.later.cancel();
    if (now) this.#filter(spec, text);
    else this.later(spec, text);
  }

  async #filter(spec, text) {
    const asked = (this.#asked.get(spec.field) ?? 0) + 1;
    this.#asked.set(spec.field, asked);
    const { test, error } = await compile(spec, text, (cells) => this.grid.judged({ do: "operands", cells }));
    if (this.#asked.get(spec.field) !== asked) return; // a newer one is on its way
    const { list } = this.#store.filters.get(spec.field) ?? {};
    if (text.trim() || list) this.#store.filters.set(spec.field, { text, test, error, list });
    else this.#store.filters.delete(spec.field);
    this.arrange();
    this.grid.table.showFilter(spec.field);
    if (error) this.#show(spec, error);
    this.grid.say(error ?? (text.trim() ? this.#matching : ""));
  }

  get #matching() {
    return `${count(this.#store.order.length, "deal")} match`;
  }

  #show(spec, error) {
    this.closeMessage();
    const { root, table } = this.grid;
    const [a, b] = [table.filterInput(spec.field).getBoundingClientRect(), root.getBoundingClientRect()];
    const left = Math.max(4, Math.min(a.left - b.left, b.width - 304));
    this.#message = h("div", { class: "msg", role: "alert", style: `left:${left}px;top:${a.bottom - b.top + 4}px` }, error);
    root.append(this.#message);
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

  openValues(spec) {
    const { grid } = this;
    const from = () => grid.holder.querySelector(`[data-values="${CSS.escape(spec.field)}"]`);
    const done = () => grid.popovers.close();
    const sort = (down) => {
      this.#store.sort = { field: spec.field, down };
      grid.popovers.close();
      this.arrange();
      grid.table.columns();
      if (!grid.root.contains(document.activeElement)) grid.focus(); // its button was drawn anew
      grid.say(`Sorted by ${spec.title}`);
    };
    const filter = (list) => {
      const known = this.#store.filters.get(spec.field) ?? { text: "" };
      if (list || known.text) this.#store.filters.set(spec.field, { ...known, list });
      else this.#store.filters.delete(spec.field);
      this.arrange();
      grid.table.columns();
      grid.say(this.#matching);
    };
    grid.popovers.toggle(from, `Sort and values of ${spec.title}`, (node) => fillValues(node, { store: this.#store, spec, done, sort, filter }));
  }

  nothing() {
    const all = this.#store.total;
    if (!all) return ["No deals. Add one, or load some."];
    const why = this.#store.changedOnly ? "No changed deals." : "No deals match the filters.";
    return [`${why} `, h("button", { class: "lnk", type: "button", onclick: () => this.clear() }, `Show all ${count(all, "deal")}`)];
  }
}
