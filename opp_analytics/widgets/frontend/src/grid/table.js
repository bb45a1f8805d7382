// SlickGrid as the grid's screen: it renders the rows in sight, freezes the name and resizes columns. Selection, keys,
// editors and the clipboard are ours, since its own take focus and text in ways that a notebook does not bear.

import { SlickGrid } from "slickgrid";
import { h, name as bdi, uid } from "../shared/dom.js";
import { RIGHT, number } from "../shared/format.js";
import { hint } from "./filters.js";
import { NUMBERS, fitted, nameWidth } from "./widths.js";

const ROW = 28;

export class Table {
  #painted = new Set();
  #top = 0;
  #started = false;

  constructor(grid) {
    const { holder, store, layout } = grid;
    Object.assign(this, { grid, holder, store, layout });
    this.family = getComputedStyle(holder).fontFamily;
    this.fits = new Map(store.specs.map((spec) => [spec.field, fitted(store, spec, this.family)]));
    const rows = { getLength: () => store.order.length, getItem: (at) => ({ row: store.order[at] }), getItemMetadata: (at) => this.#row(at) };
    this.slick = new SlickGrid(holder, rows, this.#columns(), {
      rowHeight: ROW,
      frozenColumn: this.frozen,
      skipFreezeColumnValidation: true, // else it alerts
      explicitInitialization: true,
      suppressCssChangesOnHiddenInit: true, // else it shows and moves what has no box of its own, as in marimo
      shadowRoot: holder.getRootNode() instanceof ShadowRoot ? holder.getRootNode() : undefined, // where its rules go
      enableHtmlRendering: false, // else a text from the data is set as innerHTML
      enableCellNavigation: false,
      enableColumnReorder: false,
      showHeaderRow: true,
      headerRowHeight: 32,
      showCellSelection: false,
      dataItemColumnValueExtractor: () => null,
    });
    this.drop = h("div", { class: "drop", hidden: true });
    holder.append(this.drop);
    this.#listen();
  }

  get specs() {
    return this.layout.visible();
  }

  // As many of the frozen columns as leave half of the grid to the others; the first one always.
  get frozen() {
    let [free, columns] = [this.holder.clientWidth / 2 - NUMBERS, 0];
    for (const [at, spec] of this.specs.slice(0, this.layout.frozen).entries()) {
      free -= this.#width(spec, at);
      if (at && free < 0) break;
      columns = at + 1;
    }
    return Math.min(columns, Math.max(1, this.specs.length - 1));
  }

