// The message beside a changed or refused cell.

import { h, name } from "../shared/dom.js";
import { placeBeside } from "../shared/popover.js";

const GAP = 3;

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
    if (!mark || !cell) return undefined;
    const { grid } = this;
    const cells = { rows: [row], fields: [field] };
    const button = (text, act) => h("button", { onclick: () => this.#act(act) }, name(text));
    const put = (text) => () => grid.actions.put([{ ...cells, block: [[text]] }]);
    const ask = (what) => () => grid.ask({ do: what, areas: [cells] });
    const again = () => {
      grid.goTo(row, field);
      grid.edit();
    };
    const ways = mark.instead ? [button(`Use ${mark.instead}`, put(mark.instead)), button(`Keep ${mark.typed}`, put(mark.typed))] : [button("Edit", again), button("Dismiss", ask("dismiss"))];
    const node = h("div", { class: "msg", onpointerover: () => clearTimeout(this.#timer), onpointerout: () => this.later() },
      mark.why ? [mark.why, ways] : [`was ${grid.store.was(row, field)}`, button("Revert", ask("revert"))]);
    node.cell = cell;
    this.#node = node;
    // Above the cell, or below the row: the next cells of the row and the one below stay in sight.
    placeBeside(node, cell, grid.root, { gap: GAP, left: (a) => a.left, aboveFirst: true });
    return undefined;
  }

  #act(act) {
    this.hide();
    act();
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
