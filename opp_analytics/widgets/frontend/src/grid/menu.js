// The context menu, in the browser's top layer so that no edge of the widget cuts it, and the sheet of the keys.

import { active, h } from "../shared/dom.js";
import { keysOf, named, sheet } from "./commands.js";

const MARGIN = 4;
const PAUSE = 700; // between the letters of a name that is typed

export class Menu {
  #node = null;
  #typed = "";
  #at = 0;

  constructor(root) {
    this.root = root;
    this.outside = (event) => this.#node && !event.composedPath().includes(this.#node) && this.close(false);
    for (const type of ["pointerdown", "wheel"]) document.addEventListener(type, this.outside, true);
  }

  // Groups of commands at a point of the screen, above it where there is no room below; `back` finds what has focus after it.
  open(label, groups, grid, at, { x, y, above = y }, back) {
    this.close(false);
    this.#typed = "";
    this.back = back;
    const item = (command) => {
      const off = command.when && !command.when(grid, at);
      const keys = keysOf({ ...command, hand: "" });
      return h("button", {
        class: "mi",
        role: command.on ? "menuitemcheckbox" : "menuitem",
        "aria-checked": command.on ? String(command.on(grid)) : null,
        "aria-disabled": off ? "true" : null,
        "aria-keyshortcuts": keys ? keys.replaceAll(" or ", " ") : null,
        tabindex: "-1",
        onclick: () => off || this.#pick(command, grid, at),
        onpointermove: ({ currentTarget }) => currentTarget.focus({ preventScroll: true }),
      }, h("bdi", {}, named(command, grid, at)), h("span", { class: "q" }, keys));
    };
    this.#node = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "manual", onkeydown: (event) => this.#key(event), oncontextmenu: (event) => event.preventDefault() },
      groups.map((group, nth) => [nth ? h("div", { role: "separator" }) : "", group.map(item)]));
    this.root.append(this.#node);
    this.#node.showPopover?.();
    const { offsetWidth: width, offsetHeight: height } = this.#node;
    const [across, down] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
    this.#node.style.left = `${Math.max(MARGIN, Math.min(x, across - width - MARGIN))}px`;
    this.#node.style.top = `${y + height <= down - MARGIN ? y : Math.max(MARGIN, Math.min(above - height, down - height - MARGIN))}px`;
    this.items[0].focus({ preventScroll: true });
  }

  get items() {
    return [...this.#node.querySelectorAll(".mi")];
  }

  #pick(command, grid, at) {
    this.close();
    command.act(grid, at);
  }

  #key(event) {
    event.stopPropagation(); // neither the grid nor the notebook takes these for its own
    const { items } = this;
    const at = items.indexOf(active(this.root));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) items.at(to % items.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (event.key === "Enter" || (event.key === " " && !this.#typing(event))) items[at].click();
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) this.#find(event, items, at);
    event.preventDefault();
  }

  #typing({ timeStamp }) {
    return this.#typed && timeStamp - this.#at < PAUSE;
  }

  // The next name that begins with what is typed; one letter again and again goes through all of its names.
  #find(event, items, at) {
    const key = event.key.toLowerCase();
    this.#typed = (this.#typing(event) ? this.#typed : "") + key;
    this.#at = event.timeStamp;
    const wanted = new Set(this.#typed).size === 1 ? key : this.#typed;
    const from = at + (wanted.length === 1 ? 1 : 0);
    [...items.slice(from), ...items.slice(0, from)].find(({ textContent }) => textContent.toLowerCase().startsWith(wanted))?.focus();
  }

  close(focus = true) {
    if (!this.#node) return;
    this.#node.remove();
    this.#node = null;
    if (focus) this.back().focus({ preventScroll: true });
  }

  end() {
    for (const type of ["pointerdown", "wheel"]) document.removeEventListener(type, this.outside, true);
  }
}

// A modal dialog, which Escape closes; the browser gives focus back.
export function openKeys(root) {
  const rows = [...Map.groupBy(sheet(), ([group]) => group)].map(([group, lines]) => [
    h("tr", {}, h("th", { colspan: "2", scope: "rowgroup" }, group)),
    lines.map(([, keys, about]) => h("tr", {}, h("td", {}, keys), h("td", {}, about))),
  ]);
  const close = h("button", { class: "btn", onclick: () => dialog.close() }, "Close ", h("span", { class: "q" }, "Esc"));
  const dialog = h("dialog", { class: "keys", "aria-label": "Keys", onclose: () => dialog.remove(), onkeydown: (event) => event.stopPropagation(), onclick: ({ target }) => target === dialog && dialog.close() },
    h("div", {}, h("header", {}, h("b", {}, "Keys"), close), h("table", {}, rows)));
  root.append(dialog);
  dialog.showModal();
}
