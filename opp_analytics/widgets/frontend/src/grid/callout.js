// The message beside a changed or refused cell.

import { h, name } from "../shared/dom.js";
import { placeBeside } from "../shared/popover.js";
import { holder } from "./selection.js";

const GAP = 3;
const REST = 200; // ms

export class Callout {
  #node = null;
  #timer = 0;

  constructor(grid) {
    this.grid = grid;
  }

  show(cell, row, field) {
    if (this.#node?.cell === cell) return clearTimeout(this.#timer);
    this.hide();
    const mark = this.grid.store.mark(row, field);
    if (!mark || !cell?.isConnected) return undefined;
    const { grid } = this;
    const cells = { rows: [row], fields: [field] };
    const button = (text, act) => h("button", { onclick: () => {
      this.hide();
      act();
    } }, name(text));
    const ask = (what) => () => grid.ask({ do: what, areas: [cells] });
    const again = () => {
      grid.goTo(row, field);
      grid.edit();
    };
    const ways = [button("Edit", again), button("Dismiss", ask("dismiss"))];
    return this.#put(cell, mark.why ? [mark.why, ways] : [`was ${grid.store.was(row, field)}`, button("Revert", ask("revert"))]);
  }

  // Why a cell takes nothing, until the next key or click.
  tell(cell, why) {
    this.hide();
    if (cell) this.#put(cell, [why]);
  }

  #put(cell, content) {
    const { grid } = this;
    const node = h("div", { class: "msg", onpointerover: () => clearTimeout(this.#timer), onpointerout: () => this.later() }, content);
    node.cell = cell;
    this.#node = node;
    placeBeside(node, { getBoundingClientRect: () => this.#around(cell) }, grid.root, { gap: GAP, left: (a) => a.left, aboveFirst: true, within: grid.table.body });
    return undefined;
  }

  // The cell, with the range that it is selected in and the row below that: these stay in sight, as the next cells of the row do.
  #around(cell) {
    const { r, c } = this.grid.table.at(cell);
    const { r0, r1 } = holder(this.grid.selection.ranges, r, c) ?? { r0: r, r1: r };
    const { left, top, bottom, height } = cell.getBoundingClientRect();
    return { left, top: top - (r - r0) * height, bottom: bottom + (r1 - r + 1) * height };
  }

  // Once the pointer rests: on its way to the box it crosses other cells.
  soon(...about) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.show(...about), REST);
  }

  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hide(), 400);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#node?.remove();
    this.#node = null;
  }
}
