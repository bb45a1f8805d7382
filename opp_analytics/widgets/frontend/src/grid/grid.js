// The editing grid. Python holds the edits and judges them; this shows them and asks.

import { active, afterPress, copyText, debounced, h, keepKeys, keepStill, uid } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { Kernel, inflated } from "../shared/kernel.js";
import { Actions } from "./actions.js";
import { Arranging } from "./arranging.js";
import { strip, toolbar, unshown } from "./bars.js";
import { Callout } from "./callout.js";
import { writeChanges } from "./drafts.js";
import { Editor, placeOver } from "./editor.js";
import { figureLine } from "./figures.js";
import { Find } from "./find.js";
import { commandAt, menuOf } from "./commands.js";
import { onKey } from "./keys.js";
import { Layout } from "./layout.js";
import { Menu, openKeys } from "./menu.js";
import { Mouse } from "./mouse.js";
import { fillProblems } from "./panels.js";
import { Popovers } from "../shared/popover.js";
import { Drawer } from "./review.js";
import { Selection } from "./selection.js";
import { Store } from "./store.js";
import { Table } from "./table.js";

const READS = new Set(["judge", "keep", "layout", "operands", "preview", "problems", "strip"]);

// The grids of the page, each of which may come from a module and a tree of its own.
const GRIDS = (globalThis[Symbol.for("opp_analytics.grids")] ??= new Set());

class Grid {
  counts = { changes: 0, deals: 0, problems: 0 };
  money = {};
  undo = "";
  redo = "";
  waiting = false;
  kept = true; // on disk
  later = false; // for the drafts that are offered
  editor = null;
  find = null;

