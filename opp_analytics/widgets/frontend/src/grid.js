// The editing grid. Python holds the edits and judges them; this shows them and asks.

import { tableFromIPC } from "@uwdata/flechette";
import { formatBlock, parseBlock, spread } from "./blocks.js";
import { element } from "./dom.js";
import { Marks } from "./marks.js";
import { answer, inflated } from "./messages.js";
import { ROW, makeTable } from "./table.js";
import { plain, shown } from "./values.js";

function rowsOf(bytes) {
  const rows = tableFromIPC(bytes).toArray();
  rows.forEach((row, number) => (row[ROW] = number));
  return rows;
}

class Grid {
  #marks = new Marks();
  #seen = new Map();
  #typed = null;
  #filters = null;

  constructor(model, root, rows) {
    this.model = model;
    this.root = root;
    this.columns = model.get("_columns");
    this.rows = rows;
    this.byField = new Map(this.columns.map((column) => [column.field, column]));
    this.#build();
    this.#listen();
  }

  // -- what is on the page

  #build() {
    const button = (label, hint, act) =>
      element("button", { type: "button", class: "opp-button", title: hint, click: act }, label);
    this.status = element("div", { class: "opp-status", role: "status", "aria-live": "polite" });
    this.current = element("div", { class: "opp-current", "aria-live": "polite" });
    this.plan = element("section", { class: "opp-plan", "aria-label": "Plan and impact", hidden: "" });
    this.holder = element("div", {});
    this.root.append(
      element(
        "div",
        { class: "opp-toolbar", role: "toolbar", "aria-label": "Editing" },
        button("Add row", "a new opportunity", () => this.#ask({ do: "add" })),
        button("Remove rows", "delete the selected opportunities (Ctrl+Delete)", () => this.removeRows()),
        button("Fill down", "repeat the top of the selection downwards (Ctrl+D)", () => this.fillDown()),
        button("Undo", "take the last edit back (Ctrl+Z)", () => this.#ask({ do: "undo" })),
        (this.planButton = button("Show plan", "every change, and what it does to the forecast", () => {
          this.#say("making the plan …");
          this.#ask({ do: "plan" });
        })),
        this.status,
      ),
      this.current,
      this.holder,
      this.plan,
    );
    this.table = makeTable(this.holder, {
      columns: this.columns,
      rows: this.rows,
      height: this.model.get("_height"),
      marks: this.#marks,
      rendered: (row) => this.#rendered(row),
      editing: {
        typed: () => {
          const typed = this.#typed;
          this.#typed = null;
          return typed;
        },
        refused: (cell) => this.#marks.cell(cell.getData()[ROW], cell.getField())?.state === "refused",
        leave: (direction) => this.#move(direction),
      },
    });
  }

  #rendered(row) {
    const number = row.getData()[ROW];
    this.#seen.set(number, row);
    const state = this.#marks.row(number);
    row.getElement().classList.toggle("opp-removed", state === "removed");
    row.getElement().classList.toggle("opp-added", state === "added");
  }

