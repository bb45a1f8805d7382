// An answer: finding, figures, picture, tables whose rows open, notes, and what it lacks.

import { copyText, h, uid } from "../shared/dom.js";

export function drawAnswer(x, answer) {
  const id = uid();
  const picture = h("div", { class: "picture" });
  picture.innerHTML = answer.picture; // of Python, in which all text is escaped
  const tables = answer.tables.map((table, at) => drawTable(x, table, { table: at }, table.name, at ? "" : answer.axis));
  openByPicture(picture, answer, tables);
  return [
    h("p", { class: "sub" }, answer.subject),
    h("h3", { id }, answer.sentence),
    drawFigures(answer),
    answer.picture ? picture : "",
    ...tables,
    ...drawNotes(x, answer),
  ].filter((node) => node !== "");
}

const drawFigures = ({ figures }) => (figures.length ? h("div", { class: "kpi" }, figures.map(({ name, figure, range, words }) =>
  h("div", {}, h("div", { class: "k" }, name), h("div", { class: "v" }, figure), h("div", { class: "n" }, [range, words].filter(Boolean).join(" · "))))) : "");

function drawNotes(x, { notes, lacks }) {
  const copy = (way) => h("button", { class: "lnk sm", onclick: () => copyText(way, x.root).then(() => x.say("Copied")) }, "Copy");
  return [
    ...notes.map((note) => h("p", { class: "note" }, note)),
    ...lacks.map(({ what, way }) => h("p", { class: "note hon" }, what, way ? [" ", h("code", {}, way), " ", copy(way)] : "")),
  ];
}

// A row of the picture opens the row of the table with the same id.
function openByPicture(picture, { drawn, tables: models }, tables) {
  const rows = [...picture.querySelectorAll(".rows > .row:not(.head)")];
  rows.forEach((row, at) => {
    const found = models.findIndex(({ rows: listed }) => listed.some(({ id, opens }) => opens && id === drawn[at]));
    if (found < 0) return;
    const place = models[found].rows.findIndex(({ id }) => id === drawn[at]);
    const open = () => {
      const button = tables[found].querySelector(`[data-row="${place}"] button.name`);
      if (button.getAttribute("aria-expanded") !== "true") button.click();
      button.focus({ preventScroll: true });
      button.scrollIntoView({ block: "nearest" });
    };
    row.classList.add("mk");
    for (const [name, value] of [["role", "button"], ["tabindex", "0"]]) row.setAttribute(name, value);
    row.addEventListener("click", open);
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        rows[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
      }
    });
  });
}

// SVG of Python, in which all text is escaped.
function draw(picture) {
  const node = h("div", { class: "pic" });
  node.innerHTML = picture;
  return node;
}

