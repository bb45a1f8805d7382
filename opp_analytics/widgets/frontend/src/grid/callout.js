// The message beside a changed or refused cell.

import { h } from "../shared/dom.js";

export class Callout {
  #node = null;
  #timer = 0;

  // `host` has: again(row, field), dismiss(row, field), revert(row, field)
  constructor(root, host) {
    Object.assign(this, { root, host });
  }

  show(cell, row, field, mark, was) {
    if (this.#node?.cell === cell) return clearTimeout(this.#timer);
    this.hide();
    if (!mark) return undefined;
    const button = (text, act) => h("button", { type: "button", onclick: () => this.#act(act, row, field) }, text);
    const node = h("div", { class: "msg", onpointerover: () => clearTimeout(this.#timer), onpointerout: () => this.later() },
      mark.why ? [mark.why, button("Edit", "again"), button("Dismiss", "dismiss")] : [`was ${was}`, button("Revert", "revert")]);
    node.cell = cell;
    this.#node = node;
    this.root.append(node);
    const [a, b] = [cell.getBoundingClientRect(), this.root.getBoundingClientRect()];
    let left = a.right - b.left + 6;
    if (left + node.offsetWidth > b.width - 8) left = a.left - b.left - node.offsetWidth - 6;
    node.style.left = `${Math.max(4, left)}px`;
    node.style.top = `${Math.min(a.top - b.top - (mark.why ? 2 : 0), b.height - node.offsetHeight - 4)}px`;
    return undefined;
  }

  #act(what, row, field) {
    this.hide();
    this.host[what](row, field);
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
