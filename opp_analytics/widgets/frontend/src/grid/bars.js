// The bars around the rows: toolbar, status line, plan strip.

import { h } from "../shared/dom.js";
import { count, number } from "../shared/format.js";
import { question } from "./drafts.js";
import { commandOf, keysOf, named } from "./commands.js";

const BAR = [["undo", "redo"], ["find", "columns", "only"], ["add", "remove", "bulk", "changes"]];
const LESS = new Set(["columns", "only", "remove", "bulk", "changes"]); // behind “More” where there is no room

function button(grid, id) {
  const command = commandOf(id);
  const { icon, on, popup } = command;
  const what = icon?.(grid);
  const name = icon ? named(command, grid) : null;
  const keys = keysOf(command);
  const title = icon ? `${name} (${keys})${what ? `: ${what}` : ""}` : keys;
  return h("button", {
    class: `btn${icon ? " ic un" : ""}${LESS.has(id) ? " less" : ""}${on?.(grid) ? " on" : ""}`,
    "data-bar": id,
    "aria-label": name,
    title: title || null,
    disabled: icon && !what,
    "aria-pressed": on ? String(on(grid)) : null,
    "aria-haspopup": popup === true ? "dialog" : popup,
    onclick: () => command.act(grid, grid.place),
  }, command.bar(grid), popup ? h("span", { class: "tri" }) : "");
}

// The commands whose buttons have no room.
export const unshown = (bar) => [...LESS].filter((id) => bar.querySelector(`[data-bar="${id}"]`)?.offsetWidth === 0).map(commandOf);

const link = (mark, text, act, style = "lnk") => h("button", { class: style, "data-bar": mark, onclick: act }, text);

export function toolbar(grid) {
  const { store } = grid;
  const filters = store.filters.size;
  const [shown, all] = [store.order.length, store.total];
  return [
    ...BAR.flatMap((ids, nth) => [nth ? h("span", { class: "sep" }) : "", ...ids.filter((id) => grid.model.get("_rows")[id] ?? true).map((id) => button(grid, id))]).filter(Boolean),
    button(grid, "more"),
    h("span", { class: "sp" }),
    h("span", { class: "cnt" },
      store.only ? [link("all", "Show all", () => grid.showOnly(null)), " · "] : "",
      shown === all ? count(all, "deal") : `${number(shown)} of ${count(all, "deal")}`,
      filters ? [" · ", link("clear", `Clear ${count(filters, "filter")}`, () => grid.arranging.clear())] : ""),
    button(grid, "keys"),
  ];
}

const WRITTEN = new Set(["edit", "bulk", "add", "remove"]);

const both = (before, after) => (after ? [before, " → ", h("b", {}, after)] : before);

export const periodOf = ({ period, over }) => (over ? `closed ${period}` : period);

// The forecast of one period before and after, with its target and how it is made.
function outlook({ period, over, before, after, change, weighted, target, chance, chance_after: then }, about, changes) {
  return [
    `${over ? "closed" : "forecast"} ${about.of}${period} ${before}`,
    after ? both("", after) : change ? [" (", h("b", {}, change), ")"] : changes ? ", no change" : "",
    target ? `, target ${target}` : "",
    chance ? [", ", both(chance, then), " likely to hit"] : "",
    over ? "" : h("span", { class: "q", title: about.limit }, ` ${about.how}`),
    weighted ? ["; weighted pipeline ", both(...weighted)] : "",
  ];
}

function fillPeriods(node, { money: { changed, about } }) {
  const cells = [
    ["Forecast", ({ before, after }) => both(before, after), true],
    ["Change", ({ change }) => change || "–", true],
    ["Weighted", ({ weighted }) => (weighted ? both(...weighted) : "–"), changed.some(({ weighted }) => weighted)],
    ["Target", ({ target }) => target || "–", changed.some(({ target }) => target)],
    ["Likely to hit", ({ chance, chance_after: then }) => (chance ? both(chance, then) : "–"), changed.some(({ chance }) => chance)],
  ].filter(([, , any]) => any);
  node.classList.add("wide");
  node.append(
    h("h3", { tabindex: "-1", "data-first": true }, "Periods that change", h("span", { class: "q" }, ` ${about.of}${about.how}`)),
    h("table", { class: "per" },
      h("thead", {}, h("tr", {}, ["Period", ...cells.map(([title]) => title)].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, changed.map((each) => h("tr", {}, h("th", { scope: "row" }, periodOf(each)), cells.map(([, text]) => h("td", {}, text(each))))))),
  );
}

export function strip(grid) {
  const { counts, money, kernel } = grid;
  const dot = () => h("span", { class: "d" }, "·");
  if (kernel.dead) {
    const unsent = kernel.lost.some(({ do: what }) => WRITTEN.has(what)) || grid.editor?.touched;
    const some = counts.changes || counts.problems || unsent;
    const here = unsent && grid.kept ? "What was typed last is on this page only: copy the changes, then run the cell again." : "The changes are on this page only: copy them, then run the cell again.";
    const words = !some ? "Run the cell again to go on." : grid.kept && !unsent ? "The edits are kept: run the cell again, and take them in." : here;
    return [h("div", { class: "pl", role: "alert" }, h("b", {}, "Python is gone"), dot(), `${words} `, some ? link("copy", "Copy changes", () => grid.copyChanges()) : "")];
  }
  const review = h("button", { class: "btn pri", "data-bar": "review", onclick: () => grid.drawer.open("review") }, "Review plan");
  const asked = question(grid);
  const { period, changed = [], why, about, run } = money;
  const forecast = period ? outlook(period, about, counts.changes) : why ? [h("span", { class: "q", title: why }, "no forecast")] : [];
  const open = () => grid.pop(() => grid.plan.querySelector("[data-bar='periods']"), "Periods that change", fillPeriods);
  if (changed.length > 1) forecast.push(" ", link("periods", `and ${count(changed.length - 1, "more period")}`, open));
  const changes = counts.changes
    ? [h("b", {}, count(counts.changes, "change")), ` in ${count(counts.deals, "deal")}`]
    : run
      ? [run.undone ? "Run undone" : `${count(run.written, "change")} written at ${run.at}`]
      : ["No changes yet"];
  const receipt = run ? [dot(), link("receipt", counts.changes || run.undone ? "Receipt" : "Receipt and undo", () => grid.drawer.open("receipt"))] : [];
  const kept = grid.drafts.length && !asked ? [dot(), link("drafts", `${count(grid.drafts.length, "draft")} kept`, () => grid.postpone(false))] : [];
  const problems = counts.problems ? [dot(), link("problem", count(counts.problems, "problem"), () => grid.goToProblem(), "prob")] : [];
  return [
    asked ?? "",
    h("div", { class: "pl" }, changes, forecast.length ? [dot(), forecast] : [], receipt, problems, kept, grid.waiting ? [dot(), h("span", { class: "q" }, "waiting for Python")] : []),
    review,
  ];
}
