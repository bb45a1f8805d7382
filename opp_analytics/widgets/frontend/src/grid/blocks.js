// Blocks of cells to and from the clipboard's tab-separated text.

import Papa from "papaparse";

export function parseBlock(text) {
  const { data } = Papa.parse(text.replace(/\r?\n$/, ""), { delimiter: "\t" });
  const width = Math.max(...data.map((line) => line.length));
  return data.map((line) => Array.from({ length: width }, (_, at) => line[at] ?? ""));
}

export function formatBlock(rows) {
  return Papa.unparse(rows, { delimiter: "\t", newline: "\n" });
}

// How large a pasted block becomes: repeated over a selection that is a multiple of it, else as it is.
export function spread(block, height, width) {
  const rows = block.length;
  const columns = block[0].length;
  return [height % rows === 0 ? height : rows, width % columns === 0 ? width : columns];
}
