// The explorer: controls, figures, chart, deals, code. Python computes and draws; this shows it and asks.

import { active, afterPress, copyText, debounced, h, keepKeys, keepStill, uid } from "../shared/dom.js";
import { label as words } from "../shared/format.js";
import { Kernel, inflated } from "../shared/kernel.js";
import { Popovers } from "../shared/popover.js";
import { Bench } from "./bench.js";
import { NONE, controls, chips, tabs } from "./controls.js";
import { DealsTable } from "./deals.js";
import { Tip, takeTitles } from "./tip.js";

const PART = "\x1f"; // between the keys of a row and of a part of its bar
const stacked = (figure) => figure.split("\n").map((line, at) => (at ? h("small", {}, line) : line));
const EMPTY = {
  history: {
    title: "No history yet.",
    text: "This view compares two records of the pipeline. Record it daily, and call the explorer with the history:",
    code: "opp-analytics record\n\noa.explore(opportunities, history)",
  },
  window: { title: "The window holds one record.", text: "Choose a longer one: two different records are compared." },
  chances: {
    title: "No chances yet.",
    text: "A forecast weighs each open deal with its probability, or learns from closed deals; here no deal has a probability, and too few are closed. Fill the column, or name the CRM's attribute in the org file:",
    code: '[api.columns]\ntheir_name = "probability"',
    way: ["Show open value by close month", (explorer) => explorer.choose({ view: "pipeline", by: "close_month" })],
  },
  deals: { title: "No deals yet.", text: "This table has no deals. Load or import some, and call the explorer again." },
  nothing: { title: "Nothing to draw.", text: "No deal here has what this view counts." },
};
const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

class Explorer {
  opened = null;
  waiting = false;
  error = "";
  #asked = 0;
  #opening = 0;
  #settled = Promise.resolve(); // when the newest choice is drawn

