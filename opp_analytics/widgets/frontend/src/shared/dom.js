// Elements in one call. Text from the data only ever becomes a text node.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (tag === "button") made.type = "button";
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

export const name = (text) => h("bdi", {}, text);

// An id that nothing else on the page has, in any widget.
export const uid = () => `oa-${Math.random().toString(36).slice(2)}`;

// What has focus; in marimo a widget has a tree of its own, of which the page sees the outermost element only.
export function active(root) {
  const found = root.getRootNode().activeElement;
  return found === document.body ? null : found;
}

export function debounced(wait, act) {
  let timer = 0;
  const later = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

// A redraw waits until a press has become a click, or a button would vanish under the pointer.
export function afterPress(root) {
  let down = false;
  let waiting = [];
  root.addEventListener("pointerdown", () => (down = true), true);
  const release = () => {
    down = false;
    const acts = waiting;
    waiting = [];
    if (acts.length) setTimeout(() => acts.forEach((act) => act()), 0);
  };
  for (const type of ["pointerup", "pointercancel"]) addEventListener(type, release, true);
  return {
    later: (act) => (down ? waiting.push(act) : act()),
    close: () => ["pointerup", "pointercancel"].forEach((type) => removeEventListener(type, release, true)),
  };
}

// A notebook takes keys for its own, to run or cut its cells, unless the element that has focus forbids it.
export function keepKeys(root) {
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
}

export async function copyText(text, from) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    from.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// What stays in the notebook is renewed when the person turns to something else, or saves: the widget has the keys, so
// that it hands the notebook's Ctrl+S on.
export function keepStill(root, kernel, touched) {
  const keep = () => (touched() ? kernel.ask({ do: "keep" }) : null);
  root.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !root.contains(relatedTarget) && keep());
  root.addEventListener("keydown", async (event) => {
    const { key, code, keyCode, ctrlKey, metaKey } = event;
    if (key.toLowerCase() !== "s" || !(ctrlKey || metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    await keep();
    root.parentElement?.dispatchEvent(new KeyboardEvent("keydown", { key, code, keyCode, ctrlKey, metaKey, bubbles: true, cancelable: true }));
  }, true);
}
