// Header filters: `> 20k`, `10k..50k`, `> 20k < 50k`, `this month`, `proposal, negotiation`; anything else is looked for in the
// text. Python reads the amounts and dates in them as it reads those typed into cells, and periods: `FY27 Q4` is all its days.

import { DATED, NUMERIC, day, label, shown } from "../shared/format.js";

// A period is compared by its first and last day.
const COMPARE = {
  ">": (value, [, last]) => value > last,
  ">=": (value, [first]) => value >= first,
  "<": (value, [first]) => value < first,
  "<=": (value, [, last]) => value <= last,
  "=": (value, [first, last]) => value >= first && value <= last,
  "!=": (value, [first, last]) => value === null || value < first || value > last,
};
const SAY = {
  ">": [(text) => `above ${text}`, (text) => `after ${text}`],
  ">=": [(text) => `${text} or more`, (text) => `${text} or later`],
  "<": [(text) => `below ${text}`, (text) => `before ${text}`],
  "<=": [(text) => `${text} or less`, (text) => `${text} or earlier`],
};
const TRY = { date: "next month, next 30 days, FY27 Q4, < 11/25/2026, 12/1..12/31, overdue or empty", instant: "Dec 2026, < 11/25/2026 or empty", percent: ">= 60, 40..70 or empty" };
const AMOUNT = "> 20k, 10k..50k or empty";
const BLANK = {
  empty: { test: (value) => value === null || value === "", words: "empty" },
  "not empty": { test: (value) => value !== null && value !== "", words: "not empty" },
};
// “Dec 31, 2026” and “45,000” are one value each.
const BETWEEN = { dated: /\s*\|\s*|\s*,(?!(?<=[a-z]{3,9}\.? \d{1,2}\s*,)\s*\d{4}\b)\s*/i, numeric: /\s*\|\s*|\s*,\s+/, text: /\s*[|,]\s*/ };
const folded = (text) => label(String(text ?? "").toLowerCase());
const either = (tests) => (tests.length === 1 ? tests[0] : (value, row) => tests.some((test) => test(value, row)));
const every = (tests) => (tests.length === 1 ? tests[0] : (value, row) => tests.every((test) => test(value, row)));
const joined = (words, last) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`);

export function hint(kind) {
  if (kind === "percent") return ">= 60";
  if (NUMERIC.has(kind)) return "> 20k";
  if (DATED.has(kind)) return "< 12/31";
  return kind === "choice" || kind === "person" || kind === "flag" ? "is" : "contains";
}

// What may be typed, for a field that is still empty.
export function examples({ kind }) {
  if (TRY[kind]) return `Try ${TRY[kind]}`;
  if (NUMERIC.has(kind)) return "Try > 20k, > 20k < 50k, 10k..50k or empty";
  return kind === "text" ? "Try part of it, one | another, = exact, != exact or empty" : "Try one, or several by comma; != one, another; or empty";
}

// The filter that a text says: { test, words } or { error }, or {} for an empty text. `read` asks Python for operands,
// `holds` tells whether a value of the column has a text in it, `equals` whether one is it, `overdue` whether a row's date is over
// though it is open.
export async function compile(spec, written, { read, holds, equals, overdue }) {
  const text = written.trim();
  if (!text) return {};
  const kind = NUMERIC.has(spec.kind) ? "numeric" : DATED.has(spec.kind) ? "dated" : "text";
  // A comma or bar in a name is no list.
  const parts = kind === "text" && /[|,]/.test(text) && holds(folded(text.replace(/^(!=|<>|=)\s*/, ""))) ? [text] : text.split(BETWEEN[kind]).filter(Boolean);
  if (!parts.length) return {};
  const filter = await (kind === "text" ? texts(spec, parts, equals) : ordered(spec, parts, text.includes("|"), read, overdue));
  return filter.error ? { error: `${filter.error} All rows are shown.` } : filter;
}

// The conditions of one part: { sign, operands }, { word }, or none if it cannot be taken apart.
function conditions({ kind }, part) {
  const word = part.toLowerCase();
  if (BLANK[word] || (word === "overdue" && kind === "date")) return [{ word }];
  const range = /^(!=|<>|=)?(.+?)\.\.(.+)$/.exec(part);
  if (range) return [{ sign: (range[1] ?? "=").replace("<>", "!="), operands: [range[2].trim(), range[3].trim()] }];
  const found = [...part.replaceAll("<>", "!=").matchAll(/(>=|<=|!=|>|<|=)?\s*([^<>=!]+)/g)];
  const signs = found.map(([, sign]) => sign);
  if (!found.length || (found.length > 1 && signs.includes(undefined))) return [];
  return found.map(([, sign = "=", operand]) => ({ sign, operands: [operand.trim().replace(/\s+and$/i, "")] }));
}

async function ordered(spec, parts, apart, read, overdue) {
  const way = `Try ${TRY[spec.kind] ?? AMOUNT}.`;
  const all = parts.map((part) => conditions(spec, part));
  if (all.some((each) => !each.length)) return { error: `Not understood: “${parts.join(", ")}”. ${way}` };
  const asked = all.flat().filter(({ operands }) => operands);
  const values = await read(asked.flatMap(({ operands }) => operands.map((operand) => [spec.field, operand])));
  const [, refused] = values.find(([, why]) => why) ?? [];
  if (refused) return { error: refused.replace(/^(.*)Try .*/, `$1${way}`) };
  for (const each of asked) {
    const [first, last] = [values.shift(), each.operands.length > 1 ? values.shift() : null];
    each.meant = [first[0][0], (last ?? first)[0][1]];
    if (each.meant[0] > each.meant[1]) return { error: `“${each.operands.join("..")}” ends before it begins. Swap its ends.` };
  }
  // What begins with != leaves out the whole list.
  const leavesOut = all[0][0].sign === "!=";
  if (leavesOut) {
    for (const { length, 0: one } of all) {
      if (length === 1 && one.sign === "=") one.sign = "!=";
      if (one.word === "empty") one.word = "not empty";
    }
  }
  const made = all.map((each) => each.map((one) => condition(spec, one, overdue)));
  const together = leavesOut || (!apart && all.every(([one]) => /^[<>]/.test(one.sign ?? "")));
  const tests = made.map((each) => every(each.map(({ test }) => test)));
  if (leavesOut && all.every(({ length, 0: one }) => length === 1 && !one.word)) return { test: every(tests), words: `not ${joined(made.map(([{ value }]) => value), "or")}` };
  const words = made.map((each) => joined(each.map(({ words: said }) => said), "and"));
  return { test: (together ? every : either)(tests), words: joined(words, together ? "and" : "or") };
}

function condition({ kind }, { word, sign, meant }, overdue) {
  if (word === "overdue") return { test: (_, row) => overdue(row), words: "overdue: open, and before today" };
  if (word) return BLANK[word];
  // An instant is compared by its day.
  const of = kind === "instant" ? (value) => value && value.slice(0, 10) : (value) => value;
  const dated = DATED.has(kind);
  const [first, last] = meant.map((each) => (dated ? day(each) : shown(kind, each)));
  const value = first === last ? first : `${first} to ${last}`;
  const test = (each) => (each !== null || sign === "!=") && COMPARE[sign](of(each), meant);
  const said = SAY[sign]?.[+dated](sign === ">" || sign === "<=" ? last : first);
  return { test, value, words: said ?? (sign === "!=" ? `not ${value}` : value) };
}

function texts(spec, parts, equals) {
  const asked = parts.map((part) => /^(!=|<>|=)?\s*(.*)$/s.exec(part));
  const [sign] = asked.map(([, each]) => each?.replace("<>", "!="));
  if (asked.some(([, each, text]) => /^[<>]/.test(text) || !text || (each && each.replace("<>", "!=") !== sign))) return { error: `Not understood: “${parts.join(", ")}”. ${spec.title} is text: try part of it, = exact or != exact.` };
  // A whole option is exact: active is not inactive. What is left out is so where a cell is exactly that, else by what it has in it.
  const options = new Set(spec.options.map(folded));
  const wanted = asked.map(([, , text]) => {
    const low = folded(text);
    if (BLANK[low]) return { test: BLANK[low].test, words: low };
    const exact = sign === "=" || options.has(low) || (sign && equals(low));
    return { test: exact ? (value) => folded(value) === low : (value) => folded(value).includes(low), words: exact ? `“${text}”` : `with “${text}”` };
  });
  const test = either(wanted.map((each) => each.test));
  const words = joined(wanted.map((each) => each.words), "or");
  return sign === "!=" ? { test: (value) => !test(value), words: `not ${words}` } : { test, words };
}
