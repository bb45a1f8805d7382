// Figures of a column's shown rows: a histogram of numbers, dates by month, the most frequent texts; as bars in a table.

import { h, name as bdi, svg } from "../shared/dom.js";
import { DATED, NUMERIC, count, day, month, number, shown, tidy } from "../shared/format.js";

const TOP = 12;

export const median = (sorted) => (sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2);

// Counts between round edges, about twelve; the last one holds its end too.
export function bins(sorted) {
  const [low, high] = [sorted[0], sorted.at(-1)];
  if (low === high) return [{ from: low, to: high, n: sorted.length }];
  const rough = (high - low) / TOP;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const first = Math.floor(low / step);
  const edge = (at) => +((first + at) * step).toPrecision(12);
  const made = Array.from({ length: Math.max(1, Math.ceil(+(high / step - first).toPrecision(12))) }, (_, at) => ({ from: edge(at), to: edge(at + 1), n: 0 }));
  for (const value of sorted) made[Math.min(made.length - 1, Math.max(0, Math.floor(+(value / step - first).toPrecision(12))))].n += 1;
  return made;
}

// Values of a column in some rows: numbers in their order, or texts (dates by month) with their counts; and how many are empty.
export function summarize(column, kind, rows) {
  if (NUMERIC.has(kind)) {
    const found = new Float64Array(rows.length);
    let n = 0;
    for (const row of rows) {
      const value = column[row];
      if (value !== null && value !== undefined) found[n++] = value;
    }
    const sorted = found.subarray(0, n).sort();
    return { n, empties: rows.length - n, sorted, sum: sorted.reduce((sum, value) => sum + value, 0) };
  }
  const counts = new Map();
  let [empties, first, last] = [0, null, null];
  for (const row of rows) {
    const value = column[row] ?? "";
    if (value === "") empties += 1;
    else counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (DATED.has(kind)) for (const value of counts.keys()) [first, last] = [first === null || value < first ? value : first, last === null || value > last ? value : last];
  return { n: rows.length - empties, empties, counts, first, last };
}

export function histogram(made, kind, label) {
  const most = Math.max(...made.map(({ n }) => n));
  const node = svg("svg", { viewBox: "0 0 240 44", class: "hist", role: "img", "aria-label": label, preserveAspectRatio: "none" });
  const width = 240 / made.length;
  for (const [at, { from, to, n }] of made.entries()) {
    const height = n ? Math.max(1, (40 * n) / most) : 0;
    const bar = svg("rect", { x: at * width, y: 44 - height, width: Math.max(1, width - 1), height });
    const title = svg("title");
    title.textContent = `${shown(kind, from)} to ${shown(kind, to)}: ${number(n)}`;
    bar.append(title);
    node.append(bar);
  }
  return node;
}

function bars(head, lines, caption) {
  const most = Math.max(1, ...lines.map(({ n }) => n));
  return h("table", { class: "sumt" }, h("caption", { class: "vh" }, caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, head), h("th", { scope: "col", colspan: 2 }, "Deals"))),
    h("tbody", {}, lines.map(({ text, n }) => h("tr", {}, h("th", { scope: "row" }, bdi(text)), h("td", { class: "r" }, number(n)), h("td", { "aria-hidden": "true" }, h("i", { style: `width:${Math.max(n ? 1 : 0, (100 * n) / most)}%` }))))));
}

export function fillSummary(node, { store, spec }) {
  const { order: rows } = store;
  const found = summarize(store.data.get(spec.field), spec.kind, rows);
  const figure = (word, value) => h("div", {}, h("dt", {}, word), h("dd", {}, value));
  const figures = [figure("values", number(found.n)), figure("empty", number(found.empties))];
  const parts = [];
  const of = `${spec.title} of ${count(rows.length, "deal")} shown`;
  if (!found.n) parts.push(h("p", { class: "q" }, "No values in the rows shown."));
  else if (NUMERIC.has(spec.kind)) {
    const { sorted, sum, n } = found;
    const text = (value) => shown(spec.kind, tidy(value));
    figures.push(figure("min", text(sorted[0])), figure("median", text(median(sorted))), figure("mean", text(sum / n)), figure("max", text(sorted[n - 1])));
    const made = bins(sorted);
    parts.push(
      histogram(made, spec.kind, `Histogram: ${of}`),
      h("div", { class: "ends q sm" }, h("span", {}, shown(spec.kind, made[0].from)), h("span", {}, shown(spec.kind, made.at(-1).to))),
      bars(spec.title, made.map(({ from, to, n: some }) => ({ text: from === to ? shown(spec.kind, from) : `${shown(spec.kind, from)} to ${shown(spec.kind, to)}`, n: some })), of),
    );
  } else if (DATED.has(spec.kind)) {
    figures.push(figure("first", day(found.first)), figure("last", day(found.last)));
    const months = new Map();
    for (const [value, n] of found.counts) months.set(value.slice(0, 7), (months.get(value.slice(0, 7)) ?? 0) + n);
    parts.push(bars(spec.title, [...months].sort().map(([key, n]) => ({ text: month(key), n })), `${of}, by month`));
  } else {
    figures.push(figure("different", number(found.counts.size)));
    const ranked = [...found.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const rest = ranked.slice(TOP);
    const lines = ranked.slice(0, TOP).map(([value, n]) => ({ text: shown(spec.kind, value), n }));
    if (rest.length) lines.push({ text: `${number(rest.length)} more`, n: rest.reduce((sum, [, n]) => sum + n, 0) });
    parts.push(bars(spec.title, lines, `${of}, most frequent first`));
  }
  node.classList.add("wide");
  node.append(h("h3", { tabindex: "-1", "data-first": true }, spec.title, h("span", { class: "q" }, ` ${count(rows.length, "deal")} shown`)), h("dl", { class: "figs" }, figures), ...parts);
}
