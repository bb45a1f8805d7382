// Deals, value and weighted value of the rows shown, by a column, before and after the edits; a click filters to a group.

import { active, debounced, h, name as bdi } from "../shared/dom.js";
import { DATED, count, listed, month, number, shortMoney } from "../shared/format.js";

const FIRST = ["owner_name", "stage", "team", "region", "close_date"];
const MOST = 100; // different texts of a column to group by

// The columns that group: choices, people, dates by month, and texts of which many deals share one.
function groupings(store) {
  const few = ({ field }) => {
    const seen = new Set();
    for (const value of store.data.get(field)) if (seen.add(value ?? null).size > MOST) return false;
    return seen.size < Math.max(2, store.size / 2);
  };
  const fits = (spec) => ["choice", "person", "flag", "date"].includes(spec.kind) || (spec.kind === "text" && few(spec));
  const place = ({ field }) => (FIRST.includes(field) ? FIRST.indexOf(field) : FIRST.length);
  return store.specs.filter(fits).sort((a, b) => place(a) - place(b));
}

// By group: [deals, value, weighted] before and after the edits, of the rows that all other filters let through.
function subtotal(store, spec) {
  const groups = new Map();
  const [by, value, chance] = [spec.field, "value", "probability"].map((field) => store.data.get(field));
  const shown = store.changedOnly ? store.markedRows : null;
  const add = (side, key, worth, open, percent) => {
    if (!groups.has(key)) groups.set(key, { before: [0, 0, 0], after: [0, 0, 0] });
    const sums = groups.get(key)[side];
    sums[0] += 1;
    sums[1] += worth ?? 0;
    if (open) sums[2] += ((worth ?? 0) * (percent ?? 0)) / 100;
  };
  const old = (row, field, column) => {
    const mark = store.marks.size ? store.mark(row, field) : null;
    return mark?.was ? mark.was[0] : column?.[row];
  };
  for (const row of store.passing(spec.field)) {
    if (shown && !shown.has(row)) continue;
    const state = store.state(row);
    if (state !== "removed") add("after", listed(spec.kind, by[row] ?? null), value?.[row], store.open[row] ?? 1, chance?.[row]);
    if (state !== "added") add("before", listed(spec.kind, old(row, spec.field, by) ?? null), old(row, "value", value), store.wasOpen.get(row) ?? store.open[row] ?? 1, old(row, "probability", chance));
  }
  return groups;
}

export class Subtotals {
  constructor(grid) {
    this.grid = grid;
    this.specs = groupings(grid.store);
    this.spec = this.specs[0];
    this.body = h("div", {});
    const by = h("select", { "aria-label": "Subtotals by", onchange: () => {
      this.spec = this.specs.find(({ field }) => field === by.value);
      this.draw();
    } }, this.specs.map((spec) => h("option", { value: spec.field }, DATED.has(spec.kind) ? `${spec.title} by month` : spec.title)));
    this.node = h("section", { class: "subs", "aria-label": "Subtotals", onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      grid.openSubtotals();
    } }, h("div", { class: "sub1" }, "Subtotals by", by, h("button", { class: "lnk", onclick: () => grid.openSubtotals() }, "Close")), this.body);
    this.by = by;
  }

  // Not under a pointer that is down, nor at every key.
  later = debounced(60, () => this.grid.press.later(() => this.draw()));

  draw() {
    const { spec, grid } = this;
    const dated = DATED.has(spec.kind);
    const groups = [...subtotal(grid.store, spec)];
    const place = new Map(spec.options.map((option, at) => [listed(spec.kind, option), at]));
    groups.sort(([a, { after: one }], [b, { after: other }]) => (dated ? (a === "") - (b === "") || (a < b ? -1 : 1) : spec.kind === "choice" ? (place.get(a) ?? 1e9) - (place.get(b) ?? 1e9) : other[1] - one[1] || (a < b ? -1 : 1)));
    const total = { before: [0, 0, 0], after: [0, 0, 0] };
    for (const [, sums] of groups) for (const side of ["before", "after"]) sums[side].forEach((each, at) => (total[side][at] += each));
    const write = this.node.clientWidth < 560 ? shortMoney : number;
    const cells = ({ before, after }) => after.map((now, at) => {
      const [was, is] = [before[at], now].map((each) => (at ? write : number)(Math.round(each)));
      return h("td", {}, was === is ? is : [was, " → ", h("b", {}, is)]);
    });
    const { list = null, but = false } = grid.store.filters.get(spec.field) ?? {};
    const line = ([key, sums]) => {
      const on = Boolean(list && !but && list.size === 1 && list.has(key));
      const text = key === "" ? "(empty)" : dated ? month(key) : key;
      const pick = () => grid.arranging.pick(spec, on ? null : new Set([key]));
      const button = h("button", { class: "lnk", "data-group": key, "aria-pressed": String(on), title: on ? "Show all" : "Show only these", onclick: pick }, bdi(text));
      return h("tr", { class: on ? "on" : "" }, h("th", { scope: "row" }, button), cells(sums));
    };
    const focused = active(this.node);
    const open = this.node.contains(focused) ? focused.dataset.group : undefined;
    this.body.replaceChildren(h("table", {},
      h("caption", { class: "vh" }, `Deals, value and weighted value by ${spec.title}, before and after the edits`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, spec.title), ["Deals", "Value", "Weighted"].map((title) => h("th", { scope: "col", title: title === "Weighted" ? "Value of open deals by their stated chances" : null }, title)))),
      h("tbody", {}, groups.map(line)),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, `Total, ${count(groups.length, "group")}`), cells(total)))));
    if (open !== undefined) [...this.body.querySelectorAll("[data-group]")].find((each) => each.dataset.group === open)?.focus();
  }
}
