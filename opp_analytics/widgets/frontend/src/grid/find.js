// Find and replace, in what the cells show, in the rows shown.

import { h, name } from "../shared/dom.js";
import { count, number } from "../shared/format.js";
import { wide } from "./commands.js";
import { holder } from "./selection.js";

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export class Find {
  matchCase = false;
  wholeCell = false;
  hits = [];
  at = 0;

  constructor(grid) {
    this.grid = grid;
    this.ranges = grid.selection.single ? [] : grid.selection.ranges; // the selection, where it is one of several cells
    this.what = h("input", { type: "text", class: "fq", placeholder: "Find", "aria-label": "Find", oninput: () => this.search(true), onkeydown: (event) => this.#key(event, () => this.step(event.shiftKey ? -1 : 1)) });
    this.told = h("span", { class: "fcount", role: "status" });
    const columns = [["", "All columns"], ["\u0000", "Selection"], ...grid.specs.map(({ field, title }) => [field, title])];
    this.where = h("select", { "aria-label": "Where to find", onchange: () => this.search(true) }, columns.map(([value, title]) => h("option", { value }, title)));
    this.replacement = h("input", { type: "text", class: "fq", placeholder: "Replace with", "aria-label": "Replace with", oninput: () => this.preview(), onkeydown: (event) => this.#key(event, () => this.replace(false)) });
    const button = (title, act, text = title, icon = false) => h("button", { class: `btn${icon ? " ic" : ""}`, "aria-label": icon ? title : null, onclick: act }, text);
    this.one = button("Replace", () => this.replace(false));
    this.all = button("Replace all", () => this.replace(true));
    const toggle = (option, name, text) =>
      h("button", { class: "btn", "aria-label": name, title: name, "aria-pressed": "false", onclick: ({ currentTarget }) => {
        this[option] = !this[option];
        currentTarget.setAttribute("aria-pressed", this[option]);
        currentTarget.classList.toggle("on", this[option]);
        this.search(true);
      } }, text);
    this.box = h("div", { class: "prev", hidden: true });
    this.node = h("div", { class: "bar", role: "search" },
      this.what, toggle("matchCase", "Match case", "Aa"), toggle("wholeCell", "Whole cell", h("span", {}, wide("Whole "), "cell")), this.told, button("Previous", () => this.step(-1), "↑", true), button("Next", () => this.step(1), "↓", true), this.where,
      h("span", { class: "sep" }), this.replacement, this.one, this.all, h("span", { class: "sp" }),
      h("button", { class: "btn", onclick: () => this.grid.closeFind() }, "Close", wide(h("span", { class: "q" }, "Esc"))), this.box,
    );
  }

  #key(event, act) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act();
  }

  search(jump) {
    const { store, specs } = this.grid;
    const pattern = this.#pattern();
    const [only, selected] = [this.where.value, this.where.value === "\u0000"];
    this.hits = [];
    if (this.what.value) {
      specs.forEach((spec, c) => {
        if (only && !selected && spec.field !== only) return;
        const column = store.data.get(spec.field);
        const known = new Map(); // a value is shown and searched once
        store.order.forEach((row, r) => {
          if (selected && !holder(this.ranges, r, c)) return;
          const value = column[row] ?? null;
          let found = known.get(value);
          if (found === undefined) known.set(value, (found = store.text(row, spec.field).search(pattern) >= 0));
          if (found) this.hits.push({ r, c, row, spec });
        });
      });
      this.hits.sort((a, b) => a.r - b.r || a.c - b.c);
    }
    if (this.at >= this.hits.length || jump) this.at = 0;
    this.show(jump);
  }

  get writable() {
    return this.hits.filter(({ row, spec }) => !spec.locked && !this.grid.store.state(row));
  }

  show(jump) {
    const deals = new Set(this.hits.map(({ row }) => row)).size;
    const [hits, noun] = count(this.hits.length, "cell").split(" ");
    const found = this.hits.length ? [`${number(this.at + 1)} of ${hits}`, wide(` ${noun}, ${count(deals, "deal")}`)] : ["No match"];
    this.told.replaceChildren(...(this.what.value ? found : []));
    const writable = this.writable.length;
    const all = writable ? `all ${number(writable)}` : "all";
    this.all.replaceChildren(h("span", {}, wide("Replace "), all));
    this.all.setAttribute("aria-label", `Replace ${all}`);
    this.all.disabled = !writable;
    this.one.disabled = !this.hits[this.at] || this.hits[this.at].spec.locked;
    if (jump) this.#reveal();
    this.grid.paint();
    this.preview();
  }

  #reveal() {
    const hit = this.hits[this.at];
    if (hit) this.grid.table.reveal(hit.r, hit.c);
  }

  step(by) {
    if (!this.hits.length) return;
    this.at = (this.at + by + this.hits.length) % this.hits.length;
    this.show(true);
  }

  #pattern() {
    const text = escaped(this.what.value);
    return new RegExp(this.wholeCell ? `^${text}$` : text, this.matchCase ? "g" : "gi");
  }

  #replaced({ row, spec }) {
    return this.grid.store.text(row, spec.field).replace(this.#pattern(), () => this.replacement.value);
  }

  async preview() {
    const writable = this.writable;
    this.box.hidden = !this.what.value || !this.replacement.value || !writable.length;
    if (this.box.hidden) return;
    const lines = writable.slice(0, 3).map((hit) => {
      const text = this.grid.store.text(hit.row, hit.spec.field);
      const parts = text.split(this.#pattern()).flatMap((part, at) => (at ? [h("mark", {}, this.replacement.value), part] : [part]));
      const [first] = this.grid.specs;
      const whose = hit.spec === first ? "" : [h("b", {}, name(this.grid.store.text(hit.row, first.field))), ` ${hit.spec.title} `];
      return h("div", {}, whose, h("s", {}, text), " → ", ...parts);
    });
    const notes = [writable.length > 3 && `and ${number(writable.length - 3)} more`, this.hits.length > writable.length && `${number(this.hits.length - writable.length)} read only, left as they are`];
    const rest = h("div", { class: "q" }, notes.filter(Boolean).join(" · "));
    this.box.replaceChildren(...lines, rest);
    const asked = this.replacement.value;
    const judged = await this.grid.read(writable.slice(0, 500).map((hit) => [hit.spec.field, this.#replaced(hit)]));
    const refused = judged.filter(([, why]) => why).length;
    if (refused && asked === this.replacement.value) rest.textContent = [...notes.filter(Boolean), `${number(refused)} would be refused`].join(" · ");
  }

  async replace(all) {
    const hits = all ? this.writable : this.hits.slice(this.at, this.at + 1).filter(({ spec }) => !spec.locked);
    if (!hits.length) return;
    await this.grid.actions.replace(hits.map((hit) => ({ row: hit.row, field: hit.spec.field, text: this.#replaced(hit) })));
    this.search(false);
    if (!all) this.#reveal();
    (all ? this.what : this.replacement).focus({ preventScroll: true });
  }
}
