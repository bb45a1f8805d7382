// What the selected cells come to: how many they are, and the sum and average of their numbers.

import { h } from "../shared/dom.js";
import { NUMERIC, count, number, tidy } from "../shared/format.js";

export function figureLine({ store, selection, specs }) {
  // A cell that two ranges share counts once.
  const chosen = specs.map((spec, c) => ({ spec, rows: new Set(selection.ranges.filter(({ c0, c1 }) => c0 <= c && c <= c1).flatMap(({ r0, r1 }) => store.order.slice(r0, r1 + 1))) }));
  const cells = chosen.reduce((sum, { rows }) => sum + rows.size, 0);
  if (cells < 2) return [];
  const numeric = chosen.filter(({ spec, rows }) => rows.size && NUMERIC.has(spec.kind));
  const amounts = numeric.filter(({ spec }) => spec.kind !== "percent");
  const values = (amounts.length ? amounts : numeric).flatMap(({ spec, rows }) => [...rows].map((row) => store.value(row, spec.field)).filter((value) => value !== null));
  const sum = values.reduce((total, value) => total + value, 0);
  const figure = (name, text) => h("span", {}, name, h("b", {}, text));
  return [
    h("span", {}, count(cells, "cell")),
    values.length && amounts.length ? figure("sum", number(tidy(sum))) : "",
    values.length ? figure("avg", amounts.length ? number(tidy(sum / values.length)) : `${number(Math.round(sum / values.length))}%`) : "",
  ];
}