  #row(at) {
    const state = this.store.state(this.store.order[at]);
    return state ? { cssClasses: `oa-${state}` } : null;
  }

  #columns() {
    const numbers = {
      id: "#",
      field: "#",
      name: "",
      width: NUMBERS,
      minWidth: NUMBERS,
      resizable: false,
      cssClass: "n",
      headerCssClass: "n",
      cellAttrs: { role: "rowheader" },
      formatter: (at) => number(at + 1),
    };
    return [numbers, ...this.specs.map((spec, at) => this.#column(spec, at))];
  }

  #column(spec, at) {
    const right = RIGHT.has(spec.kind) ? "r" : "";
    return {
      id: spec.field,
      field: spec.field,
      name: spec.title,
      spec,
      width: this.#width(spec, at),
      minWidth: 56,
      cssClass: `${right} ${spec.locked ? "ro" : ""}`,
      headerCssClass: right,
      cellAttrs: { "aria-colindex": at + 2, ...(spec.locked ? { "aria-readonly": "true", title: spec.locked } : {}) },
      formatter: (r) => this.#cell(this.store.order[r], spec),
    };
  }

  #cell(row, spec) {
    const text = this.store.text(row, spec.field);
    const mark = this.store.mark(row, spec.field);
    const content = spec.kind === "text" || spec.kind === "person" ? bdi(text || (spec.field === "name" ? "New deal" : "")) : text;
    if (!mark) return content;
    return { text: content, addClasses: `${mark.was === null ? "" : "chg"} ${mark.why ? "bad" : ""}` };
  }

  #width(spec, at) {
    const kept = this.layout.widths[spec.field] ?? this.fits.get(spec.field);
    if (at) return kept;
    const others = this.specs.slice(1).reduce((sum, { field }) => sum + (this.layout.widths[field] ?? this.fits.get(field)), 0);
    const wanted = this.layout.widths[spec.field] ?? Math.min(276, Math.max(120, kept));
    return nameWidth(this.holder.clientWidth - 16, others, this.holder.clientWidth < 760, wanted);
  }

  #listen() {
    const { slick } = this;
    slick.onHeaderCellRendered.subscribe((_, { node, column }) => this.#header(node, column));
    slick.onHeaderRowCellRendered.subscribe((_, { node, column }) => this.#filter(node, column));
    slick.onRendered.subscribe(() => this.#dress());
    slick.onScroll.subscribe(() => {
      if (this.holder.isConnected) this.#top = slick.getViewport().top;
      this.grid.scrolled();
    });
    slick.onColumnsResized.subscribe((_, { triggeredByColumn }) => {
      const resized = slick.getColumns().find(({ id }) => id === triggeredByColumn);
      if (resized?.spec) this.layout.resize(resized.spec.field, resized.width);
    });
    slick.onColumnsResizeDblClick.subscribe((_, { triggeredByColumn }) => this.grid.fitColumns([this.layout.specs.find(({ field }) => field === triggeredByColumn)]));
    // A notebook renders before it attaches, and takes scrolled-out cells off the page and puts them back at the top.
    this.seen = new ResizeObserver(() => this.#resized());
    this.seen.observe(this.holder);
  }

  #resized() {
    if (!this.holder.offsetWidth) return;
    const back = this.#top;
    if (this.#started) {
      this.slick.resizeCanvas();
      this.columns();
      this.slick.scrollRowToTop(back);
    } else {
      this.#started = true;
      this.slick.init();
      this.columns();
      // One stop for Tab: the grid itself.
      for (const node of this.holder.querySelectorAll("[tabindex='0']")) node.removeAttribute("tabindex");
      this.grid.started();
    }
  }

  // -- what is around the rows

  #header(node, { spec }) {
    node.setAttribute("aria-colindex", spec ? this.specs.indexOf(spec) + 2 : 1);
    if (!spec) {
      node.setAttribute("aria-label", "Row");
      node.title = "Select all (Ctrl+A)";
      return;
    }
    const { sorts } = this.store;
    const at = sorts.findIndex(({ field }) => field === spec.field);
    if (at === 0) node.setAttribute("aria-sort", sorts[0].down ? "descending" : "ascending");
    const nth = sorts.length > 1 ? at + 1 : "";
    const [arrow, how] = at < 0 ? ["↕", "not sorted"] : [`${sorts[at].down ? "↓" : "↑"}${nth}`, `sorted ${sorts[at].down ? "down" : "up"}${nth && `, key ${nth}`}`];
    const turn = (event) => this.grid.arranging.turn(spec, event.shiftKey);
    node.classList.toggle("sorted", at >= 0);
    node.querySelector(".slick-column-name").replaceChildren(h("b", {}, spec.title), spec.locked ? h("span", { class: "q", title: spec.locked }, " read only") : "",
      h("button", { class: "so", tabindex: "-1", "aria-label": `Sort by ${spec.title}, ${how}`, title: "Sort up, down, not at all; Shift adds a key", onclick: turn }, arrow));
  }

  #filter(node, { spec }) {
    node.setAttribute("role", "gridcell");
    if (!spec) return;
    const { text = "" } = this.store.filters.get(spec.field) ?? {};
    const input = h("input", {
      type: "text",
      "aria-label": `Filter ${spec.title}`,
      "data-filter": spec.field,
      placeholder: hint(spec.kind),
      autocomplete: "off",
      oninput: (event) => this.grid.arranging.typed(spec, event.target.value),
      onkeydown: (event) => this.#filterKey(event, spec),
      onfocus: () => this.grid.arranging.explain(spec),
      onblur: () => this.grid.arranging.closeNote(),
    });
    input.value = text;
    this.showFilter(spec.field, input);
    node.replaceChildren(input);
  }

  #filterKey(event, spec) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") event.target.value = "";
    this.grid.arranging.typed(spec, event.target.value, true);
    if (event.key === "Escape") this.grid.focus();
  }

  // A filter's look, without drawing its field anew under the caret.
  showFilter(field, input = this.filterInput(field)) {
    const { text = "", words, error } = this.store.filters.get(field) ?? {};
    input.title = words ?? "";
    input.classList.toggle("on", Boolean(text && !error));
    if (error) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  filterInput(field) {
    return this.holder.querySelector(`[data-filter="${CSS.escape(field)}"]`);
  }

  // The width that the column's content has by now.
  fit(spec) {
    this.fits.set(spec.field, fitted(this.store, spec, this.family));
    return this.fits.get(spec.field);
  }

  // The place before a column where a dragged title would go; none hides it.
  showDrop(c) {
    this.drop.hidden = c === null;
    if (c === null) return;
    const last = c >= this.specs.length;
    const edge = this.slick.getHeaderColumn(this.specs[last ? c - 1 : c].field).getBoundingClientRect();
    this.drop.style.left = `${(last ? edge.right : edge.left) - this.holder.getBoundingClientRect().left - 1}px`;
  }

  // -- drawing anew

  columns() {
    this.slick.setColumns(this.#columns());
    if (this.#started && this.slick.getOptions().frozenColumn !== this.frozen) {
      this.slick.setOptions({ frozenColumn: this.frozen });
      this.slick.setColumns(this.#columns());
    }
    this.holder.setAttribute("aria-colcount", this.specs.length + 1);
    for (const row of this.holder.querySelectorAll(".slick-headerrow-columns")) row.setAttribute("role", "row");
    this.grid.paint();
  }

  // Rows came, went or moved.
  rows({ toTop = false } = {}) {
    this.slick.invalidateAllRows();
    this.slick.updateRowCount();
    if (toTop) this.slick.scrollRowToTop(0);
    this.slick.render();
    this.holder.setAttribute("aria-rowcount", this.store.order.length + 2);
  }

  // Some rows look different.
  refresh(seen) {
    const { top, bottom } = this.slick.getRenderedRange();
    const stale = [];
    for (let at = Math.max(0, top - 5); at <= Math.min(bottom + 5, this.store.order.length - 1); at++) {
      if (seen.has(this.store.order[at])) stale.push(at);
    }
    this.slick.invalidateRows(stale);
    this.slick.render();
  }

  // What SlickGrid leaves out for screen readers, on rows that are new on the page.
  #dress() {
    for (const row of this.holder.querySelectorAll(".slick-row:not([aria-rowindex])")) {
      row.setAttribute("aria-rowindex", +row.dataset.row + 3);
      for (const cell of row.querySelectorAll(".bad")) cell.setAttribute("aria-invalid", "true");
      for (const cell of row.children) cell.removeAttribute("aria-describedby");
    }
    this.grid.paint();
  }

  // -- where things are

  node(r, c) {
    return this.slick.getCellNode(r, c + 1);
  }

  // Row and column under an element: column −1 is the row's number.
  at(element) {
    const cell = element?.closest?.(".slick-cell");
    if (!cell || !this.holder.contains(cell)) return null;
    return { r: +cell.parentElement.dataset.row, c: +/\bl(\d+)\b/.exec(cell.className)[1] - 1, cell };
  }

  get body() {
    const panes = [...this.holder.querySelectorAll(".slick-viewport-top")].map((pane) => pane.getBoundingClientRect());
    return { left: panes[0].left, right: panes.at(-1).right, top: panes[0].top, bottom: panes[0].bottom };
  }

  reveal(r, c) {
    if (!this.#started) return;
    this.slick.scrollRowIntoView(r);
    if (c > 0) this.slick.scrollCellIntoView(r, c + 1);
    this.slick.render();
  }

  // -- the selection

  paint(selection, handle) {
    for (const node of this.#painted) {
      node.classList.remove("s", "e0", "et", "eb", "el", "er", "act", "one", "selc", "hit", "hit1");
      node.removeAttribute("aria-selected");
    }
    this.#painted.clear();
    this.holder.querySelector(".fh")?.remove();
    const { specs } = this;
    const { top, bottom } = this.slick.getRenderedRange();
    for (const { r0, r1, c0, c1 } of selection.ranges) {
      for (let r = Math.max(r0, top); r <= Math.min(r1, bottom); r++) {
        for (let c = c0; c <= c1; c++) {
          const edges = [r === r0 && "et", r === r1 && "eb", c === c0 && "el", c === c1 && "er"].filter(Boolean);
          this.#mark(this.node(r, c), "s", ...(edges.length ? ["e0", ...edges] : []))?.setAttribute("aria-selected", "true");
        }
        this.#mark(this.node(r, -1), "selc");
      }
      for (const { field } of specs.slice(c0, c1 + 1)) this.#mark(this.slick.getHeaderColumn(field), "selc");
    }
    const active = this.#mark(this.node(selection.active.r, selection.active.c), "act", ...(selection.single ? ["one"] : []));
    if (active) active.id ||= uid();
    const { r1, c1 } = selection.last;
    if (handle && selection.raw.length === 1) this.node(r1, c1)?.append(h("div", { class: "fh", title: "Drag to fill; double-click to fill to the end" }));
    return active;
  }

  #mark(node, ...classes) {
    if (!node) return null;
    node.classList.add(...classes);
    this.#painted.add(node);
    return node;
  }

  hits(cells, at) {
    const { top, bottom } = this.slick.getRenderedRange();
    cells.forEach(({ r, c }, index) => {
      if (r >= top && r <= bottom) this.#mark(this.node(r, c), index === at ? "hit1" : "hit", "hit");
    });
  }

  close() {
    this.seen.disconnect();
    this.slick.destroy();
  }
}
