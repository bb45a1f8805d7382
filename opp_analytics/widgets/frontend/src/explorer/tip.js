// What a mark says: beside the pointer, or under the mark that has focus.

import { h } from "../shared/dom.js";

const GAP = 14;

export class Tip {
  constructor(root) {
    this.root = root;
    this.node = h("div", { class: "tip", "aria-hidden": "true", hidden: true });
    root.append(this.node);
    root.addEventListener("pointermove", ({ target, clientX, clientY }) => this.#show(target.closest("[data-tip]"), clientX, clientY));
    root.addEventListener("focusin", ({ target }) => {
      const { left, bottom } = target.getBoundingClientRect();
      if (target.matches(":focus-visible[data-tip]")) this.#show(target, left, bottom - GAP / 2);
    });
    for (const type of ["pointerleave", "focusout", "click", "keydown"]) root.addEventListener(type, () => this.hide());
  }

  #show(mark, x, y) {
    this.node.hidden = !mark;
    if (!mark) return;
    const { node } = this;
    const { left, top, width, height } = this.root.getBoundingClientRect();
    node.textContent = mark.dataset.tip;
    const right = x - left + GAP;
    const below = y - top + GAP;
    node.style.left = `${Math.max(0, right + node.offsetWidth > width ? x - left - node.offsetWidth - GAP : right)}px`;
    node.style.top = `${below + node.offsetHeight > height ? y - top - node.offsetHeight - GAP : below}px`;
  }

  hide() {
    this.node.hidden = true;
  }
}

// Titles in a picture become what the tip says; a browser's own would come late and never by keyboard.
export function takeTitles(picture) {
  for (const title of picture.querySelectorAll("title")) {
    title.parentElement.dataset.tip = title.textContent;
    title.remove();
  }
}
