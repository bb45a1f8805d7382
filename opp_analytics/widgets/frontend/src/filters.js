// Header filters: `> 5000`, `<= 2026-03-31`, `10..20` compare; anything else is looked for in the text.

import { NUMERIC, plain } from "./values.js";

const COMPARISON = /^(<=|>=|<|>|=)\s*(.+)$/;
const BETWEEN = /^(.+?)\.\.(.+)$/;

const COMPARE = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
};

function operand(kind, text) {
  return NUMERIC.has(kind) ? Number(text.replace(/[\s,$€£%]/g, "")) : text.trim();
}

// A last day, month or year counts as a whole: `<= 2026-03` holds 2026-03-31.
function upTo(value) {
  return typeof value === "string" ? `${value}\uffff` : value;
}

function predicate(kind, wanted) {
  const text = wanted.trim();
  const ordered = NUMERIC.has(kind) || kind === "date" || kind === "instant";
  const between = ordered && BETWEEN.exec(text);
  if (between) {
    const low = operand(kind, between[1]);
    const high = upTo(operand(kind, between[2]));
    return (value) => value !== null && value >= low && value <= high;
  }
  const comparison = COMPARISON.exec(text);
  if (comparison && (ordered || comparison[1] === "=")) {
    const bound = operand(kind, comparison[2]);
    const against = comparison[1] === "<=" || comparison[1] === ">" ? upTo(bound) : bound;
    return (value) => value !== null && COMPARE[comparison[1]](value, against);
  }
  const needle = text.toLowerCase();
  return (value) => plain(value).toLowerCase().includes(needle);
}

// The predicate is made once per text, not once per row.
export function headerFilter(kind) {
  let text = null;
  let holds = null;
  return (wanted, value) => {
    if (wanted !== text) [text, holds] = [wanted, predicate(kind, wanted)];
    return holds(value);
  };
}

export const EXAMPLES = {
  money: "> 5000",
  number: "> 10",
  whole: "> 10",
  percent: "< 50",
  date: "<= 2026-03",
  instant: "> 2026-01",
};