  constructor(model, root, el, shown) {
    Object.assign(this, { model, root, shown, good: shown }); // the last answer, and what is shown
    this.about = model.get("_about");
    this.kernel = new Kernel(model, (content) => this.#hear(content), (state) => this.#kernelState(state));
    this.press = afterPress(root);
    this.popovers = new Popovers(root);
    this.bench = new Bench(model, el, () => this.plan.querySelector("button, input")?.focus());
    this.replan = debounced(500, () => this.choose({}));
    this.#build();
    this.onShown = () => (this.#asked && this.waiting ? null : this.#take());
    model.on("change:_shown", this.onShown);
    root.addEventListener("keydown", (event) => this.#key(event));
    this.ctl.addEventListener("focusout", ({ target }) => target.matches("input[type=text]") && setTimeout(() => this.draw(true)));
    keepStill(root, this.kernel, () => this.touched);
  }

  get state() {
    return this.shown.state;
  }

  // The ends of the window: those that were chosen, else the view's usual ones.
  get window() {
    const [start, end] = this.shown.window;
    return [this.state.start ?? start, this.state.end ?? end];
  }

  #build() {
    this.top = h("div", { class: "top" });
    this.ctl = h("div", { class: "ctl" });
    this.chips = h("div", { class: "chips" });
    this.plan = h("div", { class: "planned", role: "group", "aria-label": "Planned changes", hidden: true });
    this.kpi = h("div", { class: "kpi" });
    this.fig = h("div", { class: "fig", role: "tabpanel", tabindex: "-1" });
    this.deals = new DealsTable(this);
    this.live = h("p", { class: "note live", "aria-live": "polite" });
    this.code = h("pre", { class: "code", tabindex: "0", "aria-label": "Code" });
    this.root.append(this.top, this.ctl, this.chips, this.plan, this.kpi, this.fig, this.live, this.deals.node, h("div", { class: "foot" }, this.code, this.#actions()));
    this.tip = new Tip(this.root);
    this.draw();
    this.resized = new ResizeObserver(() => this.#showTab());
    this.resized.observe(this.top);
  }

  #actions() {
    const button = (text, act) => h("button", { class: "btn", onclick: act }, text);
    this.told = h("span", { class: "q sm", role: "status" });
    return h("div", { class: "acts" },
      button("Edit deals", () => this.edit(this.opened)),
      button("Copy as code", () => copyText(this.shown.code ?? "", this.root).then(() => this.say("Copied"))),
      button("Export deals (CSV)", () => this.#export(false)),
      button("Export table (CSV)", () => this.#export(true)),
      this.told);
  }

  #hear(content) {
    if (content.error) this.#fail(content.error);
    if (content.planned === undefined) return;
    this.shown = { ...this.shown, planned: content.planned };
    this.#drawPlan();
    // An edit that is drawn, or was applied, changes the picture.
    if (!content.to && (this.state.planned || content.planned.written)) this.replan();
  }

  // -- the grid below

  // Edit the deals that are listed, or all behind the chart.
  async edit(listed) {
    this.#fail("");
    const { planned } = await this.kernel.ask({ do: "edit", key: listed?.key ?? null });
    if (planned) this.bench.open(planned.grid, `Editing ${listed ? `${listed.each} of ${listed.label}` : "the deals of this view"}`);
  }

  #drawPlan() {
    const { planned } = this.shown;
    this.plan.hidden = !planned;
    if (!planned) return;
    const focused = this.plan.contains(active(this.root)) && active(this.root).dataset.stay;
    const box = h("input", { type: "checkbox", "data-stay": "planned", onchange: () => this.choose({ planned: box.checked }) });
    box.checked = this.state.planned;
    this.plan.replaceChildren(
      h("b", {}, planned.said),
      planned.note ? h("span", { class: "q" }, planned.note) : "",
      h("label", {}, box, " With the planned changes"),
      h("button", { class: "lnk", "data-stay": "grid", onclick: () => this.bench.open(planned.grid, this.bench.title.textContent || "Planned changes") }, "Back to the grid"),
    );
    if (focused) this.plan.querySelector(`[data-stay="${focused}"]`)?.focus({ preventScroll: true });
  }

  say(text) {
    this.told.textContent = text;
  }

  // -- choosing

  // Resolves with what Python refused of it, if anything.
  choose(change) {
    if (!this.kernel.dead) this.#settled = this.#choose(change);
    return this.#settled;
  }

  async #choose(change) {
    this.touched = true;
    this.shown = { ...this.shown, state: { ...this.state, ...change } };
    const asked = ++this.#asked;
    this.error = "";
    this.refused = null;
    this.draw(true);
    const { error, dead } = await this.kernel.ask({ do: "choose", state: this.state });
    if (asked !== this.#asked) return ""; // a newer request is on its way
    if (error || dead) {
      this.shown = this.good;
      this.draw(true);
    } else {
      this.error = "";
      await this.#take();
    }
    return error ?? "";
  }

  async #take() {
    const asked = this.#asked;
    const shown = decode(await inflated(this.model.get("_shown")));
    if (asked !== this.#asked) return;
    this.shown = this.good = shown;
    this.draw();
  }

  #fail(error) {
    this.error = error;
    this.live.textContent = this.#message;
  }

  #kernelState(state) {
    this.waiting = state === "waiting";
    this.live.textContent = this.#message;
  }

  get #message() {
    if (this.kernel.dead) return "Python is gone. Run the cell again to go on; the last view stays.";
    return this.waiting ? "Waiting for Python…" : this.error;
  }

  // -- drawing

  draw(controlsOnly = false) {
    this.press.later(() => {
      const before = active(this.root);
      const inside = this.root.contains(before);
      this.top.replaceChildren(...tabs(this));
      this.#showTab();
      this.ctl.className = `ctl v-${this.state.view}`;
      if (!this.#writing) this.ctl.replaceChildren(...controls(this));
      this.chips.replaceChildren(...chips(this));
      this.chips.hidden = !this.chips.childNodes.length;
      this.#drawPlan();
      this.live.textContent = this.#message;
      if (!controlsOnly) {
        this.closeDeals(false);
        this.#drawFigure();
      }
      if (inside && !this.root.contains(active(this.root))) this.#refocus(before.dataset);
    });
  }

  // Where tabs scroll, the chosen one is in sight.
  #showTab() {
    const on = this.top.querySelector(".on");
    on.parentElement.scrollLeft = on.offsetLeft + on.offsetWidth - on.parentElement.clientWidth;
  }

  // Focus stays with what was drawn anew; else the keys that follow would be the notebook's.
  #refocus({ stay, mark }) {
    const again = stay ? this.root.querySelector(`[data-stay="${CSS.escape(stay)}"]`) : mark && this.mark(mark);
    (again ?? this.fig).focus({ preventScroll: true });
  }