// A table; a flat one is sorted by its headings, and folded rows wait behind a button.
function drawTable(x, model, at, name, axis = "") {
  for (const [each, column] of model.columns.entries()) {
    const longest = Math.max(0, ...model.rows.map(({ cells }) => cells[each][1].length));
    column.look = column.right ? "r" : longest > 40 ? "w" : longest < 13 ? "t" : "";
  }
  const flat = model.rows.every(({ depth }) => !depth);
  let sort = null;
  const heads = model.columns.map(({ title, right }, column) => h("th", { scope: "col", class: right ? "r" : "" },
    flat && model.rows.length > 1 ? h("button", { onclick: () => by(column) }, title) : title));
  const lines = model.rows.map((row, place) => drawRow(x, model, row, place, at));
  const body = h("tbody", {}, lines);
  const isDrawn = model.rows.some(({ picture }) => picture);
  const folded = lines.filter((_, place) => model.rows[place].folded);
  const unfold = h("button", { class: "lnk sm", onclick: () => {
    for (const line of folded) line.hidden = false;
    unfold.remove();
    folded[0].querySelector("button.name")?.focus();
  } }, `Show ${folded.length.toLocaleString("en-US")} more`);
  // What is no deal or group of its own stays last.
  const ends = ({ kind }) => Number(kind === "rest" || kind === "total");
  const by = (column) => {
    for (const opened of body.querySelectorAll(":scope > tr.opened")) opened.previousElementSibling.querySelector("button.name").click();
    const down = sort?.column === column ? !sort.down : model.columns[column].right;
    sort = { column, down };
    heads.forEach((head, each) => (each === column ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    const rank = (place) => model.rows[place].cells[column][0];
    body.replaceChildren(...[...lines.keys()].sort((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      const last = ends(model.rows[one]) - ends(model.rows[other]) || (a === null) - (b === null);
      return last || (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1) || one - other;
    }).map((place) => lines[place]));
  };
  return h("div", { class: "tbs", tabindex: "0", role: "region", "aria-label": name || "Rows" },
    h("table", { class: "deals" },
      h("caption", {}, name, model.total ? h("span", { class: "q" }, ` · ${model.total}`) : ""),
      h("thead", {}, h("tr", {}, model.head ? h("th", { scope: "col" }, model.head) : h("td", {}), isDrawn ? h("td", { class: "drawn" }, draw(axis)) : "", heads)),
      body),
    folded.length ? unfold : "",
    ...model.notes.map((note) => h("p", { class: "note" }, note)),
    model.more ? h("p", { class: "note" }, `… and ${model.more.toLocaleString("en-US")} more in explorer.answer.`) : "");
}

function drawRow(x, model, row, place, at) {
  const opens = row.opens && (row.kind === "deal" || !("row" in at));
  const open = opens ? h("button", { class: "name", "aria-expanded": "false", onclick: ({ currentTarget }) => toggle(x, model, row, place, at, currentTarget) }, h("span", { class: "tri", "aria-hidden": "true" }), h("bdi", {}, row.name || "(no name)")) : h("bdi", {}, row.name);
  const link = /^https?:/i.test(row.link ?? "") ? h("a", { class: "rec", href: row.link, target: "_blank", rel: "noopener noreferrer", title: "Open in the CRM", "aria-label": `Open ${row.name} in the CRM` }, "↗") : "";
  return h("tr", { "data-row": String(place), class: row.kind, hidden: row.folded },
    h("th", { scope: "row", style: row.depth ? `padding-left:${16 * row.depth}px` : null }, h("span", { class: "who" }, open, link)),
    row.picture === undefined ? "" : h("td", { class: "drawn" }, draw(row.picture)),
    model.columns.map(({ name, look }, column) => h("td", { class: `${look}${name === row.marked ? " hi" : ""}` }, h("bdi", {}, row.cells[column][1]))));
}

// Open what is behind a row below it: deals, or the story of a deal.
async function toggle(x, model, row, place, at, button) {
  const line = button.closest("tr");
  if (button.getAttribute("aria-expanded") === "true") {
    if (line.nextElementSibling?.classList.contains("opened")) line.nextElementSibling.remove();
    button.setAttribute("aria-expanded", "false");
    button.focus({ preventScroll: true });
    return;
  }
  button.setAttribute("aria-expanded", "true");
  const here = "row" in at ? { ...at, deal: place } : { ...at, row: place };
  const told = await x.ask(row.kind === "deal" ? { do: "deal", ...here } : { do: "open", ...here });
  if (!told) return void (button.isConnected && button.setAttribute("aria-expanded", "false"));
  if (!line.isConnected || button.getAttribute("aria-expanded") !== "true") return;
  const inside = told.sections ? tellDeal(told.sections) : drawBehind(x, told.behind, here, row.name);
  line.after(h("tr", { class: "opened" }, h("td", { colspan: String(line.cells.length) }, h("div", { class: "inside" }, inside))));
}

const tellDeal = (sections) => h("dl", {}, sections.map(([title, lines]) => [h("dt", {}, title), lines.map((line) => h("dd", {}, h("bdi", {}, line)))]));

function drawBehind(x, behind, at, name) {
  if (!behind) return h("p", { class: "note" }, "No deal is behind this row.");
  const deals = behind.tables[0]?.rows.filter(({ kind }) => kind === "deal").length ?? 0;
  return [
    behind.tables.length ? drawTable(x, behind.tables[0], at, behind.title) : h("p", { class: "note" }, behind.sentence),
    ...drawNotes(x, behind),
    deals ? h("button", { class: "btn", onclick: () => x.edit(at, name) }, deals === 1 ? "Edit this deal" : `Edit these ${deals} deals`) : "",
  ];
}
