// Header filters: `> 20k`, `10k..50k`, `= active`, `empty`; anything else is looked for in the text. Python reads the
// amounts and dates in them as it reads those typed into cells, and periods: `FY27 Q4` is all its days.

import { DATED, NUMERIC, label } from "../shared/format.js";

// A period is compared by its first and last day.
const COMPARE = {
  ">": (value, [, last]) => value > last,
  ">=": (value, [first]) => value >= first,
  "<": (value, [first]) => value < first,
  "<=": (value, [, last]) => value <= last,
  "=": (value, [first, last]) => value >= first && value <= last,
};
const TRY = { date: "FY27 Q4, < 11/25/2026, 12/1..12/31 or empty", instant: "Dec 2026, < 11/25/2026 or empty", percent: ">= 60, 40..70 or empty" };
const folded = (text) => label(String(text ?? "").toLowerCase());

export function hint(kind) {
  if (kind === "percent") return ">= 60";
  if (NUMERIC.has(kind)) return "> 20k";
  if (DATED.has(kind)) return "< 12/31";
  return kind === "choice" || kind === "person" || kind === "flag" ? "is" : "contains";
}

// The filter that a text says: { test } or { error }, or {} for an empty text.
export async function compile(spec, written, read) {
  const text = written.trim();
  const low = text.toLowerCase();
  if (!text) return {};
  if (low === "empty") return { test: (value) => value === null || value === "" };
  if (low === "not empty") return { test: (value) => value !== null && value !== "" };
  return NUMERIC.has(spec.kind) || DATED.has(spec.kind) ? ordered(spec, text, read) : texts(spec, text);
}

async function ordered(spec, text, read) {
  const range = /^(.+?)\.\.(.+)$/.exec(text);
  const compared = /^(>=|<=|!=|<>|>|<|=)?\s*(.*)$/.exec(text);
  const operands = range ? [range[1], range[2]] : [compared[2]];
  const values = await read(operands.map((operand) => [spec.field, operand]));
  const [, refused] = values.find(([, why]) => why) ?? [];
  if (refused) return { error: `${refused.replace(/^(.*)Try .*/, `$1Try ${TRY[spec.kind] ?? "> 20k, 10k..50k or empty"}.`)} All rows are shown.` };
  const meant = [values[0][0][0], values.at(-1)[0][1]];
  if (meant[0] > meant[1]) return { error: `“${text}” ends before it begins. Swap its ends. All rows are shown.` };
  // An instant is compared by its day.
  const of = spec.kind === "instant" ? (value) => value.slice(0, 10) : (value) => value;
  const sign = (!range && compared[1]) || "=";
  if (sign === "!=" || sign === "<>") return { test: (value) => value === null || !COMPARE["="](of(value), meant) };
  return { test: (value) => value !== null && COMPARE[sign](of(value), meant) };
}

function texts(spec, text) {
  const compared = /^(!=|<>|=)\s*(.+)$/.exec(text);
  if (/^[<>]/.test(text) && !compared) {
    return { error: `Not understood: “${text}”. ${spec.title} is text: try part of it, = exact or != exact. All rows are shown.` };
  }
  if (compared) {
    const wanted = folded(compared[2]);
    const equal = compared[1] === "=";
    return { test: (value) => (folded(value) === wanted) === equal };
  }
  const wanted = folded(text);
  // A whole option is exact: active is not inactive.
  if (spec.options.some((option) => folded(option) === wanted)) return { test: (value) => folded(value) === wanted };
  return { test: (value) => folded(value).includes(wanted) };
}
