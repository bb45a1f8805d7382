// The editor over a cell: the grid's field, which always has focus so that an input method or a dead key begins a cell
// too, with a list of options or a calendar beside it.

import { h, uid } from "../shared/dom.js";
import { DATED, RIGHT, day as dayName, label, month as monthName, plain, shown } from "../shared/format.js";
import { placeBeside } from "../shared/popover.js";
import { MOVES } from "./commands.js";

const WEEK = ["S", "M", "T", "W", "T", "F", "S"];
const HIGHEST = 170; // of a text: eight lines, more of them scroll
const LISTING = ["aria-controls", "aria-autocomplete", "aria-activedescendant"];
const iso = (date) => date.toISOString().slice(0, 10);
const moved = (day, days) => iso(new Date(Date.parse(day) + days * 864e5));

// What is pressed beside the field leaves it focus.
const pressed = (act) => (event) => {
  event.preventDefault();
  act(event);
};

// The field over a cell; an input method shows its list there.
export function placeOver(input, cell) {
  if (!input.offsetParent) return;
  const [a, b] = [cell.getBoundingClientRect(), input.offsetParent.getBoundingClientRect()];
  Object.assign(input.style, { left: `${a.left - b.left - 1}px`, top: `${a.top - b.top - 1}px`, width: `${a.width + 2}px`, height: `${a.height + 2}px` });
}

export class Editor {
  #popup = null;
  #options = [];
  #at = -1;
  #done = false;
  closed = new AbortController();

  // `typing`: begun by what is typed, so that arrows set the cell and move on. `end` is told how it ended: all, one or no,
  // the text, the key that did it, and whether the text is what it opened with.
  constructor({ input, root, cell, row, spec, options, name, value, text, typing, today, read, say, alive, end }) {
    Object.assign(this, { input, root, cell, row, spec, options, value, typing, today, read, say, alive, end });
    this.idle = input.getAttribute("aria-label");
    input.setAttribute("aria-label", `${spec.title}, ${name}`);
    input.classList.add("ed");
    input.classList.toggle("right", RIGHT.has(spec.kind));
    const opened = text ?? plain(spec.kind, value);
    if (input.value !== opened) input.value = opened; // an input method may be at work in it
    this.opened = text === undefined ? opened : null;
    this.place(cell);
    input.focus({ preventScroll: true });
    if (text === undefined && (options.length || DATED.has(spec.kind))) input.select(); // a text or number is amended at its end
    if (options.length) this.#list(text === undefined);
    else if (DATED.has(spec.kind)) this.#calendar(value ?? today);
    this.caret = text !== undefined; // the arrows are the text's once somebody types
    const { signal } = this.closed;
    const acts = { input: () => this.#typed(), pointerdown: () => this.#edit(), keydown: (event) => this.#key(event), blur: () => this.#close("one", null) };
    for (const [type, act] of Object.entries(acts)) input.addEventListener(type, act, { signal });
  }

  // From here on the arrows are the text's.
  #edit() {
    Object.assign(this, { typing: false, caret: true });
  }

  get touched() {
    return this.input.value !== this.opened;
  }

  place(cell) {
    if (!cell) return;
    placeOver(this.input, cell);
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
    const command = event.ctrlKey || event.metaKey;
    if (event.isComposing) return;
    if (key === "Enter" && event.altKey && this.spec.kind === "text") this.insert("\n");
    else if (key === ";" && command) this.insert(this.today);
    else if (key === "F2" || (key === "ArrowDown" && event.altKey)) this.typing = key === "F2" && !this.typing;
    else if (key === "Escape") this.#close("no", null);
    else if (key === "Enter") this.#close(command ? "all" : "one", event);
    else if (key === "Tab" || (this.typing && MOVES.has(key))) this.#close("one", event);
    else if (this.#options.length && (key === "ArrowDown" || key === "ArrowUp")) this.#point((this.#at + (key === "ArrowDown" ? 1 : -1) + this.#options.length) % this.#options.length);
    else if (!this.shownDay || this.caret || event.shiftKey || command || !this.#walk(key)) return;
    event.preventDefault();
  }

  insert(text) {
    const { selectionStart: from, selectionEnd: to } = this.input;
    this.input.setRangeText(text, from, to, "end");
    this.#typed();
  }

  // In the calendar, as long as nobody has typed.
  #walk(key) {
    const [year, month, date] = this.shownDay.split("-").map(Number);
    const turned = (by) => iso(new Date(Date.UTC(year, month - 1 + by, Math.min(date, new Date(Date.UTC(year, month + by, 0)).getUTCDate()))));
    const by = { ArrowDown: 7, ArrowUp: -7, ArrowLeft: -1, ArrowRight: 1 }[key];
    const to = by ? moved(this.shownDay, by) : { PageDown: turned(1), PageUp: turned(-1), Home: `${this.shownDay.slice(0, 8)}01`, End: iso(new Date(Date.UTC(year, month, 0))) }[key];
    if (!to) return false;
    this.#calendar(to);
    this.input.value = plain("date", this.shownDay);
    this.input.select();
    this.say(shown("date", this.shownDay));
    return true;
  }

  #close(how, event) {
    // Where nobody takes the text, it stays in sight.
    if (this.#done || (how !== "no" && !this.alive())) return;
    this.#done = true;
    if (how !== "no" && event && this.#at >= 0 && this.#options.length) this.input.value = label(this.#options[this.#at]);
    const text = this.spec.kind === "text" ? this.input.value : this.input.value.replaceAll("\n", " ");
    this.#popup?.remove();
    this.closed.abort();
    this.input.value = "";
    this.input.classList.remove("ed", "right");
    this.input.setAttribute("aria-label", this.idle);
    for (const attribute of LISTING) this.input.removeAttribute(attribute);
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
    // A person may be new, and the name begin a known one: what begins in small letters only is the known one.
    const begun = kind !== "person" ? 0 : wanted === this.input.value.trim() && wanted !== wanted.toUpperCase() ? this.#options.findIndex((option) => option.toLowerCase().startsWith(wanted)) : -1;
    const found = all ? this.#options.indexOf(this.value) : begun;
    const id = uid();
    const items = this.#options.map((option, at) => h("li", { role: "option", id: `${id}-${at}`, onmousedown: pressed((event) => this.#pick(at, event)) }, h("bdi", {}, label(option))));
    this.#show(h("ul", { class: "lb", role: "listbox", id, "aria-label": this.spec.title }, items.length ? items : h("li", { class: "none" }, kind === "person" ? "A new name" : "No match")));
    this.input.setAttribute("aria-controls", id);
    this.input.setAttribute("aria-autocomplete", "list");
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
    this.#close("one", event);
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
    this.#close("one", event);
  }
}
