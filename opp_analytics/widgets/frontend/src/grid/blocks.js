// Blocks of cells to and from the clipboard's tab-separated text.

const ENDS = new Set(["\t", "\n", "\r", undefined]);

// Where the quote at a place closes, or -1 if it does not: then it is a sign like any other, as in `"Blue" project`.
function closing(text, from) {
  let at = from;
  do at = text.indexOf('"', at + 1);
  while (at >= 0 && text[at + 1] === '"' && ++at);
  return at >= 0 && ENDS.has(text[at + 1]) ? at : -1;
}

export function parseBlock(text) {
  if (/^(\r?\n)?$/.test(text)) return [];
  const lines = [[]];
  const plain = /[^\t\r\n]*/y;
  let at = 0;
  for (;;) {
    const close = text[at] === '"' ? closing(text, at) : -1;
    if (close < 0) {
      plain.lastIndex = at;
      const [field] = plain.exec(text);
      lines.at(-1).push(field);
      at += field.length;
    } else {
      lines.at(-1).push(text.slice(at + 1, close).replaceAll('""', '"'));
      at = close + 1;
    }
    const next = text[at];
    at += next === "\r" && text[at + 1] === "\n" ? 2 : 1;
    if (at >= text.length && next !== "\t") break; // the last line's own end
    if (next !== "\t") lines.push([]);
  }
  const width = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return lines.map((line) => Array.from({ length: width }, (_, column) => line[column] ?? ""));
}

export function formatBlock(rows) {
  const quoted = (text) => (/["\t\r\n]|^ | $/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((line) => line.map((cell) => quoted(String(cell ?? ""))).join("\t")).join("\n");
}

// How large a pasted block becomes: repeated over a selection that is a multiple of it, else as it is.
export function spread(block, height, width) {
  const rows = block.length;
  const columns = block[0].length;
  return [height % rows === 0 ? height : rows, width % columns === 0 ? width : columns];
}
