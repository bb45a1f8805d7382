// The mouse on the cells: select, extend, add, drag across the frozen column and beyond the edge, and the fill handle.

const SCROLL_EVERY = 60;
const CLICK = 4; // a press that moves less is a click

// The cells that a drag of the fill handle covers beyond the selection; null inside it.
function fillTarget({ r0, r1, c0, c1 }, { r, c }) {
  const down = Math.max(r - r1, r0 - r);
  const across = Math.max(c - c1, c0 - c);
  if (down <= 0 && across <= 0) return null;
  if (down >= across) return r > r1 ? { r0: r1 + 1, r1: r, c0, c1 } : { r0: r, r1: r0 - 1, c0, c1 };
  return c > c1 ? { r0, r1, c0: c1 + 1, c1: c } : { r0, r1, c0: c, c1: c0 - 1 };
}

export class Mouse {
  drag = null;
  #timer = 0;
  closed = new AbortController();

  constructor(grid) {
    const { holder } = Object.assign(this, { grid, holder: grid.holder });
    // Before SlickGrid hears of it: it would move focus and the page's text selection.
    holder.addEventListener("pointerdown", (event) => this.#down(event), true);
    for (const type of ["mousedown", "click", "dblclick"]) holder.addEventListener(type, (event) => this.#keep(event), true);
    const { signal } = this.closed;
    document.addEventListener("pointermove", (event) => this.#move(event), { signal });
    for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, (event) => this.#up(event), { signal });
  }

  #keep(event) {
    if (!event.target.closest?.(".slick-viewport")) return;
    event.stopPropagation();
    if (event.type === "mousedown") event.preventDefault();
    if (event.type !== "dblclick") return;
    if (event.target.closest(".fh")) this.grid.fillToEnd();
    else if ((this.grid.table.at(event.target)?.c ?? -1) >= 0) this.grid.edit();
  }

  #down(event) {
    if (event.button !== 0) return;
    const { table, selection } = this.grid;
    const header = event.target.closest(".slick-header-column");
    if (header) return this.#header(event, header);
    const at = table.at(event.target);
    if (!at) return undefined;
    this.grid.editor?.commit();
    if (event.target.closest(".fh")) this.drag = { fill: selection.last };
    else if (at.c < 0) this.#whole(event, { r0: at.r, r1: at.r, c0: 0, c1: this.grid.size()[1] - 1 }, selection.hasRows(at.r), "rows");
    else if ((event.ctrlKey || event.metaKey) && selection.has(at.r, at.c)) selection.without({ r0: at.r, r1: at.r, c0: at.c, c1: at.c });
    else {
      selection.go(at.r, at.c, { extend: event.shiftKey, add: event.ctrlKey || event.metaKey });
      this.drag = {};
    }
    return this.grid.focus();
  }

  #header(event, header) {
    if (event.target.closest(".slick-resizable-handle, .so")) return;
    const { table, selection } = this.grid;
    const c = table.specs.findIndex(({ field }) => field === header.dataset.id);
    this.grid.editor?.commit();
    if (c < 0) selection.all();
    else if (selection.hasColumn(c) && !event.shiftKey && !event.ctrlKey && !event.metaKey) this.drag = { move: c, from: event.clientX };
    else this.#whole(event, { r0: 0, r1: this.grid.size()[0] - 1, c0: c, c1: c }, selection.hasColumn(c), "columns");
    event.preventDefault();
    this.grid.focus();
  }

  // A row or column: selected, the range extended to it, added or taken out; a drag goes on to the next ones.
  #whole(event, range, has, along) {
    const { selection } = this.grid;
    const add = event.ctrlKey || event.metaKey;
    if (add && has) return selection.without(range);
    if (event.shiftKey) selection.extendWhole(range, along);
    else selection.set(range, { add });
    this.drag = { along };
    return undefined;
  }

  #move(event) {
    if (!this.drag) return;
    this.drag.x = event.clientX;
    this.drag.y = event.clientY;
    this.#follow();
    const { left, right, top, bottom } = this.grid.table.body;
    const outside = event.clientY < top || event.clientY > bottom || event.clientX < left || event.clientX > right;
    if (outside && !this.#timer) this.#timer = setInterval(() => this.#follow(), SCROLL_EVERY);
    if (!outside) this.#still();
  }

  // The cell under the pointer; beyond the edge, the next one in that direction.
  #follow() {
    const { table, selection } = this.grid;
    const { x, y } = this.drag;
    const { left, right, top, bottom } = table.body;
    const inside = [Math.min(Math.max(x, left + 2), right - 18), Math.min(Math.max(y, top + 2), bottom - 18)];
    const root = this.holder.getRootNode();
    const at = table.at(root.elementFromPoint(...inside));
    if (!at) return;
    const [rows, columns] = this.grid.size();
    let { r, c } = at;
    if (y < top) r -= 1;
    else if (y > bottom - 2) r += 1;
    if (x > right - 2) c += 1;
    r = Math.max(0, Math.min(rows - 1, r));
    c = Math.max(0, Math.min(columns - 1, c));
    const { along, move, from } = this.drag;
    if (move !== undefined) {
      if (Math.abs(x - from) < CLICK && this.drag.before === undefined) return;
      const { left: start, width } = table.slick.getHeaderColumn(table.specs[c].field).getBoundingClientRect();
      this.drag.before = Math.max(1, c + (x > start + width / 2));
      table.showDrop(this.drag.before);
      table.reveal(selection.active.r, c);
    } else if (along) {
      selection.extendWhole({ r0: r, r1: r, c0: c, c1: c }, along);
      table.reveal(along === "rows" ? r : selection.active.r, along === "rows" ? 0 : c);
    } else if (this.drag.fill) {
      this.drag.target = fillTarget(this.drag.fill, { r, c });
      this.grid.preview(this.drag.target);
      table.reveal(r, c);
    } else if (r !== selection.head.r || c !== selection.head.c) selection.go(r, c, { extend: true });
  }

  #still() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  #up(event) {
    if (!this.drag) return;
    const { fill, target, move, before } = this.drag;
    const { table, selection } = this.grid;
    this.drag = null;
    this.#still();
    if (fill) this.grid.fill(target ?? null, event.ctrlKey || event.metaKey);
    if (move === undefined) return;
    table.showDrop(null);
    if (before !== undefined) this.grid.placeColumns(table.specs.filter((_, c) => selection.hasColumn(c)), before);
    else selection.set({ r0: 0, r1: this.grid.size()[0] - 1, c0: move, c1: move });
  }

  close() {
    this.#still();
    this.closed.abort();
  }
}
