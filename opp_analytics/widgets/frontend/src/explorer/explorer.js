// The explorer: choose a question, filter, read its answer, open the deals behind a row, edit them. Python answers; this shows it.

import { active, afterPress, copyText, debounced, h, keepKeys, keepStill } from "../shared/dom.js";
import { Kernel, inflated } from "../shared/kernel.js";
import { Popovers } from "../shared/popover.js";
import { drawAnswer } from "./answer.js";
import { Bench } from "./bench.js";
import { chips, controls } from "./controls.js";

const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

class Explorer {
  waiting = false;
  error = "";
  #asked = 0;
  #unanswered = 0; // choices
  #settled = Promise.resolve(); // when the newest choice is answered

  constructor(model, root, el, shown) {
    Object.assign(this, { model, root, shown, good: shown }); // the last answer, and what is shown
    this.about = model.get("_about");
    this.kernel = new Kernel(model, (content) => this.#hear(content), (state) => this.#kernelState(state));
    this.press = afterPress(root);
    this.popovers = new Popovers(root);
    this.bench = new Bench(model, el, () => this.plan.querySelector("button, input")?.focus());
    this.replan = debounced(500, () => this.choose({}));
    this.#build();
    // What a choice gave is taken once, when it is answered.
    this.onShown = () => this.#unanswered || this.#take();
    model.on("change:_shown", this.onShown);
    root.addEventListener("keydown", (event) => this.#key(event));
    keepStill(root, this.kernel, () => this.touched);
  }

  get state() {
    return this.shown.state;
  }

  get question() {
    return this.about.questions.find(({ key }) => key === this.state.question);
  }

  #build() {
    const button = (text, act) => h("button", { class: "btn", onclick: act }, text);
    this.ctl = h("div", { class: "ctl" });
    this.chips = h("div", { class: "chips" });
    this.plan = h("div", { class: "planned", role: "group", "aria-label": "Planned changes", hidden: true });
    this.fig = h("div", { class: "fig", role: "region", "aria-label": "Answer", tabindex: "-1" });
    this.live = h("p", { class: "note live", "aria-live": "polite" });
    this.code = h("pre", { class: "code", tabindex: "0", "aria-label": "Code" });
    this.told = h("span", { class: "q sm", role: "status" });
    this.root.append(this.ctl, this.chips, this.plan, this.fig, this.live, h("div", { class: "foot" },
      h("div", { class: "acts" },
        button("Edit these deals", () => this.edit()),
        button("Copy as code", () => copyText(this.shown.code, this.root).then(() => this.say("Copied"))),
        button("Save…", () => this.#save()),
        this.told),
      h("details", {}, h("summary", { class: "q sm" }, "Code"), this.code)));
    this.draw();
  }

  #hear(content) {
    if (content.error) this.#fail(content.error);
    if (content.planned === undefined) return;
    this.shown = { ...this.shown, planned: content.planned };
    this.#drawPlan();
    // An edit that is in the answer, or was applied, changes it.
    if (!content.to && (this.state.planned || content.planned.written)) this.replan();
  }

  // -- the grid below

  // Edit the deals behind a row, or all that the answer speaks of.
  async edit(at = {}, name = "the answer") {
    this.#fail("");
    const { planned, alone } = await this.kernel.ask({ do: "edit", ...at });
    if (alone) this.bench.open("", "");
    else if (planned) this.bench.open(planned.grid, `Editing the deals of ${name}`);
  }

  #drawPlan() {
    const { planned } = this.shown;
    this.plan.hidden = !planned;
    if (!planned) return;
    if (planned.kept) {
      this.plan.replaceChildren(h("b", {}, planned.kept), " are kept. ", h("button", { class: "lnk", "data-stay": "kept", onclick: () => this.edit() }, "Open the grid to take them in"));
      return;
    }
    const focused = this.plan.contains(active(this.root)) && active(this.root).dataset.stay;
    const box = h("input", { type: "checkbox", "data-stay": "planned", onchange: () => this.choose({ planned: box.checked }) });
    box.checked = this.state.planned;
    this.plan.replaceChildren(
      h("b", {}, planned.said),
      h("label", {}, box, " With the planned changes", this.question.edited ? "" : h("span", { class: "q" }, " (not used here: it reads records)")),
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
    this.draw(true);
    this.#unanswered++;
    const { error, dead } = await this.kernel.ask({ do: "choose", state: this.state });
    this.#unanswered--;
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

  // Keep what is chosen under a name, or drop that name.
  async keepView(name, drop) {
    await this.#settled;
    this.#fail("");
    const { views } = await this.kernel.ask({ do: "view", name, drop });
    if (views) this.shown = this.good = { ...this.shown, views };
  }

  async #take() {
    const asked = this.#asked;
    const shown = decode(await inflated(this.model.get("_shown")));
    if (asked !== this.#asked) return;
    this.shown = this.good = shown;
    this.draw();
  }

  // What Python tells of a row of the answer on screen; null of one that is gone.
  async ask(what) {
    const { answer } = this.shown;
    await this.#settled;
    if (answer !== this.shown.answer) return null;
    this.#fail("");
    const told = await this.kernel.ask(what);
    return answer === this.shown.answer && !told.error && !told.dead ? told : null;
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
    if (this.kernel.dead) return "Python is gone. Run the cell again to go on; the last answer stays.";
    return this.waiting ? "Waiting for Python…" : this.error;
  }

  // -- drawing

  draw(controlsOnly = false) {
    this.press.later(() => {
      const before = active(this.root);
      const inside = this.root.contains(before);
      // A list in which somebody types a name, letter by letter, stays in its place.
      const fresh = controls(this);
      const at = inside && before.matches("select") ? fresh.findIndex((each) => each.dataset.stay === before.dataset.stay && each.textContent === before.textContent) : -1;
      if (at >= 0) {
        before.value = fresh[at].value;
        for (const each of [...this.ctl.children]) if (each !== before) each.remove();
        before.before(...fresh.slice(0, at));
        before.after(...fresh.slice(at + 1));
      } else this.ctl.replaceChildren(...fresh);
      this.chips.replaceChildren(...chips(this));
      this.chips.hidden = !this.chips.childNodes.length;
      this.#drawPlan();
      this.live.textContent = this.#message;
      if (!controlsOnly) {
        this.code.textContent = this.shown.code;
        this.say("");
        this.fig.replaceChildren(...drawAnswer(this, this.shown.answer));
      }
      // Focus stays with what was drawn anew; else the keys that follow would be the notebook's.
      if (inside && !this.root.contains(active(this.root))) {
        const again = before.dataset.stay && this.root.querySelector(`[data-stay="${CSS.escape(before.dataset.stay)}"]`);
        (again || this.fig).focus({ preventScroll: true });
      }
    });
  }

  async #save() {
    this.#fail("");
    const { html, name } = await this.kernel.ask({ do: "save" });
    if (html === undefined) return;
    const url = URL.createObjectURL(new Blob([html], { type: "text/html" }));
    h("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
    this.say("Saved");
  }

  #key(event) {
    event.stopPropagation(); // the notebook must not take these for its own
    if (event.key !== "Escape") return;
    if (this.popovers.close()) return event.preventDefault();
    // The row that has focus, else the one around it, else the last that was opened.
    const here = active(this.root);
    const own = here?.closest("tr")?.querySelector(":scope > th button.name[aria-expanded=true]");
    const around = here?.closest("tr.opened")?.previousElementSibling.querySelector("button.name");
    (own ?? around ?? [...this.fig.querySelectorAll("button.name[aria-expanded=true]")].at(-1))?.click();
    return event.preventDefault();
  }

  close() {
    this.model.off("change:_shown", this.onShown);
    this.replan.cancel();
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
