// Series that the corner of a selection goes on with.

import { NUMERIC, plain } from "../shared/format.js";

const DAY = 864e5;
const EPOCH = 24_000; // months until 2000, since years below 100 are read as of the last century
const dateOf = (month, day) => new Date(Date.UTC(2000, month - EPOCH, day));
const lastOf = (month) => dateOf(month + 1, 0).getUTCDate();

// How a series of two or more numbers or dates goes on, as texts at places counted from its first; null if it is none.
// Dates go by months where all are the same day of theirs, or the last.
export function goOn(kind, values, places) {
  if (values.length < 2 || values.includes(null) || !(NUMERIC.has(kind) || kind === "date")) return null;
  const steady = (numbers) => {
    const step = numbers[1] - numbers[0];
    return step && numbers.every((each, at) => Math.abs(each - numbers[0] - at * step) < 1e-6) ? (at) => Math.round((numbers[0] + at * step) * 1e6) / 1e6 : null;
  };
  const written = (next, text) => next && places.map((at) => plain(kind, text(next(at))));
  if (kind !== "date") return written(steady(values), (number) => number);
  const months = values.map((date) => 12 * +date.slice(0, 4) + +date.slice(5, 7) - 1);
  const days = values.map((date) => +date.slice(8));
  const last = days.every((day, at) => day === lastOf(months[at]));
  const iso = (date) => date.toISOString().slice(0, 10);
  const monthly = last || days.every((day) => day === days[0]) ? steady(months) : null;
  return written(monthly, (month) => iso(dateOf(month, last ? lastOf(month) : Math.min(days[0], lastOf(month)))))
    ?? written(steady(values.map((date) => Date.parse(date) / DAY)), (day) => iso(new Date(day * DAY)));
}