  constructor(model, root, bytes, open) {
    Object.assign(this, { model, root, drafts: model.get("_drafts") ?? [] });
    this.store = new Store(model.get("_columns"), bytes, open);
    this.layout = new Layout(model, this.store.specs, (what) => this.kernel.ask(what));
    this.actions = new Actions(this);
    this.arranging = new Arranging(this);
    this.selection = new Selection(() => this.size(), (at) => this.#selected(at));
    this.press = afterPress(root);
    this.kernel = new Kernel(model, (content) => this.#hear(content), (state) => this.#kernelState(state));
    this.#build();
    this.#listen();
    this.ask({ do: "state" });
    const { rows } = model.get("_only") ?? {};
    if (rows) {
      this.store.only = new Set(rows);
      this.store.arrange();
      this.rows();
    }
  }

  get specs() {
    return this.layout.visible();
  }

  get activeRow() {
    return this.store.order[this.selection.active.r];
  }

  get activeSpec() {
    return this.specs[this.selection.active.c];
  }

  // The active cell, as commands take it.
  get place() {
    return { ...this.selection.active, row: this.activeRow, spec: this.activeSpec };
  }

  get page() {
    return Math.max(1, Math.floor(this.model.get("_height") / 28) - 4);
  }

  size() {
    return [this.store.order.length, this.specs.length];
  }

  // -- what is on the page

  #build() {
    this.bar = h("div", { class: "bar", role: "toolbar", "aria-label": "Editing" });
    this.holder = h("div", { class: "gs", tabindex: "-1", id: uid(), "aria-label": "Deals", "aria-multiselectable": "true", style: `height:${this.model.get("_height")}px` });
    // It has the keys, the clipboard and what is typed for the cells.
    this.field = h("textarea", { class: "kf", rows: "1", "aria-label": "Deals", autocomplete: "off", spellcheck: "false" });
    this.none = h("div", { class: "none", hidden: true });
    this.frame = h("div", { class: "gw" }, this.holder, this.field, this.none);
    this.said = h("span", { class: "said", "aria-live": "polite" });
    this.offer = h("span", { class: "offer", "aria-live": "polite" });
    this.sums = h("span", { class: "agg" });
    this.plan = h("div", { class: "plan", role: "region", "aria-label": "Plan" });
    this.root.append(this.bar, this.frame, h("div", { class: "stat" }, this.said, this.offer, this.sums), this.plan);
    this.table = new Table(this);
    this.popovers = new Popovers(this.root);
    this.menu = new Menu(this.root);
    this.callout = new Callout(this);
    this.drawer = new Drawer(this);
    this.bars();
  }

  // Once the rows are on the page. Each grid there has a name of its own: the smallest number that no other has.
  started() {
    const taken = new Set([...GRIDS].filter((each) => each.isConnected).map(({ dataset }) => +dataset.nth));
    GRIDS.add(this.holder);
    let nth = 1;
    while (taken.has(nth)) nth += 1;
    this.holder.dataset.nth = nth;
    if (nth > 1) for (const node of [this.root, this.bar, this.holder, this.field, this.plan]) node.setAttribute("aria-label", `${node.getAttribute("aria-label")} ${nth}`);
    this.rows();
    this.arranging.restore(this.layout.more);
  }

  #listen() {
    this.mouse = new Mouse(this);
    this.holder.addEventListener("contextmenu", (event) => this.#contextMenu(event));
    this.root.addEventListener("contextmenu", (event) => event.stopPropagation()); // the notebook has a menu of its own
    const on = (type, act) => this.field.addEventListener(type, act);
    on("keydown", (event) => {
      if (!this.editor && !event.isComposing && onKey(this, event)) event.preventDefault();
    });
    on("beforeinput", (event) => {
      if (!this.editor && event.inputType.startsWith("insert") && !this.edit("", true)) event.preventDefault();
    });
    on("input", () => this.editor ?? (this.field.value = "")); // what an input method wrote where nothing can be
    this.root.addEventListener("keydown", (event) => this.#rootKey(event));
    keepStill(this.root, this.kernel, () => this.touched);
    for (const type of ["copy", "cut", "paste"]) on(type, (event) => this.#clipboard(event));
    this.holder.addEventListener("focus", () => this.focus());
    for (const type of ["focus", "blur"]) on(type, () => this.paint());
    this.holder.addEventListener("pointerover", (event) => this.#hovered(event));
    this.holder.addEventListener("pointerout", () => this.callout.later());
    // Late enough that an undo right after a step is not answered behind the forecast.
    this.askStrip = debounced(300, () => this.ask({ do: "strip" }));
  }

  bars() {
    this.press.later(() => {
      const focus = active(this.root);
      const focused = this.root.contains(focus) ? focus.dataset?.bar : null;
      if (!this.find) this.bar.replaceChildren(...toolbar(this));
      this.plan.replaceChildren(...strip(this));
      if (focused) this.root.querySelector(`[data-bar="${focused}"]`)?.focus({ preventScroll: true });
    });
  }

  say(text) {
    this.said.replaceChildren(text);
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  // -- to and from Python

  ask(what) {
    if (this.kernel.dead && !READS.has(what.do)) {
      this.kernel.lost.push(what);
      this.say("Python is gone: run the cell again to edit.");
      this.bars();
    }
    return this.kernel.ask(what);
  }

  // When the edits on their way are answered; null if none is.
  get edits() {
    return this.kernel.answered(({ do: what }) => !READS.has(what));
  }

  // Each cell's value, and why it has none.
  async read(cells, what = "judge") {
    const { judged, error } = await this.kernel.ask({ do: what, cells });
    return judged ?? cells.map(() => [null, error ?? "Python is gone."]);
  }

  #kernelState(state) {
    this.waiting = state === "waiting";
    if (state === "dead") this.say("Python is gone: run the cell again to edit.");
    this.bars();
  }

  #hear(content) {
    if (content.progress) this.drawer.progress(content.progress);
    if (content.strip) this.money = content.strip;
    if (content.only) this.showOnly(content.only.rows);
    if (content.drafts) this.drafts = content.drafts;
    if (content.cells) this.#take(content);
    if (content.error) this.say(content.error);
    if (content.strip || content.cells || content.drafts) this.bars();
  }

  #take(content) {
    const { seen, moved } = this.store.take(content);
    Object.assign(this, { counts: content.counts, undo: content.undo, redo: content.redo, kept: content.kept });
    this.touched ||= Boolean(content.said || content.reset);
    if (moved) {
      this.store.admit();
      this.rows();
    } else this.table.refresh(seen);
    if (content.said) this.say(content.said);
    this.offer.replaceChildren(...(content.offer ? [h("button", { class: "lnk", onclick: () => this.agree() }, content.offer), h("span", { class: "q" }, " Alt+Enter")] : []));
    if (content.refused) this.#besideRefusal(content.cells);
    if (this.find) this.find.search(false);
    this.sum();
    this.askStrip();
  }

  #besideRefusal(cells) {
    const [field, , , why, , rows] = cells.find(([, , , reason]) => reason) ?? [];
    if (!why) return;
    if (cells.length > 1 || rows.length > 1) return this.said.prepend(h("button", { class: "lnk", "data-bar": "why", onclick: () => this.openProblems() }, "All reasons"), " · ");
    const r = this.store.order.indexOf(rows[0]);
    const cell = this.table.node(r, this.specs.findIndex((spec) => spec.field === field));
    if (cell) this.callout.show(cell, rows[0], field);
    return undefined;
  }

  rows(more) {
    this.table.rows(more);
    this.selection.clamp();
    this.none.hidden = this.store.order.length > 0;
    if (!this.store.order.length) this.none.replaceChildren(...this.arranging.nothing());
    this.bars();
  }

  // -- the selection

  #selected(at) {
    if (at) this.table.reveal(at.r, at.c);
    this.paint();
    this.sum();
    this.#context();
  }

