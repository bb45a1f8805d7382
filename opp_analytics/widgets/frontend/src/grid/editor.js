// The editor over a cell: one text field that takes what people type, with a list of options or a calendar beside it.

import { h, uid } from "../shared/dom.js";
import { DATED, RIGHT, day as dayName, label, month as monthName, plain, shown } from "../shared/format.js";
import { placeBeside } from "../shared/popover.js";

const WEEK = ["S", "M", "T", "W", "T", "F", "S"];
const HIGHEST = 170; // of a text: eight lines, more of them scroll
const iso = (date) => date.toISOString().slice(0, 10);
const moved = (day, days) => iso(new Date(Date.parse(day) + days * 864e5));

// What is pressed beside the field leaves it focus.
const pressed = (act) => (event) => {
  event.preventDefault();
  act(event);
};

export class Editor {
  #popup = null;
  #options = [];
  #at = -1;
  #done = false;

  // `end` is told how it ended: all, one or no, the text, the key that did it, and whether the text is what it opened with.
  constructor({ root, cell, row, spec, options, name, value, text, today, read, say, alive, end }) {
    Object.assign(this, { root, cell, row, spec, options, value, today, read, say, alive, end });
    // A text may have several lines.
    this.input = h(spec.kind === "text" ? "textarea" : "input", { type: spec.kind === "text" ? null : "text", rows: "1", class: "ed", "aria-label": `${spec.title}, ${name}`, autocomplete: "off" });
    this.input.classList.toggle("right", RIGHT.has(spec.kind));
    this.input.value = text ?? plain(spec.kind, value);
    this.opened = text === undefined ? this.input.value : null;
    root.append(this.input);
    this.place(cell);
    this.input.focus({ preventScroll: true });
    if (text === undefined && (options.length || DATED.has(spec.kind))) this.input.select(); // a text or number is amended at its end
    if (options.length) this.#list(text === undefined);
    else if (DATED.has(spec.kind)) this.#calendar(value ?? today);
    this.caret = text !== undefined; // the arrows are the text's once somebody types
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("pointerdown", () => (this.caret = true));
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.#close("one", null));
  }

  get touched() {
    return this.input.value !== this.opened;
  }

  place(cell) {
    if (!cell) return;
    const [a, b] = [cell.getBoundingClientRect(), this.root.getBoundingClientRect()];
    Object.assign(this.input.style, { left: `${a.left - b.left - 1}px`, top: `${a.top - b.top - 1}px`, width: `${a.width + 2}px`, height: `${a.height + 2}px` });
    const { scrollHeight, clientHeight, style } = this.input;
    if (this.spec.kind === "text" && scrollHeight > clientHeight) style.height = `${Math.min(HIGHEST, scrollHeight + 4)}px`;
  }

  async #typed() {
    this.place(this.cell);
    this.caret = true;
    if (this.options.length) return this.#list(false);
    if (!DATED.has(this.spec.kind) || !this.input.value.trim()) return undefined;
    const [[day, why]] = await this.read([[this.spec.field, this.input.value]]);
    if (!why && day && !this.#done) this.#calendar(day);
    return undefined;
  }

  #key(event) {
    event.stopPropagation(); // neither the grid nor the notebook takes these for its own
    const { key } = event;
    if (event.isComposing) return;
    if (key === "Enter" && event.altKey && this.spec.kind === "text") {
      this.input.setRangeText("\n", this.input.selectionStart, this.input.selectionEnd, "end");
      this.#typed();
    } else if (key === "Escape") this.#close("no", null);
    else if (key === "Enter") this.#close("all", event);
    else if (key === "Tab") this.#close("one", event);
    else if (this.#options.length && (key === "ArrowDown" || key === "ArrowUp")) this.#point((this.#at + (key === "ArrowDown" ? 1 : -1) + this.#options.length) % this.#options.length);
    else if (!this.shownDay || event.shiftKey || event.ctrlKey || event.metaKey || !this.#walk(key)) return;
    event.preventDefault();
  }

  // In the calendar, as long as nobody has typed; up, down and the pages always.
  #walk(key) {
    const [year, month, date] = this.shownDay.split("-").map(Number);
    const turned = (by) => iso(new Date(Date.UTC(year, month - 1 + by, Math.min(date, new Date(Date.UTC(year, month + by, 0)).getUTCDate()))));
    const days = { ArrowDown: () => moved(this.shownDay, 7), ArrowUp: () => moved(this.shownDay, -7), PageDown: () => turned(1), PageUp: () => turned(-1) };
    const along = { ArrowLeft: () => moved(this.shownDay, -1), ArrowRight: () => moved(this.shownDay, 1), Home: () => `${this.shownDay.slice(0, 8)}01`, End: () => iso(new Date(Date.UTC(year, month, 0))) };
    const to = days[key] ?? (this.caret ? null : along[key]);
    if (!to) return false;
    this.#calendar(to());
    this.input.value = plain("date", this.shownDay);
    this.input.select();
    this.caret = false;
    this.say(shown("date", this.shownDay));
    return true;
  }

