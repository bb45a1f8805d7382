// Small dialogs that open under a button and close on Escape, on a click elsewhere, and give focus back.

import { active, h } from "./dom.js";

const LEAST = 160; // px of a list

// The part of a widget in sight, in its own coordinates: the screen cuts it, and whatever scrolls around it.
function inSight(root) {
  const own = root.getBoundingClientRect();
  let [top, bottom] = [Math.max(own.top, 0), Math.min(own.bottom, innerHeight)];
  const outer = (node) => node.parentElement ?? node.getRootNode().host;
  for (let node = outer(root); node && node !== document.body; node = outer(node)) {
    if (getComputedStyle(node).overflowY === "visible") continue;
    const box = node.getBoundingClientRect();
    [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
  }
  return { top: top - own.top + 4, bottom: bottom - own.top - 4 };
}

// Below what it belongs to, or above it if that comes first; on the other side where that one has more room. It scrolls where it
// is longer than that. `left` is where it would begin, `within` a box that it keeps to.
export function placeBeside(node, from, root, { gap = 1, left = (a) => a.left - 1, aboveFirst = false, within } = {}) {
  if (node.parentNode !== root) root.append(node); // again, it would lose focus
  node.style.maxHeight = "";
  const [a, b] = [from.getBoundingClientRect(), root.getBoundingClientRect()];
  const sight = inSight(root);
  const [top, bottom] = within ? [Math.max(sight.top, within.top - b.top), Math.min(sight.bottom, within.bottom - b.top)] : [sight.top, sight.bottom];
  const [above, below] = [a.top - b.top - gap, a.bottom - b.top + gap];
  const roomier = above - top > bottom - below;
  const up = node.offsetHeight > (aboveFirst ? above - top : bottom - below) ? roomier : aboveFirst;
  const room = Math.max(up ? above - top : bottom - below, Math.min(LEAST, bottom - top));
  if (node.offsetHeight > room) node.style.maxHeight = `${room}px`;
  node.style.top = `${Math.max(top, Math.min(up ? above - node.offsetHeight : below, bottom - node.offsetHeight))}px`;
  node.style.left = `${Math.max(4, Math.min(left(a) - b.left, b.width - node.offsetWidth - 4))}px`;
}

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
    const before = active(this.root);
    this.#open = { node, from, label, before: this.root.contains(before) ? before : null };
    fill(node);
    this.place();
    const first = node.querySelector("[data-first]") ?? node.querySelector("button, input");
    first?.focus({ preventScroll: true });
    node.scrollTop = (first?.offsetTop ?? 0) - 8; // where it is longer than its room, what has focus comes first
    return node;
  }

  place() {
    const { node, from } = this.#open;
    placeBeside(node, from(), this.root, { gap: 4, left: (a) => a.right - node.offsetWidth });
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
