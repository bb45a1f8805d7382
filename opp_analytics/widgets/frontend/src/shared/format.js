// How cells read on screen and in the clipboard.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const whole = new Intl.NumberFormat("en-US", { signDisplay: "negative" }); // zero has no sign
const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "negative" });

export const NUMERIC = new Set(["money", "percent", "number", "whole"]);
export const DATED = new Set(["date", "instant"]);
export const RIGHT = new Set([...NUMERIC, ...DATED]);

export const number = (value) => (Number.isInteger(value) ? whole : cents).format(value).replace("-", "−");
export const count = (n, noun) => `${whole.format(n)} ${n === 1 ? noun : noun.replace(/y$/, "ie") + (/(s|x|z|ch|sh)$/.test(noun) ? "es" : "s")}`;
export const day = (iso) => `${MONTHS[+iso.slice(5, 7) - 1]} ${+iso.slice(8, 10)}, ${iso.slice(0, 4)}`;
export const label = (text) => text.replaceAll("_", " ");

export function shown(kind, value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return kind === "percent" ? `${number(value)}%` : number(value);
  if (kind === "date") return day(value);
  if (kind === "instant") return `${day(value)} ${value.slice(11)}`;
  return kind === "choice" ? label(value) : value;
}

// A figure of many values: cents only of small ones.
export const tidy = (value) => (Math.abs(value) < 1000 ? Math.round(100 * value) / 100 : Math.floor(value + 0.5));

export const month = (key) => `${MONTHS[+key.slice(5, 7) - 1]} ${key.slice(0, 4)}`;

// As it is edited and copied: what a spreadsheet and Python read back, in one way only.
export function plain(kind, value) {
  if (value === null || value === undefined) return "";
  if (kind === "percent") return `${value}%`;
  if (kind === "date") return value;
  if (kind === "choice") return label(value);
  const text = String(value);
  return NUMERIC.has(kind) && /^-?[1-9]\d{0,2}\.\d{3}$/.test(text) ? `${text}0` : text;
}
