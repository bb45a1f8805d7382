// The meeting at the table of deals: which are picked, which were discussed, and a note on each.

import { h } from "../shared/dom.js";

export class Review {
  #picked = new Set();

  constructor(explorer, model, node) {
    Object.assign(this, { explorer, model, node });
  }

  get #rows() {
    return this.model.review?.rows;
  }

  // -- deals picked by hand

  box(at, text) {
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

  // What is above the table.
  tools() {
    this.keep = h("button", { class: "btn keep", hidden: true, onclick: () => this.explorer.choose({ picked: [...this.#picked] }) });
    this.count = h("span", { class: "q sm", role: "status" });
    const rest = h("button", { class: "lnk sm", onclick: () => this.explorer.choose({ discussed: "no" }) }, "Not yet discussed");
    this.#sayPicked();
    this.#sayCount();
    return [this.keep, this.#rows ? [this.count, rest] : ""];
  }

  after() {
    const { why } = this.model.review ?? {};
    return why ? h("p", { class: "note" }, why) : "";
  }

  // -- discussed, and notes

  // A row of the table with two columns more: the mark beside the name, the note at the end.
  row([name, ...rest], mark, note) {
    return this.#rows ? [name, mark(), ...rest, note()] : [name, ...rest];
  }

  heads(cells) {
    return this.row(cells, () => h("th", { scope: "col", class: "q", title: "Discussed" }, h("span", { "aria-hidden": "true" }, "✓"), h("span", { class: "vh" }, "Discussed")), () => h("th", { scope: "col", class: "q" }, "Note"));
  }

  feet(cells) {
    return this.row(cells, () => h("td", {}), () => h("td", {}));
  }

  cells(at, text, cells) {
    const mark = () => {
      const button = h("button", { class: "mark", "aria-pressed": String(this.#rows[at][0]), "aria-label": `Discussed: ${text}`, title: "Discussed", onclick: () => this.#write(at, { discussed: button.getAttribute("aria-pressed") !== "true" }) }, "✓");
      return h("td", {}, button);
    };
    const note = () => {
      const cell = h("td", { class: "memo" });
      this.#showNote(cell, at, text);
      return cell;
    };
    return this.row(cells, mark, note);
  }

  get width() {
    return this.model.columns.length + (this.#rows ? 2 : 0);
  }

  #showNote(cell, at, text) {
    const [, note] = this.#rows[at];
    const edit = h("button", { class: note ? "" : "q none", title: note, "aria-label": note ? `Note on ${text}: ${note}` : `Add a note on ${text}`, onclick: () => this.#edit(cell, at, text) }, h("bdi", {}, note || "Add a note"));
    cell.replaceChildren(edit);
    return edit;
  }

  // Enter saves, and so does leaving the field; Escape cancels.
  #edit(cell, at, text) {
    const known = this.#rows[at][1];
    const said = h("div", { class: "err", role: "alert" });
    let over = false;
    let newer = known;
    const close = (focus) => {
      over = true;
      const edit = this.#showNote(cell, at, text);
      if (focus) edit.focus();
    };
    const save = async (focus) => {
      if (over) return;
      if (input.value.trim() === newer) return void close(focus);
      const { newer: words, text: theirs, error, dead } = await this.#write(at, { note: input.value, known: newer });
      said.textContent = error ?? words ?? (dead ? "Python is gone; the note is not kept." : "");
      if (words) newer = theirs;
      if (!said.textContent) close(focus);
    };
    const input = h("input", { type: "text", "aria-label": `Note on ${text}`, onblur: () => save(false), onkeydown: (event) => {
      if (event.key === "Enter") save(true);
      else if (event.key === "Escape") close(true);
      else return;
      event.preventDefault();
      event.stopPropagation();
    } });
    input.value = known;
    cell.replaceChildren(input, said);
    input.focus();
  }

  // A deal may be in several rows of the table: it is written once, and shown in all.
  async #write(at, change) {
    const { ids, review } = this.model;
    const answer = await this.explorer.kernel.ask({ do: "note", id: ids[at], ...change });
    if (answer.error || answer.dead || answer.newer) return answer;
    const was = review.rows[at][0];
    review.discussed += answer.note - was;
    ids.forEach((id, row) => id === ids[at] && (review.rows[row] = [answer.note, answer.text]));
    this.node.querySelectorAll(".mark").forEach((mark) => mark.closest("tr").dataset.id === ids[at] && mark.setAttribute("aria-pressed", String(answer.note)));
    this.#sayCount();
    return answer;
  }

  #sayCount() {
    const { review } = this.model;
    if (review?.rows) this.count.textContent = `${review.discussed} of ${review.deals} discussed`;
  }
}
