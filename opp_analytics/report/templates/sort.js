// Column heads that sort, largest or first letter first, then the other way, then as the page came. A row keeps the deals
// it opens to, a team its people, and totals stay last. Without this script the heads are words, as everywhere else.
"use strict";

for (const table of document.querySelectorAll("table.sorts")) {
  const bodies = [...table.tBodies];
  const came = bodies.map((body) => [...body.rows]);
  const heads = [...table.tHead.rows[0].cells];

  const read = (row, head) => {
    const cell = row.cells[heads.indexOf(head)]?.cloneNode(true);
    for (const small of cell?.querySelectorAll(".sm") ?? []) small.remove();
    const words = cell?.textContent.trim() ?? "";
    if (head.matches(".l")) return words || undefined;
    if (words === "met") return Infinity;
    if (words === "no change") return 0;
    // A day without a year is of the year at the end of the page's title.
    if (/^[A-Z][a-z]{2} \d/.test(words)) return Date.parse(/, \d{4}$/.test(words) ? words : `${words}, ${document.title.slice(-4)}`);
    const digits = words.match(/\d[\d,.]*/);
    if (!digits) return undefined;
    const figure = Number(digits[0].replaceAll(",", ""));
    // "+7,000" is past the target: less than nothing to go.
    if (/^[▼−+]/.test(words)) return -figure;
    return figure + (words[0] === ">" ? 0.5 : words[0] === "<" ? -0.5 : 0);
  };

  const compare = (head, way) => (one, other) => {
    const [a, b] = [read(one, head), read(other, head)];
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return way * (typeof a === "string" ? a.localeCompare(b) : a === b ? 0 : a - b);
  };

  const arrange = (head, way) => {
    for (const [place, body] of bodies.entries()) {
      const rows = [];
      for (const row of came[place]) row.matches(".deals") ? rows.at(-1).push(row) : rows.push([row]);
      const first = rows[0][0].matches(".group") ? rows.shift() : [];
      if (way) rows.sort(([one], [other]) => compare(head, way)(one, other));
      body.append(...first, ...rows.flat());
    }
    const firsts = new Map(bodies.map((body, place) => [body, came[place][0]]));
    const parts = bodies.filter((body) => !firsts.get(body).matches(".total"));
    if (way && parts.every((body) => firsts.get(body).matches(".group")))
      parts.sort((one, other) => compare(head, way)(firsts.get(one), firsts.get(other)));
    table.append(...parts, ...bodies.filter((body) => !parts.includes(body)));
  };

  for (const head of heads) {
    if (!head.textContent.trim() || head.matches(".pict, .why")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const ways = head.matches(".l") ? { "": 1, ascending: -1, descending: 0 } : { "": -1, descending: 1, ascending: 0 };
    button.addEventListener("click", () => {
      const way = ways[head.getAttribute("aria-sort") ?? ""];
      for (const one of heads) one.removeAttribute("aria-sort");
      if (way) head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      arrange(head, way);
    });
  }
}
