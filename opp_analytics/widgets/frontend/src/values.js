// How cells read on screen and in the clipboard.

const whole = new Intl.NumberFormat("en-US");
const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
export const NUMERIC = new Set(["money", "percent", "number", "whole"]);

export function shown(kind, value) {
  if (value === null || value === undefined) return "";
  // A text in a numeric column is what was just typed and not answered yet.
  if (typeof value !== "number") return String(value);
  if (kind === "percent") return `${value}%`;
  return Number.isInteger(value) ? whole.format(value) : cents.format(value);
}

export function plain(value) {
  return value === null || value === undefined ? "" : String(value);
}
