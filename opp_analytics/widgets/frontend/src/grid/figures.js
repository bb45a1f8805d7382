// What the selected cells come to: a line of figures of one kind of columns, each copied by a click.

import { copyText, h } from "../shared/dom.js";
import { DATED, NUMERIC, count, day, number, tidy } from "../shared/format.js";

const CLASSES = ["amount", "percent", "date", "text"];
const classOf = (kind) => (kind === "percent" ? kind : NUMERIC.has(kind) ? "amount" : DATED.has(kind) ? "date" : "text");

const median = (sorted) => (sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2);

// Values of a column in some rows: numbers in their order, or texts (dates by month) with their counts; and how many are empty.
function summarize(column, kind, rows) {
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

// The rows of each selected column, without those that two ranges share.
function selected({ store, selection }) {
  const columns = new Map();
  for (const { r0, r1, c0, c1 } of selection.ranges) {
    for (let c = c0; c <= c1; c++) columns.set(c, [...(columns.get(c) ?? []), [r0, r1]]);
  }
  const whole = new Map(); // columns of one range share their rows
  return [...columns].sort(([a], [b]) => a - b).map(([c, ranges]) => {
    const key = String(ranges);
    if (!whole.has(key)) {
      let end = -1;
      whole.set(key, ranges.sort(([a], [b]) => a - b).flatMap(([r0, r1]) => {
        const from = Math.max(r0, end + 1);
        end = Math.max(end, r1);
        return from > r1 ? [] : store.order.slice(from, r1 + 1);
      }));
    }
    return { c, rows: whole.get(key) };
  });
}

const round = (value) => Math.round(100 * value) / 100;

// The cells, the columns that the figures are of, and the figures: { name, text, copy }.
function figuresOf(grid) {
  const { store, specs } = grid;
  const columns = selected(grid).map(({ c, rows }) => ({ spec: specs[c], rows }));
  const cells = columns.reduce((sum, { rows }) => sum + rows.length, 0);
  if (cells < 2) return null;
  // Of amounts if some are selected, else of what follows them.
  const some = CLASSES.filter((name) => columns.some(({ spec }) => classOf(spec.kind) === name));
  let [kind, all] = ["", []];
  for (kind of some) {
    all = columns.filter(({ spec }) => classOf(spec.kind) === kind).map(({ spec, rows }) => ({ title: spec.title, ...summarize(store.data.get(spec.field), spec.kind, rows) }));
    if (all.some(({ n }) => n)) break;
  }
  const n = all.reduce((sum, each) => sum + each.n, 0);
  const empties = all.reduce((sum, each) => sum + each.empties, 0);
  const figures = [{ name: "count", text: number(n), copy: n }];
  const add = (name, text, copy) => figures.push({ name, text, copy });
  if (n && kind === "text") {
    const distinct = all.length === 1 ? all[0].counts.size : new Set(all.flatMap(({ counts }) => [...counts.keys()])).size;
    add("different", number(distinct), distinct);
  } else if (n && kind === "date") {
    const [first, last] = [all.map((each) => each.first).filter(Boolean).sort()[0], all.map((each) => each.last).filter(Boolean).sort().at(-1)];
    add("first", day(first), first);
    add("last", day(last), last);
  } else if (n) {
    const sorted = all.length === 1 ? all[0].sorted : Float64Array.from(all.flatMap((each) => [...each.sorted])).sort();
    const sum = all.reduce((total, each) => total + each.sum, 0);
    const sign = kind === "percent" ? "%" : "";
    const amount = (name, value, shown = tidy(value)) => add(name, `${number(shown)}${sign}`, round(value));
    if (!sign) amount("sum", sum, round(sum));
    amount("avg", sum / n, sign ? Math.round(sum / n) : tidy(sum / n));
    amount("min", sorted[0]);
    amount("median", median(sorted));
    amount("max", sorted[n - 1]);
  }
  add("empty", number(empties), empties);
  return { cells, of: all.length < columns.length ? all.map(({ title }) => title).join(", ") : "", figures };
}

// The line: a figure is a click away from the clipboard.
export function figureLine(grid) {
  const found = figuresOf(grid);
  if (!found) return [];
  const copied = async ({ name, copy }) => {
    await copyText(String(copy), grid.root);
    grid.say(`Copied ${name} ${copy}`);
    grid.focus();
  };
  return [
    h("span", {}, count(found.cells, "cell")),
    found.of ? h("span", { class: "x" }, `${found.of}:`) : "",
    ...found.figures.map((figure) => h("button", { class: `fg ${["sum", "avg", "first", "last", "different"].includes(figure.name) ? "" : "x"}`, tabindex: "-1", title: `Copy ${figure.copy}`, onclick: () => copied(figure) }, figure.name, h("b", {}, figure.text))),
  ];
}