  paint() {
    if (!this.table) return;
    const at = this.table.paint(this.selection, !this.editor && this.size()[0] > 0);
    if (!this.editor && at) {
      placeOver(this.field, at);
      this.field.setAttribute("aria-activedescendant", at.id);
      this.field.setAttribute("aria-controls", this.holder.id);
    }
    if (this.find) this.table.hits(this.find.hits, this.find.at);
  }

  // While a large selection is drawn, its figures wait.
  sum() {
    clearTimeout(this.summing);
    const cells = this.selection.ranges.reduce((sum, { r0, r1, c0, c1 }) => sum + (r1 - r0 + 1) * (c1 - c0 + 1), 0);
    const draw = () => this.sums.replaceChildren(...figureLine(this));
    if (cells > 20_000) this.summing = setTimeout(draw, 120);
    else draw();
  }

  // The status line says what the active cell was, or why it was refused.
  #context() {
    if (!this.size()[0]) return;
    const spec = this.activeSpec;
    const mark = this.store.mark(this.activeRow, spec.field);
    if (mark?.why) this.say(`Refused: ${mark.why}`);
    else if (mark) {
      this.said.replaceChildren(`${spec.title} was ${this.store.was(this.activeRow, spec.field)}. `, h("button", { class: "lnk", onclick: () => this.actions.revert() }, "Revert"), h("span", { class: "q" }, " Alt+Backspace"));
    } else this.say(spec.locked);
  }

  #hovered(event) {
    if (this.mouse.drag || this.editor) return;
    const at = this.table.at(event.target);
    const spec = at && this.specs[at.c];
    const row = at && this.store.order[at.r];
    const mark = spec && this.store.mark(row, spec.field);
    if (mark) this.callout.soon(at.cell, row, spec.field);
    else this.callout.later();
  }

  scrolled() {
    this.callout.hide();
    this.arranging.place();
    this.editor?.place(this.table.node(this.selection.active.r, this.selection.active.c));
  }

  goTo(row, field) {
    if (!this.store.order.includes(row)) {
      this.store.only = null;
      this.arranging.clear();
    }
    if (this.layout.hidden.has(field)) {
      this.layout.toggle(field);
      this.table.columns();
    }
    const c = this.specs.findIndex((spec) => spec.field === field);
    this.selection.go(this.store.order.indexOf(row), Math.max(0, c));
    this.focus();
    const { r } = this.selection.active;
    this.callout.show(this.table.node(r, Math.max(0, c)), row, field);
  }

  // Every refusal, by its reason.
  async openProblems() {
    const { problems } = await this.kernel.ask({ do: "problems" });
    if (!problems?.length) return;
    this.pop(() => this.plan.querySelector("[data-bar='problem']") ?? this.plan, "Problems", fillProblems, problems);
  }

  goToProblem() {
    if (this.counts.problems > 1) return this.openProblems();
    const [row, field] = this.store.marked.find(([, , { why }]) => why) ?? [];
    if (field) this.goTo(row, field);
    return undefined;
  }

  // -- editing

  // Whether the active cell can be edited; what is `typing` arrows set and leave.
  edit(text, typing = false) {
    if (!this.size()[0] || this.editor) return false;
    const { activeSpec: spec, activeRow: row } = this;
    const { r, c } = this.selection.active;
    const refused = (why) => {
      this.say(why);
      this.callout.tell(this.table.node(r, c), why);
      return false;
    };
    if (this.kernel.dead) return refused("Python is gone: run the cell again to edit.");
    if (spec.locked) return refused(spec.locked);
    if (this.store.state(row) === "removed") return refused("This deal is marked for removal. Undo or keep it first.");
    this.callout.hide();
    this.table.reveal(r, c);
    const mark = this.store.mark(row, spec.field);
    const typed = text ?? (mark?.why && mark.typed !== null ? mark.typed : undefined);
    this.say(this.selection.single ? "" : "Enter sets this cell and goes on in the selection; Ctrl+Enter sets every selected cell of this kind");
    this.editor = new Editor({
      input: this.field,
      root: this.root,
      cell: this.table.node(r, c),
      row,
      spec,
      alive: () => !this.kernel.dead,
      name: this.store.text(row, this.specs[0].field),
      options: this.store.options(spec, [row]),
      value: this.store.value(row, spec.field),
      text: typed,
      typing,
      today: this.model.get("_today"),
      read: (cells) => this.read(cells),
      say: (words) => this.say(words),
      end: (...how) => this.#edited(...how),
    });
    this.paint();
    return true;
  }

  // Enter in a selection goes down in it.
  enter({ shiftKey }) {
    if (this.selection.single) this.edit();
    else this.selection.step(false, shiftKey);
  }

  // Today's date, as if typed.
  typeToday() {
    if (this.edit("", true)) this.editor.insert(this.model.get("_today"));
  }

  #edited(how, written, event, untouched) {
    this.editor = null;
    if (event || how === "no") this.focus();
    this.paint();
    if (this.kernel.dead) this.bars();
    if (how === "no") return this.say("Edit canceled");
    const many = how === "all" && !this.selection.single;
    const mark = this.store.mark(this.activeRow, this.activeSpec.field);
    if (many || mark?.why || !untouched) this.actions.set(written, how === "all");
    if (how === "all" || !event?.key) return undefined;
    const { selection } = this;
    const { r, c } = selection.active;
    const by = event.shiftKey ? -1 : 1;
    if (event.key !== "Enter" && event.key !== "Tab") onKey(this, event);
    else if (!selection.single) selection.step(event.key === "Tab", event.shiftKey);
    else if (event.key === "Enter") selection.go(r + by, selection.home ?? c);
    else selection.go(r, c + by, { tab: true });
    return undefined;
  }

  // What the last step offered, such as the chance of a deal that it won.
  agree() {
    if (!this.offer.childElementCount) return;
    this.ask({ do: "agree" });
    this.focus();
  }

  // A new deal on top, or at a place among the rows.
  async add(below = 0) {
    if (below) this.store.below = below;
    else this.arranging.forget();
    if (await this.#come({ do: "add" })) this.edit("", true);
  }

  async duplicate() {
    const { r1 } = this.selection.last;
    this.store.below = r1 + 1;
    await this.#come({ do: "duplicate", rows: this.actions.selectedRows });
  }

  // Rows that Python adds are selected; whether there are any.
  async #come(what) {
    const { rows, said } = await this.ask(what);
    if (!rows?.length) return false;
    const places = rows.map(([row]) => this.store.order.indexOf(row));
    const [r0, r1] = [Math.min(...places), Math.max(...places)];
    this.selection.go(r0, 0);
    if (r1 > r0) this.selection.set({ r0, r1, c0: 0, c1: this.specs.length - 1 });
    this.focus();
    this.say(said);
    return true;
  }

  preview(target) {
    this.table.slick.removeCellCssStyles("fill");
    if (!target) return;
    const hash = {};
    const { top, bottom } = this.table.slick.getRenderedRange();
    for (let r = Math.max(target.r0, top); r <= Math.min(target.r1, bottom); r++) {
      hash[r] = Object.fromEntries(this.specs.slice(target.c0, target.c1 + 1).map(({ field }) => [field, "fp"]));
    }
    this.table.slick.setCellCssStyles("fill", hash);
    this.say(`Fill ${count((target.r1 - target.r0 + 1) * (target.c1 - target.c0 + 1), "cell")}`);
  }

  fill(target, same = false) {
    this.preview(null);
    if (!target) return;
    const source = this.selection.last;
    this.selection.set({ r0: Math.min(source.r0, target.r0), r1: Math.max(source.r1, target.r1), c0: Math.min(source.c0, target.c0), c1: Math.max(source.c1, target.c1) });
    this.actions.fill(source, target, same);
  }

  // To the end of the data beside it, as a double click on the corner of a selection does.
  fillToEnd() {
    const source = this.selection.last;
    const r1 = this.actions.endBeside(source);
    if (r1 > source.r1) this.fill({ ...source, r0: source.r1 + 1, r1 });
    else this.say("The columns beside have no data below");
  }

  #clipboard(event) {
    if (this.editor) return undefined;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "paste") return this.#paste(event.clipboardData.getData("text/plain"));
    if (this.edits || !this.selection.block) return event.type === "cut" ? this.cut() : this.copy();
    event.clipboardData.setData("text/plain", this.actions.copied());
    return event.type === "cut" ? this.actions.clear() : undefined;
  }

  copy() {
    this.copying = this.#copy(this.selection.block).finally(() => (this.copying = null));
  }

  cut() {
    this.copy();
    if (this.selection.block) this.actions.clear();
  }

  async pasteFromClipboard() {
    let text;
    try {
      text = await navigator.clipboard.readText();
    } catch {
      return this.say("This browser does not let a menu read the clipboard: press Ctrl+V");
    }
    return this.#paste(text);
  }

  // Cells are copied as they are once the edits on their way are answered.
  async #copy(block) {
    await this.edits;
    const text = this.actions.copied(block);
    if (text === null) return null;
    await copyText(text, this.root);
    if (!active(this.root)) this.focus();
    return text;
  }

  async #paste(clip) {
    return this.actions.paste((await this.copying) ?? clip);
  }

  // The deals that somebody has turned to; edits of others stay.
  showOnly(rows) {
    this.store.only = rows && new Set(rows);
    this.arranging.forget();
    this.selection.go(0, 0);
    if (!rows) this.focus();
  }

  answerDraft(what, draft) {
    this.ask({ do: what, draft });
    this.focus();
  }

  postpone(later = true) {
    this.later = later;
    this.bars();
    this.focus();
  }

  copyChanges() {
    copyText(writeChanges(this), this.root).then(() => this.say("Copied the changes"));
  }

  // -- keys that hold everywhere in the grid

  #rootKey(event) {
    event.stopPropagation(); // the notebook must not take these for its own
    const typing = event.target !== this.field && event.target.matches?.("input, textarea, select");
    const command = commandAt(event);
    if (event.key === "Escape" && event.target !== this.field) this.escape();
    else if (command?.anywhere === "always" || (command?.anywhere && !typing)) command.act(this, this.place);
    else return;
    event.preventDefault();
  }

  // Editor, popover, drawer, find bar, selection, and then out to the toolbar.
  escape() {
    if (this.popovers.close() || this.drawer.close()) return;
    if (this.find) return this.closeFind();
    this.callout.hide();
    if (active(this.root) !== this.field && this.root.contains(active(this.root))) return this.focus();
    const { r, c } = this.selection.active;
    if (!this.selection.single) return this.selection.go(r, c);
    return this.bar.querySelector("[data-bar='find']")?.focus();
  }

  // -- the context menu, the sheet of keys, and what they lead to

  #contextMenu(event) {
    const { target } = event;
    if (target.matches("input")) return;
    event.preventDefault();
    const header = target.closest(".slick-header-column");
    const at = this.table.at(target);
    const c = header ? this.specs.findIndex(({ field }) => field === header.dataset.id) : (at?.c ?? -1);
    const [rows] = this.size();
    if (!header && !at) return this.openMenu();
    this.editor?.commit();
    if (header && c >= 0 && !this.selection.hasColumn(c)) this.selection.set({ r0: 0, r1: rows - 1, c0: c, c1: c });
    else if (at && c < 0 && !this.selection.hasRows(at.r)) this.selection.set({ r0: at.r, r1: at.r, c0: 0, c1: this.specs.length - 1 });
    else if (at && c >= 0 && !this.selection.has(at.r, c)) this.selection.go(at.r, c);
    const where = header && c >= 0 ? "column" : at && c < 0 ? "row" : "cell";
    const r = at?.r ?? this.selection.active.r;
    return this.openMenu(where, { r, c: Math.max(0, c), row: this.store.order[r], spec: this.specs[Math.max(0, c)] }, { x: event.clientX, y: event.clientY });
  }

  // The menu of what is selected, beside the active cell or at a point.
  openMenu(where, at = this.place, point) {
    const { r, c } = at;
    if (!this.size()[0] && where !== "column") return;
    const [rows, columns] = [this.selection.hasRows(r), this.selection.hasColumn(c)];
    const kind = where ?? (rows && !columns ? "row" : columns && !rows ? "column" : "cell");
    if (!point) this.table.reveal(r, c);
    const box = point ? null : (kind === "column" ? this.table.slick.getHeaderColumn(at.spec.field) : this.table.node(r, c)).getBoundingClientRect();
    this.callout.hide();
    this.popovers.close(false);
    this.focus();
    const label = { cell: "Cells", row: "Rows", column: `Column ${at.spec.title}` }[kind];
    this.menu.open(label, menuOf(kind, this, at), this, at, point ?? { x: box.left, y: box.bottom, above: box.top }, () => this.field);
  }

  // The toolbar's buttons that have no room.
  openMore() {
    const { left, bottom, top } = this.button("more").getBoundingClientRect();
    this.menu.open("More", [unshown(this.bar)], this, this.place, { x: left, y: bottom + 4, above: top - 4 }, () => this.button("more"));
  }

  openKeys() {
    openKeys(this.root);
  }

  // -- columns, bulk edits, find

  // Columns that change their places or widths stay selected.
  #columns(change, specs = []) {
    change();
    this.table.columns();
    const places = specs.map((spec) => this.specs.indexOf(spec)).filter((c) => c >= 0);
    if (places.length) this.selection.set({ r0: 0, r1: this.size()[0] - 1, c0: Math.min(...places), c1: Math.max(...places) });
    else this.selection.clamp();
    this.focus();
  }

  placeColumns(specs, before) {
    this.#columns(() => this.layout.place(specs.map(({ field }) => field), before), specs);
  }

  // A column, with all that are selected if it is one of them.
  columnsWith(spec) {
    const chosen = this.specs.filter((each, c) => c > 0 && this.selection.hasColumn(c));
    return chosen.includes(spec) ? chosen : [spec];
  }

  moveColumns(specs, by) {
    const places = specs.map((spec) => this.specs.indexOf(spec));
    this.placeColumns(specs, by < 0 ? Math.min(...places) - 1 : Math.max(...places) + 2);
    this.say(`${specs[0].title} is column ${this.specs.indexOf(specs[0]) + 1} of ${this.specs.length}`);
  }

  fitColumns(specs) {
    this.#columns(() => specs.forEach((spec) => this.layout.resize(spec.field, this.table.fit(spec))), this.selection.hasColumn(this.specs.indexOf(specs[0])) ? specs : []);
  }

  hideColumns(specs) {
    this.#columns(() => specs.forEach(({ field }) => this.layout.toggle(field)));
    this.say(`${specs.map(({ title }) => title).join(", ")} ${specs.length > 1 ? "are" : "is"} hidden; see Columns`);
  }

  freeze(columns) {
    this.#columns(() => this.layout.freeze(columns));
    const { frozen } = this.table;
    this.say(frozen < columns ? `Only ${count(frozen, "column")} can be frozen: the others would have too little room` : `${count(frozen, "column")} frozen`);
  }

  // A button of the toolbar, or the one that it is behind.
  button(mark) {
    return [mark, "more"].map((id) => this.bar.querySelector(`[data-bar="${id}"]`)).find((button) => button?.offsetWidth);
  }

  // A popover under what `from` finds.
  pop(from, label, fill, ...about) {
    return this.popovers.toggle(from, label, (node) => fill(node, this, ...about));
  }

  openFind(field = "what") {
    if (!this.find) {
      this.popovers.close(false);
      this.find = new Find(this);
      this.bar.replaceWith(this.find.node);
    }
    const input = this.find.what.value ? this.find[field] : this.find.what;
    input.focus();
    input.select();
  }

  closeFind() {
    this.find.node.replaceWith(this.bar);
    this.find = null;
    this.bars();
    this.focus();
  }

  close() {
    GRIDS.delete(this.holder);
    for (const waiting of [this.askStrip, this.arranging.later]) waiting.cancel();
    clearTimeout(this.summing);
    this.mouse.close();
    this.table.close();
    this.kernel.close();
    this.popovers.end();
    this.menu.end();
    this.press.close();
  }
}

async function render({ model, el }) {
  const root = h("section", { class: "oap", "aria-label": "Editing grid" });
  keepKeys(root);
  el.append(root);
  const [bytes, open] = await Promise.all([inflated(model.get("_data")), inflated(model.get("_open"))]);
  const grid = new Grid(model, root, bytes, open);
  return () => grid.close();
}

export default { render };
