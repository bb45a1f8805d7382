// Small dialogs that open under a button and close on Escape, on a click elsewhere, and give focus back.

import { h } from "./dom.js";

export class Popovers {
  #open = null;

  constructor(root) {
    this.root = root;
    this.outside = (event) => {
      if (this.#open && !event.composedPath().some((node) => node === this.#open.node || node === this.#open.from())) this.close(false);
    };
    document.addEventListener("pointerdown", this.outside, true);
  }

  // `from` finds the button, which may be drawn anew while the popover is open.
  toggle(from, label, fill) {
    const again = this.#open?.label === label;
    this.close();
    if (again) return null;
    const node = h("div", { class: "pop", role: "dialog", "aria-label": label });
    const before = document.activeElement;
    this.#open = { node, from, label, before: this.root.contains(before) ? before : null };
    this.root.append(node);
    fill(node);
    this.place();
    (node.querySelector("[data-first]") ?? node.querySelector("button, input"))?.focus({ preventScroll: true });
    return node;
  }

  place() {
    const { node, from } = this.#open;
    const [a, b] = [from().getBoundingClientRect(), this.root.getBoundingClientRect()];
    node.style.left = `${Math.max(4, Math.min(a.right - b.left - node.offsetWidth, b.width - node.offsetWidth - 4))}px`;
    node.style.top = `${a.bottom - b.top + 4}px`;
    node.style.maxHeight = `${Math.max(160, b.bottom - a.bottom - 12)}px`;
  }

  close(focus = true) {
    if (!this.#open) return false;
    const { node, from, before } = this.#open;
    this.#open = null;
    node.remove();
    if (focus) (before?.isConnected ? before : from())?.focus({ preventScroll: true });
    return true;
  }

  end() {
    document.removeEventListener("pointerdown", this.outside, true);
  }
}
