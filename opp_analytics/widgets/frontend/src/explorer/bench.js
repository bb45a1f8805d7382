// The grid below the panel, in which the deals of a mark are edited; a line of code where this page cannot show it.

import { copyText, h } from "../shared/dom.js";

const CODE = "grid = explorer.edit()\ngrid";

export class Bench {
  #shown = null; // id of the grid that is on the page
  #end = null;

  constructor(model, el, back) {
    this.model = model;
    this.title = h("h4", {});
    this.holder = h("div", {});
    this.node = h("section", { class: "oap oap-explorer bench", "aria-label": "Grid of these deals", hidden: true },
      h("div", { class: "tbh" }, this.title, h("button", { class: "lnk sm", onclick: back }, "Back to the explorer")));
    el.append(this.node, this.holder);
  }

  // Show the grid with this id, and go to it.
  async open(id, title) {
    this.title.textContent = title;
    this.node.hidden = false;
    if (this.#shown !== id) await this.#draw(id);
    this.node.scrollIntoView({ block: "nearest" });
    (this.holder.querySelector(".gs") ?? this.holder.querySelector("button"))?.focus({ preventScroll: true });
    this.holder.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  async #draw(id) {
    this.close();
    try {
      const grid = await this.model.widget_manager.get_model(id);
      const { default: widget } = await import(/* of the grid itself */ URL.createObjectURL(new Blob([grid.get("_esm")], { type: "text/javascript" })));
      const inside = h("div", {});
      this.holder.replaceChildren(h("style", {}, grid.get("_css") ?? ""), inside);
      this.#end = await widget.render({ model: grid, el: inside });
      this.#shown = id;
    } catch {
      this.holder.replaceChildren(h("div", { class: "oap oap-explorer" },
        h("p", { class: "note" }, "This page cannot show the grid here. Run this in a cell:"),
        h("pre", { class: "code", tabindex: "0" }, CODE),
        h("button", { class: "btn", onclick: () => copyText(CODE, this.holder) }, "Copy code")));
    }
  }

  close() {
    this.#end?.();
    this.#end = null;
    this.#shown = null;
    this.holder.replaceChildren();
  }
}
