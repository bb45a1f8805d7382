// Column widths: fitted to content, the name takes what is spare.

import { DATED, RIGHT, shown } from "../shared/format.js";

const LEAST = 84; // a filter's example still fits
const MOST = 420;
const SAMPLE = 400;
const PADDING = 30;
const BADGE = 18; // the "!" of a refusal beside a date, which would be cut
const ARROW = 44; // beside the title, its padding included
export const NUMBERS = 48; // the column of row numbers

let canvas = null;

function measure(texts, font) {
  canvas ??= document.createElement("canvas").getContext("2d");
  canvas.font = font;
  return Math.max(0, ...texts.map((text) => canvas.measureText(text).width));
}

// The longest texts of a column, so that not every one is measured.
function longest(store, { field, kind }) {
  const column = store.data.get(field);
  const step = Math.max(1, Math.floor(column.length / 2000));
  const texts = new Set();
  for (let row = 0; row < column.length; row += step) texts.add(shown(kind, column[row] ?? null));
  if (kind === "money") texts.add(shown(kind, Math.round(100 * column.reduce((sum, value) => sum + (value ?? 0), 0)) / 100)); // the total below
  return [...texts].sort((a, b) => b.length - a.length).slice(0, SAMPLE / 20);
}

export function fitted(store, spec, family) {
  const title = measure([spec.title + (spec.locked ? " read only" : "")], `600 12px ${family}`) + ARROW;
  const content = measure(longest(store, spec), `600 13px ${family}`) + PADDING - (RIGHT.has(spec.kind) ? 8 : 4) + (DATED.has(spec.kind) ? BADGE : 0);
  return Math.round(Math.max(LEAST, Math.min(MOST, Math.max(title, content))));
}

export function nameWidth(available, others, narrow, wanted) {
  if (narrow) return 170;
  return Math.max(wanted, Math.min(MOST, available - NUMBERS - others));
}
