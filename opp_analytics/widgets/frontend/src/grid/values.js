// The popover of a column: sort, and the whole list of its values to filter by. Only the rows in sight are on the page.

import { h, name as bdi, uid } from "../shared/dom.js";
import { DATED, NUMERIC, count, listed, month, number } from "../shared/format.js";

const LINE = 28;
const SIGHT = 8; // lines

export function words({ kind }) {
  if (NUMERIC.has(kind)) return ["low to high", "high to low"];
  if (DATED.has(kind)) return ["oldest first", "newest first"];
  return kind === "choice" ? ["in order", "in reverse order"] : ["A to Z", "Z to A"];
}

// The keys of a column's values that the other filters leave, with their text and number of rows, in the order of the values;
// empty ones last.
function valuesOf(store, spec) {
  const column = store.data.get(spec.field);
  const found = new Map();
  for (const row of store.passing(spec.field)) {
    const value = column[row] ?? null;
    found.set(value, (found.get(value) ?? 0) + 1);
  }
  const place = new Map(spec.options.map((option, at) => [option, at]));
  const dated = DATED.has(spec.kind);
  const collator = new Intl.Collator("en-US", { numeric: true });
  const sorted = [...found.keys()].sort((a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (spec.kind === "choice") return (place.get(a) ?? 1e9) - (place.get(b) ?? 1e9);
    return typeof a === "number" ? a - b : dated ? (a < b ? -1 : 1) : collator.compare(a, b);
  });
  const keys = new Map();
  for (const value of sorted) {
    const key = listed(spec.kind, value);
    keys.set(key, (keys.get(key) ?? 0) + found.get(value));
  }
  return [...keys].map(([key, n]) => ({ key, n, text: key === "" ? "(empty)" : dated ? month(key) : key }));
}

// Which values are checked; while something is searched for, only its hits are, and are what is applied.
class Choice {
  query = "";
  byCount = false;
  closed = new Set(); // years whose months are not shown

  constructor(store, spec) {
    const { list, but = false } = store.filters.get(spec.field) ?? {};
    this.dated = DATED.has(spec.kind);
    this.all = valuesOf(store, spec);
    this.kept = new Set(list ? this.all.filter(({ key }) => list.has(key) === but).map(({ key }) => key) : []);
    this.off = this.kept;
    const years = new Set(this.all.filter(({ key }) => key).map(({ key }) => key.slice(0, 4)));
    if (this.dated && this.all.length > 18) this.closed = years;
  }

  search(text) {
    this.query = text.trim().toLowerCase();
    this.off = this.query ? new Set() : this.kept;
  }

  get hits() {
    return this.query ? this.all.filter(({ text }) => text.toLowerCase().includes(this.query)) : this.all;
  }

  // What is in the list: values, or years with their months.
  get lines() {
    const hits = this.byCount ? [...this.hits].sort((a, b) => b.n - a.n) : this.hits;
    if (!this.dated) return hits.map((each) => ({ ...each, keys: [each.key], level: 1 }));
    const years = new Map();
    for (const each of this.hits) years.set(each.key.slice(0, 4), [...(years.get(each.key.slice(0, 4)) ?? []), each]);
    const turn = (lines) => (this.byCount ? lines.sort((a, b) => b.n - a.n) : lines);
    const heads = [...years].map(([year, months]) => ({ key: year, text: year || "(empty)", months, keys: months.map(({ key }) => key), n: months.reduce((sum, { n }) => sum + n, 0), level: 1 }));
    return turn(heads).flatMap((head) => {
      if (!head.key) return [head];
      const open = this.query || !this.closed.has(head.key);
      return [{ ...head, open: Boolean(open) }, ...(open ? turn(head.months.map((each) => ({ ...each, keys: [each.key], level: 2 }))) : [])];
    });
  }

  checked({ keys }) {
    const off = keys.filter((key) => this.off.has(key)).length;
    return off === 0 ? "true" : off === keys.length ? "false" : "mixed";
  }

  turn({ keys }) {
    const check = keys.some((key) => this.off.has(key));
    for (const key of keys) if (check) this.off.delete(key); else this.off.add(key);
  }

  // All, none, or only those of one line.
  only(keys) {
    this.off.clear();
    const wanted = new Set(keys);
    for (const { key } of this.hits) if (!wanted.has(key)) this.off.add(key);
  }

  get on() {
    return this.hits.filter(({ key }) => !this.off.has(key));
  }

  // The filter: null if it lets all through; what is left out where that is shorter.
  get filter() {
    const { on } = this;
    if (on.length === this.all.length) return [null];
    return !this.query && this.off.size < on.length ? [new Set(this.off), true] : [new Set(on.map(({ key }) => key)), false];
  }
}