  // A field is not drawn anew while someone types in it.
  get #writing() {
    return this.ctl.contains(active(this.root)) && active(this.root).matches("input[type=text]");
  }

  #drawFigure() {
    const { shown } = this;
    this.tip.hide();
    this.code.textContent = shown.code ?? "";
    this.kpi.hidden = !shown.kpis;
    this.kpi.replaceChildren(...(shown.kpis ?? []).map(({ name, figure, note }) =>
      h("div", {}, h("div", { class: "k" }, name), h("div", { class: "v" }, figure), h("div", { class: "n", title: note }, note))));
    if (shown.empty) return this.fig.replaceChildren(this.#empty(shown.empty));
    const id = uid();
    const figures = Math.max(1, ...shown.rows.map((row) => row.figures.length));
    const kind = `rows${shown.wide ? ` wide${figures > 6 ? " many" : ""}` : shown.stacked ? " stacked" : ""}`;
    const style = `--lab:${shown.label_width}px;--fig:${shown.figure_width}px;--figs:${figures}`;
    this.fig.replaceChildren(
      h("h3", { id }, shown.title),
      h("p", { class: "sub" }, shown.about),
      h("div", { class: kind, role: "group", "aria-labelledby": id, style }, this.#head(figures), shown.rows.map((row) => this.#row(row))),
      ...this.#links(shown.links),
      ...shown.notes.map((note) => h("p", { class: "note hon" }, note)),
      h("p", { class: "note q" }, shown.n),
    );
    return undefined;
  }

  // What no period holds.
  #links(links) {
    if (!links.length) return [];
    const link = ({ key, label }) => h("button", { class: "lnk", "data-mark": key, "aria-expanded": "false", onclick: () => this.open(key, label) }, label);
    return [h("p", { class: "note" }, "In no period: ", links.flatMap((each, at) => [at ? " and " : "", link(each)]), ".")];
  }

  #head(figures) {
    const { heads, axis } = this.shown;
    if (!heads.length && !axis) return "";
    const scale = h("span", {});
    scale.innerHTML = axis; // SVG of Python, in which all text is escaped
    return h("div", { class: "row head" }, h("span", {}, heads[0] ?? ""), scale, Array.from({ length: figures }, (_, at) => h("span", { class: "fig" }, stacked(heads[at + 1] ?? ""))));
  }

  #row({ key, label, note, picture, figures, strong, highlight, opens }) {
    const { heads } = this.shown;
    const drawn = h("span", { class: "drawn" });
    drawn.innerHTML = picture; // SVG of Python, in which all text is escaped
    const parts = [...drawn.querySelectorAll("[data-key]")];
    const said = drawn.querySelector("svg")?.getAttribute("aria-label") ?? label;
    takeTitles(drawn);
    const lab = h("span", { class: "lab", title: label },
      opens ? h("span", { class: "tri", "aria-hidden": "true" }) : "", h("bdi", {}, label), note ? h("span", { class: "note" }, ` · ${note}`) : "");
    const row = h("div", { class: `row${strong ? " strong" : ""}${highlight ? " lead" : ""}` }, lab, drawn,
      figures.map((figure, at) => h("span", { class: "fig", "data-head": (heads[at + 1] ?? "").replace("\n", " ") }, stacked(figure))));
    for (const image of drawn.querySelectorAll("svg")) image.setAttribute(...(parts.length ? ["role", "group"] : ["aria-hidden", "true"]));
    for (const part of parts) this.#makeMark(part, `${key}${PART}${part.dataset.key}`, `${label}, ${words(part.dataset.key)}`, part.dataset.tip);
    if (!parts.length) drawn.append(h("span", { class: "vh" }, said));
    if (opens) this.#makeMark(parts.length ? lab : row, key, label, said);
    return row;
  }

  // What opens its deals: a row, or a part of its bar.
  #makeMark(node, key, label, said) {
    node.classList.add("mk");
    const about = { role: "button", tabindex: "0", "data-mark": key, "data-tip": said, "aria-expanded": "false" };
    if (node instanceof SVGElement) about["aria-label"] = said;
    for (const [name, value] of Object.entries(about)) node.setAttribute(name, value);
    node.addEventListener("click", () => this.open(key, label));
    node.addEventListener("keydown", (event) => this.#markKey(event, key, label));
  }

  // In place of a chart: what Python says, one of the known cases, or filters that leave no deal.
  #empty(why) {
    const names = this.about.filters[this.state.view];
    const none = { title: "No deals match.", text: `The filters leave none of ${this.shown.deals}.`, way: ["Clear all filters", () => this.clear(names)] };
    const { title, text, code, way } = why.title ? why : (EMPTY[why] ?? none);
    return h("div", { class: "empty" },
      h("h3", {}, title),
      h("p", {}, text),
      code ? h("pre", { class: "code" }, code) : "",
      way ? h("button", { class: "btn", onclick: () => way[1](this) }, way[0]) : "");
  }

  clear(names = Object.keys(NONE)) {
    this.choose(Object.assign({}, ...names.map((name) => NONE[name])));
  }

  // -- deals under a mark

  #markKey(event, key, label) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.open(key, label, true);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const marks = [...this.fig.querySelectorAll(".mk")];
      marks[marks.indexOf(event.currentTarget) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    }
  }

  mark(key) {
    return this.fig.querySelector(`[data-mark="${CSS.escape(key)}"]`);
  }

  async open(key, label, byKey = false) {
    const again = this.opened?.key === key;
    this.closeDeals(false);
    const opening = ++this.#opening;
    if (again) return;
    await this.#settled;
    if (!this.mark(key)) return; // of a picture that is gone
    this.#fail("");
    const { deals } = await this.kernel.ask({ do: "deals", key, label });
    if (!deals || opening !== this.#opening || !this.mark(key)) return;
    this.opened = deals;
    this.mark(key)?.setAttribute("aria-expanded", "true");
    this.deals.show(deals, byKey);
    this.say(`${deals.counted} below`);
  }

  closeDeals(focus = true) {
    if (!this.opened) return false;
    const mark = this.mark(this.opened.key);
    mark?.setAttribute("aria-expanded", "false");
    this.opened = null;
    this.deals.close();
    this.say("");
    if (focus) mark?.focus({ preventScroll: true });
    return true;
  }

  async #export(table) {
    this.#fail("");
    const { csv } = await this.kernel.ask(table ? { do: "table" } : { do: "csv", key: this.opened?.key ?? null });
    if (csv === undefined) return;
    const url = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    h("a", { href: url, download: `${table ? "table" : "deals"}-${this.state.view}.csv` }).click();
    URL.revokeObjectURL(url);
    this.say("Saved");
  }

  #key(event) {
    event.stopPropagation(); // the notebook must not take these for its own
    if (event.key !== "Escape") return;
    if (this.popovers.close() || this.closeDeals()) event.preventDefault();
  }

  close() {
    this.model.off("change:_shown", this.onShown);
    this.replan.cancel();
    this.resized.disconnect();
    this.kernel.close();
    this.bench.close();
    this.popovers.end();
    this.press.close();
  }
}

async function render({ model, el }) {
  const root = h("section", { class: "oap oap-explorer", "aria-label": "Pipeline explorer" });
  keepKeys(root);
  el.append(root);
  const explorer = new Explorer(model, root, el, decode(await inflated(model.get("_shown"))));
  return () => explorer.close();
}

export default { render };
