// Typed editors: native inputs, so that keyboards, screen readers and date pickers work as everywhere.

import { element } from "./dom.js";
import { plain } from "./values.js";

const INPUTS = {
  money: { type: "text", inputmode: "decimal" },
  number: { type: "text", inputmode: "decimal" },
  whole: { type: "text", inputmode: "numeric" },
  percent: { type: "number", min: "0", max: "100", step: "1" },
  date: { type: "date" },
  text: { type: "text" },
};

function dropdown(options, value) {
  const known = value === null || options.includes(value) ? options : [value, ...options];
  const choices = ["", ...known].map((option) => element("option", { value: option }, option || "—"));
  return element("select", {}, ...choices);
}

function make(column, value) {
  if (column.options.length) return dropdown(column.options, value);
  return element("input", { ...INPUTS[column.kind], autocomplete: "off" });
}

// `typed` is the character that opened the editor, if one did; `leave` moves the selection once it closes.
export function editor(column, { typed, refused, leave }) {
  return (cell, onRendered, success, cancel) => {
    const was = plain(cell.getValue());
    const input = make(column, cell.getValue());
    const first = typed();
    input.value = was;
    input.className = "opp-editor";
    input.setAttribute("aria-label", `${column.field}, ${was || "empty"}`);

    let done = false;
    let byMouse = false;
    const close = (keep) => {
      if (done) return;
      done = true;
      // What an input of numbers or dates cannot read is empty in `value`; the cell stays as it was.
      const unreadable = input.validity?.badInput;
      if (!keep || unreadable || (input.value === was && !refused(cell))) cancel();
      else success(input.value === "" ? null : input.value);
    };
    const moves = { Enter: ["down", "up"], Tab: ["right", "left"] };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      byMouse = false;
      if (event.key === "Escape") close(false);
      if (!(event.key in moves)) return;
      event.preventDefault();
      close(true);
      leave(moves[event.key][event.shiftKey ? 1 : 0]);
    });
    input.addEventListener("blur", () => close(true));
    // A choice made by mouse is final; arrow keys pass over choices on their way.
    input.addEventListener("pointerdown", () => (byMouse = true));
    if (input.tagName === "SELECT") input.addEventListener("change", () => byMouse && close(true));

    onRendered(() => {
      input.focus({ preventScroll: true });
      if (first === null) return input.select?.();
      if (input.tagName === "SELECT") pick(input, first);
      else if (input.type !== "date") input.value = first;
    });
    return input;
  };
}

function pick(select, letter) {
  const found = [...select.options].find((option) => option.value.startsWith(letter.toLowerCase()));
  if (found) select.value = found.value;
}
