// The message beside a changed or refused cell.

import { h, name } from "../shared/dom.js";

const GAP = 3;

export class Callout {
  #node = null;
  #timer = 0;

  // `host` has: again(row, field), dismiss(row, field), revert(row, field), put(row, field, text)
  constructor(root, host) {
    Object.assign(this, { root, host });
  }

  show(cell, row, field, mark, was) {
    if (this.#node?.cell === cell) return clearTimeout(this.#timer);
    this.hide();
    if (!mark) return undefined;
    const button = (text, act, typed) => h("button", { type: "button", onclick: () => this.#act(act, row, field, typed) }, name(text));
    const ways = mark.instead ? [button(`Use ${mark.instead}`, "put", mark.instead), button(`Keep ${mark.typed}`, "put", mark.typed)] : [button("Edit", "again"), button("Dismiss", "dismiss")];
    const node = h("div", { class: "msg", onpointerover: () => clearTimeout(this.#timer), onpointerout: () => this.later() },
      mark.why ? [mark.why, ways] : [`was ${was}`, button("Revert", "revert")]);
    node.cell = cell;
    this.#node = node;
    this.root.append(node);
    // Above the cell, or below the row: the next cells of the row and the one below stay in sight.
    const [a, b] = [cell.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const above = a.top - b.top - node.offsetHeight - GAP;
    node.style.left = `${Math.max(4, Math.min(a.left - b.left, b.width - node.offsetWidth - 4))}px`;
    node.style.top = `${above >= 0 ? above : a.bottom - b.top + GAP}px`;
    return undefined;
  }

  #act(what, row, field, typed) {
    this.hide();
    this.host[what](row, field, typed);
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
