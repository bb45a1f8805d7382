// The deals under a mark: sortable, with their sum, each with its timeline and its link.

import { h } from "../shared/dom.js";

const WORDS = { flags: "w", reasons: "w long", owner_name: "o" }; // columns of several words, which wrap

export class DealsTable {
  #sort = null;
  #picked = new Set(); // ids, by hand

  constructor(explorer) {
    this.explorer = explorer;
    this.node = h("div", { class: "tbl", hidden: true });
  }

  show(model, focus) {
    this.model = model;
    this.#sort = { at: model.columns.findIndex(({ name }) => name === model.sorted), down: true };
    this.order = model.rows.map((_, at) => at);
    this.#picked.clear();
    this.#draw();
    this.node.hidden = false;
    if (focus) this.node.querySelector("h4").focus();
    this.node.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  #by(at) {
    const down = this.#sort.at === at ? !this.#sort.down : this.model.columns[at].right || ["flags", "reasons"].includes(this.model.columns[at].name);
    this.#sort = { at, down };
    this.order.sort((one, other) => {
      const [a, b] = [this.model.rows[one][at][0], this.model.rows[other][at][0]];
      if (a === null || b === null) return (a === null) - (b === null) || one - other;
      return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1) || one - other;
    });
    this.#draw();
    this.node.querySelectorAll("thead button")[at].focus();
  }

  #draw() {
    const { model } = this;
    const heads = model.columns.map(({ title, right }, at) => {
      const on = this.#sort.at === at;
      return h("th", { scope: "col", class: right ? "r" : "", "aria-sort": on ? (this.#sort.down ? "descending" : "ascending") : null }, h("button", { onclick: () => this.#by(at) }, title, on ? (this.#sort.down ? " ↓" : " ↑") : ""));
    });
    const rows = this.order.map((at) => this.#row(at));
    const foot = model.columns.map(({ name, right }, at) => (at ? h("td", { class: right ? "r" : "" }, name === model.measure ? model.total : "") : h("th", { scope: "row" }, `Total, ${model.counted}`)));
    const edit = h("button", { class: "btn", onclick: () => this.explorer.edit(model) }, model.each === "1 deal" ? "Edit this deal" : `Edit these ${model.each}`);
    this.keep = h("button", { class: "btn keep", onclick: () => this.explorer.choose({ picked: [...this.#picked] }) });
    this.#sayPicked();
    this.node.replaceChildren(
      h("div", { class: "tbh" },
        h("h4", { tabindex: "-1" }, h("bdi", {}, model.label), h("span", {}, rows.length ? ` ${model.counted} · ${model.sum}` : " no deals")),
        rows.length ? [this.keep, edit] : "",
        h("button", { class: "lnk sm", onclick: () => this.explorer.closeDeals() }, "Close ", h("span", { class: "q" }, "Esc"))),
      rows.length ? h("div", { class: "tbs", tabindex: "0", role: "region", "aria-label": `Deals of ${model.label}` },
        h("table", { class: "deals" },
          h("thead", {}, h("tr", {}, heads)),
          h("tbody", {}, rows),
          h("tfoot", {}, h("tr", {}, foot)))) : "",
      model.note ? h("p", { class: "note" }, model.note) : "",
      model.more ? h("p", { class: "note" }, `The largest ${model.rows.length} are listed; the export has all.`) : "",
    );
  }

  #row(at) {
    const { model } = this;
    const cells = model.columns.map(({ name, right }, column) => {
      const [, text, full] = model.rows[at][column];
      return column ? h("td", { class: right ? "r" : WORDS[name] ?? "", "data-tip": full ?? null }, h("bdi", {}, text)) : h("th", { scope: "row" }, this.#name(at, text || "(no name)"));
    });
    return h("tr", { "data-id": model.ids[at] }, cells);
  }

  #name(at, text) {
    const link = this.model.links[at];
    const deal = h("button", { class: "deal", title: text, "aria-expanded": "false", onclick: (event) => this.#timeline(event.currentTarget, at) }, h("bdi", {}, text));
    return h("span", { class: "who" }, this.#box(at, text), deal, /^https?:/i.test(link ?? "") ? h("a", { class: "rec", href: link, target: "_blank", rel: "noopener noreferrer", title: "Open in the CRM", "aria-label": `Open ${text} in the CRM` }, "↗") : "");
  }

  #box(at, text) {
    const id = this.model.ids[at];
    const box = h("input", { type: "checkbox", class: "take", "aria-label": `Pick ${text}`, onchange: () => {
      if (box.checked) this.#picked.add(id);
      else this.#picked.delete(id);
      this.#sayPicked();
    } });
    box.checked = this.#picked.has(id);
    return h("label", { class: "hit" }, box);
  }

  #sayPicked() {
    const n = this.#picked.size;
    this.keep.hidden = !n;
    this.keep.textContent = n === 1 ? "Keep only this one" : `Keep only these ${n}`;
  }

  async #timeline(button, at) {
    const row = button.closest("tr");
    if (row.nextElementSibling?.classList.contains("tl")) {
      row.nextElementSibling.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const { sections = [], error } = await this.explorer.kernel.ask({ do: "deal", id: this.model.ids[at], key: this.model.key });
    button.setAttribute("aria-expanded", "true");
    const told = sections.length ? sections : [["", [error ?? "No history yet."]]];
    row.after(h("tr", { class: "tl" }, h("td", { colspan: String(this.model.columns.length) }, h("dl", {}, told.map(([title, lines]) => [h("dt", {}, title), lines.map((line) => h("dd", {}, h("bdi", {}, line)))])))));
  }
}