  #close(how, event) {
    // Where nobody takes the text, it stays in sight.
    if (this.#done || (how !== "no" && !this.alive())) return;
    this.#done = true;
    if (how !== "no" && event && this.#at >= 0 && this.#options.length) this.input.value = label(this.#options[this.#at]);
    const text = this.input.value;
    this.#popup?.remove();
    this.input.remove();
    this.end(how, text, event, text === this.opened);
  }

  commit() {
    this.#close("one", null);
  }

  // -- options

  #list(all) {
    const wanted = all ? "" : this.input.value.trim().toLowerCase();
    const { options, spec: { kind } } = this;
    this.#options = options.filter((option) => label(option).toLowerCase().includes(wanted)).slice(0, 200);
    // A person may be new; nothing is pointed at unless it starts as typed.
    const found = all ? this.#options.indexOf(this.value) : kind === "person" ? this.#options.findIndex((option) => option.toLowerCase().startsWith(wanted)) : 0;
    const id = uid();
    const items = this.#options.map((option, at) => h("li", { role: "option", id: `${id}-${at}`, onmousedown: pressed((event) => this.#pick(at, event)) }, h("bdi", {}, label(option))));
    this.#show(h("ul", { class: "lb", role: "listbox", id, "aria-label": this.spec.title }, items.length ? items : h("li", { class: "none" }, kind === "person" ? "A new name" : "No match")));
    for (const [attribute, value] of [["role", "combobox"], ["aria-expanded", "true"], ["aria-controls", id], ["aria-autocomplete", "list"]]) this.input.setAttribute(attribute, value);
    this.#point(wanted || all ? found : -1);
  }

  #point(at) {
    this.#at = at;
    [...this.#popup.children].forEach((item, index) => item.setAttribute("aria-selected", index === at));
    const item = this.#popup.children[at];
    item?.scrollIntoView({ block: "nearest" });
    if (item?.id) this.input.setAttribute("aria-activedescendant", item.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #pick(at, event) {
    this.#at = at;
    this.#close("all", event);
  }

  #show(popup) {
    this.#popup?.remove();
    this.#popup = popup;
    placeBeside(popup, this.input, this.root);
  }

  // -- calendar

  #calendar(day) {
    this.shownDay = day.slice(0, 10);
    const [year, month] = this.shownDay.split("-").map(Number);
    const first = new Date(Date.UTC(year, month - 1, 1));
    const start = iso(new Date(+first - first.getUTCDay() * 864e5));
    const turn = (by) => ({ tabindex: "-1", "aria-label": by < 0 ? "Previous month" : "Next month", onmousedown: pressed(() => this.#calendar(iso(new Date(Date.UTC(year, month - 1 + by, 1))))) });
    const days = Array.from({ length: 42 }, (_, at) => moved(start, at)).map((each) =>
      h("button", {
        tabindex: "-1",
        "aria-label": dayName(each),
        class: `${each === this.shownDay ? "on " : ""}${each === this.today ? "td " : ""}${+each.slice(5, 7) === month ? "" : "out"}`,
        onmousedown: pressed((event) => this.#pickDay(each, event)),
      }, String(+each.slice(8))),
    );
    this.#show(h("div", { class: "cal", role: "group", "aria-label": "Calendar" },
      h("div", { class: "ch" }, h("button", turn(-1), "‹"), h("span", {}, monthName(day)), h("button", turn(1), "›")),
      h("div", { class: "cg" }, WEEK.map((letter) => h("span", { "aria-hidden": "true" }, letter)), days),
      h("div", { class: "ck q" }, "Arrows: day, week. Page keys: month.", h("br"), "Or type today, +7, fri or eom."),
    ));
  }

  #pickDay(day, event) {
    this.input.value = plain("date", day);
    this.#close("all", event);
  }
}