  #listen() {
    // One after the other, in the order they came, however long each takes to inflate; one that fails stops no other.
    let heard = Promise.resolve();
    const onMessage = (_, [told]) => {
      heard = heard.catch(() => null).then(async () => this.#hear(await answer(told)));
    };
    this.model.on("msg:custom", onMessage);
    this.table.on("cellEdited", (cell) => {
      cell.getElement().classList.add("opp-waiting");
      this.#edit([cell.getData()[ROW]], [cell.getField()], [[cell.getValue()]]);
    });
    this.table.on("rangeChanged", () => this.#showCurrent());
    this.table.on("dataFiltered", (filters, rows) => this.#filtered(JSON.stringify(filters), rows.length));
    this.table.on("tableBuilt", () => {
      for (const named of [this.#tableholder(), this.holder]) named.setAttribute("aria-label", "Opportunities");
      this.#ask({ do: "state" });
    });
    this.root.addEventListener("keydown", (event) => this.#key(event));
    for (const what of ["copy", "cut", "paste"]) this.root.addEventListener(what, (event) => this.#clipboard(event));
    this.close = () => {
      this.model.off("msg:custom", onMessage);
      this.table.destroy();
    };
  }

  // -- between here and Python

  #ask(what) {
    this.model.send(what);
  }

  // The block is repeated over the rows and fields.
  #edit(rows, fields, block) {
    if (rows.length && fields.length) this.#ask({ do: "edit", rows, fields, block });
  }

  #hear({ cells, rows, plan, said }) {
    for (const [field, value, state, note, alike] of cells) {
      for (const row of alike) {
        this.#marks.setCell(row, field, state, note);
        this.#setCell(row, field, value);
      }
    }
    rows.forEach(([row, state]) => this.#setRow(row, state));
    if (plan !== undefined) this.#showPlan(plan);
    if (said) this.#say(said, cells.some(([, , state]) => state === "refused"));
    this.#showCurrent();
  }

  // A row that was never on screen has no cells to update; it reads its data when it gets there.
  #setCell(row, field, value) {
    const component = this.#seen.get(row);
    if (!component) {
      this.#data(row)[field] = value;
      return;
    }
    component.update({ [field]: value });
    const cell = component.getCell(field).getElement();
    cell.classList.remove("opp-waiting");
    this.#marks.paint(cell, row, field);
  }

  #setRow(row, state) {
    const before = this.#marks.row(row);
    this.#marks.setRow(row, state);
    if (state === "added" && before !== "added") this.#insert(row);
    else if (state === "gone") this.#drop(row);
    else if (this.#seen.has(row)) this.#rendered(this.#seen.get(row));
  }

  #data(row) {
    this.rows[row] ??= { ...Object.fromEntries(this.columns.map(({ field }) => [field, null])), [ROW]: row };
    return this.rows[row];
  }

  #drop(row) {
    this.#seen.get(row)?.delete();
    this.#seen.delete(row);
  }

  #insert(row) {
    this.table.addRow(this.#data(row), true).then((component) => {
      this.#rendered(component);
      component.scrollTo("top", false);
      const cell = component.getCell(this.byField.has("name") ? "name" : this.columns[0].field);
      this.#range()?.setBounds(cell, cell);
      this.focus();
    });
  }

  // -- what is selected

  #range() {
    return this.table.getRanges()[0];
  }

  #selected() {
    const range = this.#range();
    if (!range) return { rows: [], columns: [] };
    const columns = range.getColumns().filter((column) => this.byField.has(column.getField()));
    return { rows: range.getRows(), columns: columns.map((column) => this.byField.get(column.getField())) };
  }

  #move(direction) {
    this.table.modules.selectRange.navigate(false, false, direction);
  }

  #tableholder() {
    return this.holder.querySelector(".tabulator-tableholder");
  }

  focus() {
    this.#tableholder().focus({ preventScroll: true });
  }

  #showCurrent() {
    const { rows, columns } = this.#selected();
    if (!rows.length || !columns.length) return;
    const data = rows[0].getData();
    const { field, kind, locked } = columns[0];
    const mark = this.#marks.cell(data[ROW], field);
    const parts = [`${field} of ${plain(data.name) || "a row without a name"}: ${shown(kind, data[field]) || "empty"}`];
    if (mark) parts.push(mark.state === "refused" ? `refused: ${mark.note}` : mark.note);
    if (locked) parts.push("locked");
    if (rows.length * columns.length > 1) parts.push(`${rows.length.toLocaleString("en-US")} × ${columns.length} cells selected`);
    this.current.textContent = parts.join(" · ");
    this.current.classList.toggle("opp-alarm", mark?.state === "refused");
  }

  // Tabulator filters anew for other reasons too; only another filter starts again at the top.
  #filtered(filters, left) {
    if (filters === this.#filters) return;
    this.#filters = filters;
    const all = this.rows.length.toLocaleString("en-US");
    this.#say(left === this.rows.length ? `${all} rows` : `${left.toLocaleString("en-US")} of ${all} rows`);
    requestAnimationFrame(() => {
      // Whoever is in the cells already has chosen where.
      if (this.#tableholder().contains(document.activeElement)) return;
      this.table.modules.selectRange.setDefaultRange();
      this.#tableholder().scrollTop = 0;
    });
  }

  #say(what, alarm = false) {
    this.status.textContent = what;
    this.status.classList.toggle("opp-alarm", alarm);
  }

  // -- what a person does

  // Puts a block into the selected rows and those of the selected columns that are not locked.
  #put(rows, columns, block) {
    const open = columns.filter((column) => !column.locked);
    const numbers = rows.map((row) => row.getData()[ROW]);
    this.#edit(numbers, open.map(({ field }) => field), block(open));
  }

  clear() {
    const { rows, columns } = this.#selected();
    this.#put(rows, columns, () => [[null]]);
  }

  fillDown() {
    const { rows, columns } = this.#selected();
    if (rows.length < 2) {
      this.#say("select the cell to repeat and those below it, then fill down");
      return;
    }
    const top = rows[0].getData();
    this.#put(rows.slice(1), columns, (open) => [open.map(({ field }) => top[field])]);
  }

  removeRows() {
    const rows = this.#selected().rows.map((row) => row.getData()[ROW]);
    if (rows.length) this.#ask({ do: "remove", rows });
  }

  paste(text) {
    const block = parseBlock(text);
    const { rows, columns } = this.#selected();
    if (!block.length || !rows.length) return;
    const [height, width] = spread(block, rows.length, columns.length);
    const below = this.table.getRows("active").slice(this.#range().getTopEdge()).slice(0, height);
    const first = this.columns.findIndex(({ field }) => field === columns[0].field);
    const across = this.columns.slice(first, first + width);
    this.#edit(
      below.map((row) => row.getData()[ROW]),
      across.map(({ field }) => field),
      block.map((line) => line.map((text) => text || null)),
    );
  }

  copied() {
    const { rows, columns } = this.#selected();
    return formatBlock(rows.map((row) => columns.map(({ field }) => plain(row.getData()[field]))));
  }

  #clipboard(event) {
    if (event.target.closest?.("input, select, .opp-plan")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "paste") {
      this.paste(event.clipboardData.getData("text/plain"));
      return;
    }
    event.clipboardData.setData("text/plain", this.copied());
    if (event.type === "cut") this.clear();
  }

  sortBy(direction) {
    const [column] = this.#selected().columns;
    if (column) this.table.setSort(column.field, direction);
  }

  #key(event) {
    // The notebook must not take these keys for its own.
    event.stopPropagation();
    if (!event.target.closest(".tabulator-tableholder") || event.target.closest("input, select")) return;
    const act = this.#action(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #action(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") return () => this.#ask({ do: "undo" });
    if (command && event.key.toLowerCase() === "d") return () => this.fillDown();
    if (command && event.key === "Delete") return () => this.removeRows();
    if (event.altKey && event.key === "ArrowUp") return () => this.sortBy("asc");
    if (event.altKey && event.key === "ArrowDown") return () => this.sortBy("desc");
    if (command || event.altKey) return null;
    if (event.key === "Tab") return this.#sideways(event.shiftKey ? "left" : "right");
    if (event.key === "Delete" || event.key === "Backspace") return () => this.clear();
    if (event.key === "F2") return () => this.#open(null);
    if (event.key === "Escape") return () => this.planButton.focus();
    return event.key.length === 1 ? () => this.#open(event.key) : null;
  }

  // Along the row, and at its end out of the grid: the keyboard is never trapped.
  #sideways(direction) {
    const range = this.#range();
    const last = direction === "right" ? range?.getRightEdge() === this.columns.length : range?.getLeftEdge() === 1;
    return range && !last ? () => this.#move(direction) : null;
  }

  #open(typed) {
    const { rows, columns } = this.#selected();
    if (!rows.length || !columns.length || columns[0].locked) return;
    this.#typed = typed;
    rows[0].getCell(columns[0].field).edit();
  }

  #showPlan(html) {
    // Python has escaped everything in it that comes from the data.
    this.plan.innerHTML = html;
    this.plan.prepend(
      element("button", { type: "button", class: "opp-button opp-close", click: () => (this.plan.hidden = true) }, "Close"),
    );
    this.plan.hidden = false;
  }
}

async function render({ model, el }) {
  // Without this, letters typed here would run or cut cells of the notebook.
  const root = element("div", { class: "opp-grid", "data-lm-suppress-shortcuts": "true" });
  el.append(root);
  const grid = new Grid(model, root, rowsOf(await inflated(model.get("_data"))));
  return () => grid.close();
}

export default { render };
