// The review drawer: changes, check, conflicts, apply, receipt. Python holds the state; this draws what it says.

import { active, copyText, h, name } from "../shared/dom.js";
import { count, number } from "../shared/format.js";
import { periodOf } from "./bars.js";

const arrow = (old, now) => [h("span", { class: "old" }, name(old)), " → ", h("b", {}, name(now))];

export class Drawer {
  node = null;

  constructor(grid) {
    this.grid = grid;
  }

  async open(what) {
    this.confirm = false;
    await this.#ask({ do: what }, "Reading…");
    this.#focus();
  }

  close() {
    if (!this.node) return false;
    this.node.remove();
    this.node = null;
    this.model = null;
    this.grid.focus();
    return true;
  }

  #focus(selector = "h3 span") {
    this.node?.querySelector(selector)?.focus({ preventScroll: true });
  }

  async #ask(what, busy) {
    this.busy = busy;
    if (this.model && busy) this.draw();
    const answer = await this.grid.ask(what);
    this.busy = "";
    if (answer.drawer) this.model = answer.drawer;
    this.failed = answer.error ?? (answer.dead ? "Python is gone; nothing was written." : "");
    if (answer.drawer || this.node) this.draw();
    return answer;
  }

  progress([done, total]) {
    const bar = this.node?.querySelector("[data-busy]");
    if (bar) bar.textContent = `Writing… ${number(done)} of ${count(total, "deal")}`;
  }

  draw() {
    const scroll = this.node?.querySelector(".body")?.scrollTop ?? 0;
    const node = h("aside", { class: "drw", role: "dialog", "aria-label": this.model.kind === "receipt" ? "Receipt" : "Review plan" });
    node.append(...(this.model.kind === "receipt" ? this.#receipt(this.model) : this.#review(this.model)));
    const focused = this.node?.contains(active(this.grid.root));
    if (this.node) this.node.replaceWith(node);
    else this.grid.root.append(node);
    this.node = node;
    node.querySelector(".body").scrollTop = scroll;
    if (focused) this.#focus(); // else the keys that follow are the notebook's
  }

  #head(title, lines) {
    return h("header", {},
      h("h3", {}, h("span", { tabindex: "-1" }, title), h("button", { class: "lnk sm", onclick: () => this.close() }, "Close ", h("span", { class: "q" }, "Esc"))),
      lines);
  }

  // -- the plan

  #review(m) {
    const moved = ({ after, change, weighted }) => {
      if (after) return [" → ", h("b", {}, after), ` (${change})`];
      return change ? ` (${change})` : [" unchanged", weighted ? `, weighted ${weighted.join(" → ")}` : ""];
    };
    const money = m.periods.map((each, at) => [at ? " · " : `Forecast ${m.about.of}`, `${periodOf(each)} ${each.before}`, moved(each)]);
    const how = h("span", { class: "q" }, `, ${m.about.how}${m.about.limit ? `. ${m.about.limit}` : ""}`);
    const steps = ["Changes", m.client ? "Check against the server" : "Write it from Python", m.conflicts ? `Choose in ${count(m.conflicts, "conflict")}` : "No conflict", "Apply"];
    const at = !m.checked ? 1 : m.undecided ? 2 : 3;
    const line = h("div", { class: "steps" }, steps.map((step, index) => h("span", {}, index === at ? h("b", {}, `${index + 1} ${step}`) : `${index + 1} ${step}${index < at ? " ✓" : ""}`)));
    return [
      this.#head(`Review plan: ${count(m.changes, "change")} in ${count(m.deals, "deal")}`, [h("p", {}, m.why ? `No forecast: ${m.why}` : [money, how]), line]),
      h("div", { class: "body" }, this.#problems(m), m.items.map((item) => this.#deal(m, item)), m.more ? h("p", { class: "q" }, `… and ${count(m.more, "deal")} more, listed by grid.changes`) : "", m.client ? "" : this.#code(m)),
      h("footer", {}, this.failed ? h("p", { class: "pb", role: "alert" }, this.failed) : "", h("div", { class: "acts" }, this.#actions(m))),
    ];
  }

  #problems(m) {
    if (!m.problem_count) return "";
    return h("div", { class: "dl" }, h("h4", {}, h("span", {}, `${count(m.problem_count, "problem")}, not in the plan`)),
      m.problems.map(({ row, field, deal, title, why }) => h("div", { class: "pb" }, h("b", {}, name(deal)), h("br"), `${title}: ${why} `,
        h("button", { class: "lnk", onclick: () => this.#goTo(row, field) }, "Go to the cell"))));
  }

  #goTo(row, field) {
    this.close();
    this.grid.goTo(row, field);
  }

  #deal(m, { row, deal, note, lines }) {
    return h("div", { class: "dl" }, h("h4", {}, h("span", { title: deal }, name(deal)), h("span", {}, note)), lines.map((line) => this.#line(m, row, line)));
  }

  #line(m, row, { field, title, old, new: now, note, conflict }) {
    const undo = field ? "Revert" : now.startsWith("Create") ? "Drop" : "Keep";
    const right = m.checked && !conflict ? h("span", { class: "ok" }, "unchanged on server") : h("button", { class: "lnk sm", "aria-label": `${undo} ${title}`, onclick: () => this.#revert(row, field) }, undo);
    const line = h("div", { class: "ln" }, h("span", { class: "fn" }, title), h("span", {}, field ? arrow(old, now) : h("b", {}, now), note ? h("span", { class: "nt" }, name(note)) : ""), right);
    if (!conflict) return line;
    const choice = (keep, words, value) => {
      const radio = h("input", { type: "radio", name: `oa-${row}-${field}`, "data-pick": `${row}/${field}/${keep}`, onchange: () => this.#choose(row, field, keep) });
      radio.checked = conflict.keep === keep;
      return h("label", {}, radio, words, h("b", {}, name(value)));
    };
    return [line, h("div", { class: "cf" }, h("p", {}, `${conflict.why}. Which value should stay?`), conflict.mine ? choice("mine", "Mine, ", conflict.mine) : "", choice("theirs", "Theirs, ", conflict.theirs))];
  }

  async #choose(row, field, keep) {
    const answer = await this.#ask({ do: "choose", row, field, keep }, "");
    if (answer.drawer) this.#focus(`[data-pick="${CSS.escape(`${row}/${field}/${keep}`)}"]`);
  }

  async #revert(row, field) {
    if (this.reverting) return; // a second press would take the first back
    this.reverting = true;
    await this.#ask(field ? { do: "revert", areas: [{ rows: [row], fields: [field] }] } : { do: "remove", rows: [row] }, "");
    if (!this.failed) await this.#ask({ do: "review" }, "");
    this.reverting = false;
    this.#focus();
  }

  #code(m) {
    return h("div", { class: "dl" }, h("h4", {}, h("span", {}, "Write it from Python")), h("pre", {}, m.code), h("p", { class: "sm q" }, "Or open the grid with a client: oa.edit(opportunities, client=client)."),
      h("button", { class: "btn", onclick: () => copyText(m.code, this.grid.root).then(() => this.grid.say("Copied the lines")) }, "Copy"));
  }

  #actions(m) {
    const button = (text, act, primary = true, off = false, mark = null) => h("button", { class: `btn${primary ? " pri" : ""}`, disabled: off, "data-act": mark, onclick: act }, text);
    const say = (...words) => h("span", { class: "say" }, words);
    if (this.busy) return h("span", { class: "say", role: "status", "data-busy": true }, this.busy);
    if (!m.changes) return say(m.nothing || "Nothing to write.");
    if (!m.client) return say("Nothing is written from here without a client.");
    if (!m.checked) return [say(`Reads ${count(m.deals, "deal")} again and writes nothing.`), button("Check against the server", () => this.#check())];
    const words = `Apply ${count(m.writes, "change")}…`;
    if (m.undecided) return [say(`${m.stopped ? "Nothing was written: somebody else was quicker. " : ""}Choose mine or theirs in ${count(m.undecided, "conflict")} first.`), button(words, () => {}, true, true)];
    const left = [m.theirs ? `${number(m.theirs)} kept as on the server.` : "", m.problem_count ? `${count(m.problem_count, "problem")} left out.` : ""].filter(Boolean).join(" ");
    if (!this.confirm) return [say(left || "Ready."), button(words, () => this.#confirm(true), true, false, "apply")];
    return [
      say(h("b", {}, `Write ${count(m.writes, "change")} to ${count(m.written_deals, "deal")} in the CRM?`), m.warnings ? ` This ${m.warnings}.` : ""),
      button("Cancel", () => this.#confirm(false), false, false, "cancel"),
      button(`Write ${count(m.writes, "change")}`, () => this.#apply(), true, false, "write"),
    ];
  }

  #confirm(asked) {
    this.confirm = asked;
    this.draw();
    this.#focus(`[data-act="${asked ? "cancel" : "apply"}"]`);
  }

  async #check() {
    await this.#ask({ do: "check" }, "Reading the deals again…");
    this.#focus(this.node?.querySelector("[data-pick]") ? "[data-pick]" : '[data-act="apply"]');
  }

  async #apply() {
    this.confirm = false;
    await this.#ask({ do: "apply" }, "Writing…");
    if (this.model?.kind === "receipt") this.grid.say(`${number(this.model.written)} of ${count(this.model.all, "change")} written`);
    this.#focus();
  }

  // -- the receipt

  #receipt(m) {
    const title = m.undone ? `Undone: ${count(m.written, "change")} taken back` : `Receipt: ${number(m.written)} of ${count(m.all, "change")} written`;
    const about = m.undone ? "The deals hold what they held before." : "Kept in oa.runs(); can be undone later, too.";
    const refused = m.all - m.written - m.unsent;
    const says = [
      m.unsent && !m.undone && `${number(m.unsent)} not sent: still in the grid, to be applied again.`,
      refused && !m.undone && `${number(refused)} not written; see the reason at the line.`,
      m.theirs && `${number(m.theirs)} kept as on the server.`,
      ...m.notes,
    ].filter(Boolean).join(" ");
    const undo = h("button", { class: "btn", onclick: () => this.#undo(undo, m) }, "Undo this run");
    return [
      this.#head(title, [h("p", {}, `Run ${m.run}, ${m.at}. ${about}`), m.stopped ? h("p", { class: "pb" }, `Stopped: ${m.stopped}`) : ""]),
      h("div", { class: "body" }, m.items.map(({ deal, lines }) => h("div", { class: "dl" }, h("h4", {}, h("span", {}, name(deal))),
        lines.map(({ title: field, old, new: now, outcome, why }) => [
          h("div", { class: "ln" }, h("span", { class: "fn" }, field), h("span", {}, old ? arrow(old, now) : h("b", {}, name(now))), h("span", { class: "ok" }, m.undone && outcome === "written" ? "taken back" : outcome)),
          why ? h("div", { class: "pb" }, why) : "",
        ]))), m.more ? h("p", { class: "q" }, `… and ${count(m.more, "deal")} more`) : ""),
      h("footer", {}, this.failed ? h("p", { class: "pb", role: "alert" }, this.failed) : "", h("div", { class: "acts" },
        h("span", { class: "say", role: this.busy ? "status" : null }, this.busy || says),
        m.undone || this.busy || !m.written ? "" : undo,
        h("button", { class: "btn pri", onclick: () => this.close() }, "Done"))),
    ];
  }

  async #undo(button, m) {
    if (!this.sure) {
      this.sure = true;
      button.textContent = `Take back ${count(m.written, "change")}`;
      return;
    }
    this.sure = false;
    await this.#ask({ do: "undo run" }, "Taking it back…");
    this.#focus();
  }
}
