// Blocks of cells to and from the clipboard's tab-separated text.

import Papa from "papaparse";

export function parseBlock(text) {
  const { data } = Papa.parse(text.replace(/\r?\n$/, ""), { delimiter: "\t" });
  return data;
}

export function formatBlock(rows) {
  return Papa.unparse(rows, { delimiter: "\t", newline: "\n" });
}

// How large a pasted block becomes: repeated over a selection that is a multiple of it, else as it is.
export function spread(block, height, width) {
  const rows = block.length;
  const columns = Math.max(...block.map((row) => row.length));
  return [height % rows === 0 ? height : rows, width % columns === 0 ? width : columns];
}