export function fillValues(node, grid, spec) {
  const choice = new Choice(grid.store, spec);
  const noun = choice.dated ? "month" : "value";
  const id = uid();
  let [lines, at] = [choice.lines, 0];
  const inner = h("div", { role: "presentation" });
  const list = h("div", { class: "opts vl", role: choice.dated ? "tree" : "listbox", tabindex: "0", "aria-multiselectable": "true", "aria-label": `Values of ${spec.title}`, "aria-describedby": `${id}-how`, onscroll: () => draw(), onkeydown: (event) => onKey(event) }, inner);
  const search = h("input", { type: "text", class: "srch", "data-first": true, placeholder: `Search ${count(choice.all.length, noun)}`, "aria-label": `Search values of ${spec.title}`, oninput: () => {
    choice.search(search.value);
    [at, list.scrollTop] = [0, 0];
    show();
  }, onkeydown: (event) => {
    if (event.key === "Enter") apply(event);
    else if (event.key === "ArrowDown") {
      event.preventDefault();
      list.focus();
    }
  } });
  const button = (text, act, label) => h("button", { class: "lnk", "aria-label": label ?? false, onclick: act }, text);
  const order = button("by count", () => {
    choice.byCount = !choice.byCount;
    order.textContent = choice.byCount ? "by name" : "by count";
    at = 0;
    show();
  });
  const said = h("div", { class: "q sm", "aria-live": "polite" });
  const go = h("button", { class: "btn pri", onclick: (event) => apply(event) }, "Apply");

  function apply(event) {
    event.preventDefault();
    event.stopPropagation();
    if (choice.on.length) grid.arranging.pick(spec, ...choice.filter);
  }

  function show() {
    lines = choice.lines;
    at = Math.min(at, Math.max(0, lines.length - 1));
    draw();
    const { on } = choice;
    said.textContent = lines.length ? `${number(on.length)} of ${count(choice.all.length, noun)}, ${count(on.reduce((sum, { n }) => sum + n, 0), "deal")}` : "No value has this in it.";
    go.disabled = !on.length;
  }

  function draw() {
    inner.style.height = `${lines.length * LINE}px`;
    const first = Math.max(0, Math.floor(list.scrollTop / LINE) - 4);
    inner.replaceChildren(...lines.slice(first, first + SIGHT + 8).map((line, up) => row(line, first + up)));
    if (lines.length) list.setAttribute("aria-activedescendant", `${id}-${at}`);
    else list.removeAttribute("aria-activedescendant");
  }

  function row(line, place) {
    const checked = choice.checked(line);
    return h("div", {
      class: `vo${place === at ? " at" : ""}${line.level === 2 ? " in" : ""}`,
      id: `${id}-${place}`,
      role: choice.dated ? "treeitem" : "option",
      style: `top:${place * LINE}px`,
      "aria-checked": checked,
      "aria-setsize": lines.length,
      "aria-posinset": place + 1,
      "aria-level": choice.dated ? line.level : null,
      "aria-expanded": line.open === undefined ? null : String(line.open),
      onclick: ({ target }) => {
        at = place;
        if (target.dataset.act === "only") choice.only(line.keys);
        else if (target.dataset.act === "fold") fold(line);
        else choice.turn(line);
        show();
      },
    }, line.open === undefined ? "" : h("span", { class: "fold", "data-act": "fold", "aria-hidden": "true" }, line.open ? "▾" : "▸"),
    h("span", { class: `bx ${checked}`, "aria-hidden": "true" }), bdi(line.text), h("span", { class: "only", "data-act": "only", "aria-hidden": "true" }, "only"), h("span", { class: "q" }, number(line.n), h("span", { class: "vh" }, line.n === 1 ? " deal" : " deals")));
  }

  function fold({ key, open }) {
    if (open) choice.closed.add(key);
    else choice.closed.delete(key);
  }

  function onKey(event) {
    const line = lines[at];
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1, PageDown: at + SIGHT, PageUp: at - SIGHT }[event.key];
    if (event.key === "Enter") return apply(event);
    if (event.key === "ArrowUp" && at === 0) search.focus();
    else if (to !== undefined) at = Math.max(0, Math.min(lines.length - 1, to));
    else if (event.key === " " && line) (event.shiftKey ? choice.only(line.keys) : choice.turn(line));
    else if (event.key === "ArrowLeft" && line?.open) fold(line);
    else if (event.key === "ArrowRight" && line?.open === false) fold(line);
    else return undefined;
    event.preventDefault();
    list.scrollTop = Math.min(at * LINE, Math.max(list.scrollTop, (at + 1) * LINE - list.clientHeight));
    return show();
  }

  const sort = (down) => {
    grid.popovers.close();
    grid.arranging.sort(spec, down);
  };
  node.append(
    ...words(spec).map((way, at) => h("button", { class: "mi", onclick: () => sort(at > 0) }, `Sort ${way}`)),
    h("hr"),
    search,
    list,
    said,
    h("div", { class: "vh", id: `${id}-how` }, "Space checks, Shift+Space checks only this one, Enter applies."),
    h("div", { class: "popf" }, button("All", () => {
      choice.only(choice.hits.map(({ key }) => key));
      show();
    }), button("None", () => {
      choice.only([]);
      show();
    }), order, go),
  );
  list.style.height = `${Math.min(SIGHT, lines.length) * LINE}px`;
  show();
}
