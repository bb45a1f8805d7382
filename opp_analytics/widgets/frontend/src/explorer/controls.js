// Tabs, filters, grouping and window: only what acts in the view is shown.

import { debounced, h } from "../shared/dom.js";
import { count, label as words, number, shortMoney } from "../shared/format.js";

const WORDS = {
  pipeline: ["Compare", "with"],
  win_rates: ["Closed from", "to"],
  forecast: [null, "As of"],
  changes: ["From", "to"],
  slippage: ["Due from", "to"],
  at_risk: [null, "As of"],
};
const TITLES = { value: "Value", close: "Close date", text: "Name", picked: "Picked" };
const SHOWN = ["owner_name", "team", "stage"]; // columns of names with a button of their own
// What takes all filters away.
export const NONE = {
  names: { where: {} }, stage: { where: {} }, value: { low: null, high: null }, close: { close: "", first: null, last: null },
  text: { text: "" }, picked: { picked: [] },
};
const USUAL = { ...Object.assign({}, ...Object.values(NONE)), by: "", due: null, start: null, end: null, target: null };
const WEEK = 7 * 864e5;

export function tabs(x) {
  const { about, state, shown } = x;
  const views = about.views.map(([view, title], at) =>
    h("button", {
      class: `tab${view === state.view ? " on" : ""}`,
      role: "tab",
      "aria-selected": String(view === state.view),
      tabindex: view === state.view ? "0" : "-1",
      "data-stay": `tab-${view === state.view ? "on" : at}`,
      onclick: () => x.choose({ view, by: "", due: null }),
      onkeydown: (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        x.choose({ view: about.views[(at + by + about.views.length) % about.views.length][0], by: "", due: null });
      },
    }, title));
  return [
    h("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, views),
    h("div", { class: "asof q sm" }, [shown.deals, shown.records].filter(Boolean).join(" · "), " · ", link("Reset", () => x.choose(USUAL), { "data-stay": "reset" })),
  ];
}

export function controls(x) {
  const { state, about } = x;
  const acts = new Set(about.filters[state.view]);
  const columns = about.names.filter(({ column }) => acts.has(column === "stage" ? "stage" : "names"));
  const shown = columns.filter(({ column }) => SHOWN.includes(column));
  const more = columns.filter((each) => !shown.includes(each));
  const made = [
    ...shown.map((each) => filter(x, each.column, each.title, state.where[each.column], (node) => names(node, x, each))),
    acts.has("value") && filter(x, "value", TITLES.value, state.low !== null || state.high !== null, (node) => range(node, x, "low", "high", "value")),
    acts.has("close") && filter(x, "close", TITLES.close, state.close || state.first || state.last, (node) => range(node, x, "first", "last", "close")),
    acts.has("text") && search(x),
    filter(x, "more", "More", state.picked.length || more.some(({ column }) => state.where[column]), (node) => further(node, x, more)),
    h("span", { class: "sep" }),
    select("by", "Group by", about.by[state.view].map(([value, title]) => [value, `by ${title}`]), state.by || about.by[state.view][0][0], (by) => x.choose({ by })),
    x.shown.periods?.length > 0 && select("period", "Period", x.shown.periods, state.due ?? "", (due) => x.choose({ due: due || null })),
    state.view === "changes" && select("due", "Due", [["", "due any time"], ...about.dues.map(([value, title]) => [value, `due ${title}`])], state.due ?? "", (due) => x.choose({ due: due || null })),
    ...(state.view === "forecast" ? target(x) : []),
  ].filter(Boolean);
  return about.moments.length ? [...made, ...window_(x)] : made;
}

function select(mark, label, options, value, act) {
  const node = h("select", { "aria-label": label, "data-stay": mark, onchange: (event) => act(event.target.value) }, options.map(([option, title]) => h("option", { value: option }, title)));
  node.value = value;
  return node;
}

function filter(x, name, title, on, fill) {
  const n = Array.isArray(on) && on.length > 1 ? ` ${on.length}` : "";
  const open = () => x.popovers.toggle(() => x.root.querySelector(`[data-stay="f-${CSS.escape(name)}"]`), title, fill);
  return h("button", { class: `btn${on ? " on" : ""}`, "aria-haspopup": "dialog", "data-stay": `f-${name}`, onclick: open }, title + n, h("span", { class: "tri" }));
}

const called = (value) => (value === null ? "(none)" : value === true ? "yes" : value === false ? "no" : String(value));
const spell = (column, value) => (column === "stage" ? words(value) : called(value));
const link = (text, act, about = {}) => h("button", { class: "lnk", onclick: act, ...about }, text);

// What ends a popover.
function decide(x, change) {
  x.popovers.close();
  x.choose(change);
}

// The other columns of names, and deals picked by hand.
function further(node, x, more) {
  const { state } = x;
  const inside = (title, fill) => () => {
    node.replaceChildren(h("div", { class: "poph" }, title));
    fill(node);
    x.popovers.place();
    (node.querySelector("[data-first]") ?? node.querySelector("input, textarea")).focus();
  };
  const entry = (title, on, act) => h("button", { class: "mi", onclick: act }, h("bdi", {}, title), on ? h("span", { class: "q" }, ` · ${on}`) : "");
  node.append(h("div", { class: "opts tall" },
    more.map((each) => entry(each.title, (state.where[each.column] ?? []).map(called).join(", "), inside(each.title, (inner) => names(inner, x, each))))),
  more.length ? h("hr") : "",
  entry("Pick deals…", state.picked.length || "", inside("Pick deals", (inner) => pick(inner, x))));
}

// Ids or names, as they are pasted: one a line, or the cells of a spreadsheet.
function pick(node, x) {
  const said = h("div", { class: "err", role: "alert" });
  const area = h("textarea", { rows: "5", "data-first": true, "aria-label": "Ids or names of deals, one a line", placeholder: "Ids or names, one a line" });
  const take = async () => {
    const { picked, unknown, error } = await x.kernel.ask({ do: "pick", text: area.value });
    said.textContent = error ?? unknown ?? "";
    if (!picked?.length) return;
    if (unknown) x.choose({ picked });
    else decide(x, { picked });
  };
  node.append(area, said, h("div", { class: "popf" }, link("Clear", () => decide(x, NONE.picked)), link("Pick these", take)));
}

// People are found by typing; each has "only".
function names(node, x, { column, title, values: listed }) {
  const chosen = new Set(x.state.where[column]);
  const take = () => x.choose({ where: { ...x.state.where, [column]: chosen.size === listed.length ? [] : [...chosen] } });
  const boxes = listed.map(([value, n]) => {
    const text = spell(column, value);
    const box = h("input", { type: "checkbox", "aria-label": text, onchange: () => {
      if (box.checked) chosen.add(value);
      else chosen.delete(value);
      take();
    } });
    box.checked = chosen.has(value);
    const only = h("button", { class: "only", "aria-label": `Only ${text}`, onclick: (event) => {
      event.preventDefault();
      chosen.clear();
      chosen.add(value);
      for (const other of boxes) other.box.checked = other.box === box;
      take();
    } }, "only");
    return { box, text, option: h("label", { class: "opt o4" }, box, h("bdi", {}, text), only, h("span", { class: "q" }, number(n))) };
  });
  const find = h("input", { type: "text", class: "srch", "data-first": true, placeholder: `Search ${listed.length}`, "aria-label": `Search ${title}`, oninput: ({ target: { value } }) => {
    for (const { text, option } of boxes) option.hidden = !text.toLowerCase().includes(value.trim().toLowerCase());
  } });
  node.append(listed.length > 8 ? find : "", h("div", { class: "opts", role: "group", "aria-label": title }, boxes.map(({ option }) => option)),
    h("div", { class: "popf" }, link("Clear", () => {
      chosen.clear();
      for (const { box } of boxes) box.checked = false;
      take();
    }), link("Done", () => x.popovers.close())));
}

// What was typed, until Python has read it.
const money = (bound) => (typeof bound === "string" ? bound : shortMoney(bound));

function range(node, x, low, high, kind) {
  const error = h("div", { class: "err", role: "alert" });
  const field = (name, label, placeholder) => {
    const input = h("input", { type: "text", "aria-label": `${TITLES[kind]} ${label}`, placeholder, onchange: async () => {
      error.textContent = await x.choose({ ...(kind === "close" ? { close: "" } : {}), [name]: input.value.trim() || null });
      input.setAttribute("aria-invalid", String(error.textContent !== ""));
    } });
    input.value = x.state[name] ?? "";
    return input;
  };
  const [from, to] = kind === "close" ? ["Dec 2026", "FY27 Q4"] : ["10k", "50k"];
  const presets = kind === "close" ? x.about.presets : [];
  const preset = (word) => h("button", { class: "lnk", "aria-pressed": String(x.state.close === word), onclick: () => decide(x, { ...NONE.close, close: x.state.close === word ? "" : word }) }, capital(word));
  node.append(
    presets.length ? h("div", { class: "presets" }, presets.map(preset)) : "",
    h("div", { class: "two" }, field(low, "from", from), "to", field(high, "to", to)),
    error,
    h("div", { class: "popf" }, link("Clear", () => decide(x, NONE[kind])), link("Done", () => x.popovers.close())),
  );
}

function search(x) {
  const take = () => input.value !== x.state.text && x.choose({ text: input.value });
  const later = debounced(300, take);
  const now = () => {
    later.cancel();
    take();
  };
  const input = h("input", { type: "text", class: "srchw", "aria-label": "Deal name contains", placeholder: "Deal name contains", "data-stay": "text", oninput: later, onblur: now });
  input.value = x.state.text;
  return input;
}

// A refused one stays in its field, with the reason beside it, until something is chosen.
function target(x) {
  const said = h("span", { class: "err", role: "alert" });
  const take = async () => {
    const typed = input.value.trim();
    const error = await x.choose({ target: typed || null });
    x.refused = error ? { typed, error } : null;
    tell();
    x.draw(true);
  };
  const input = h("input", { type: "text", class: "few", "aria-label": "Target of a period", "data-stay": "target", placeholder: "400k", onchange: take });
  const tell = () => {
    said.textContent = x.refused?.error ?? "";
    input.setAttribute("aria-invalid", String(Boolean(x.refused)));
  };
  tell();
  input.value = x.refused ? x.refused.typed : x.state.target === null ? "" : money(x.state.target);
  return [h("label", { class: "q" }, "Target ", input), said];
}

// Each end is a select of recorded dates, with the slider between them.
function window_(x) {
  const { about, state } = x;
  const { moments } = about;
  const at = (moment, usual) => Math.max(0, moment ? moments.findIndex(([each]) => each === moment) : usual);
  const [first, last] = [at(x.window[0], 0), at(x.window[1], moments.length - 1)];
  const [from, to] = WORDS[state.view];
  const set = (a, b) => x.choose({ start: moments[Math.min(a, b)][0], end: moments[Math.max(a, b)][0] });
  const end = (mark, label, index, act) => select(mark, label, moments.map(([, day], each) => [String(each), day]), String(index), (value) => act(Number(value)));
  const back = (weeks) => {
    const since = Date.parse(moments[last][0]) - weeks * WEEK;
    const found = moments.findIndex(([moment]) => Date.parse(moment) >= since - 432e5);
    return found < 0 ? 0 : found;
  };
  const quick = (words, weeks) => h("button", { class: `lnk sm${first === (weeks ? back(weeks) : 0) && (!weeks || back(weeks) > 0) ? " now" : ""}`, "data-stay": `q-${weeks}`, onclick: () => set(weeks ? back(weeks) : 0, last) }, words);
  // A start that was chosen stays before the end; the usual one follows it.
  const upTo = (value) => (state.start ? set(Math.min(first, value), value) : x.choose({ end: moments[value][0] }));
  if (!from) return [h("span", { class: "brk" }), h("span", { class: "q" }, to), end("end", to, last, upTo), slider(x, [last], ([value]) => upTo(value))];
  return [
    h("span", { class: "brk" }), h("span", { class: "q" }, from), end("start", from, first, (value) => set(value, last)),
    slider(x, [first, last], ([a, b]) => set(a, b)),
    h("span", { class: "q" }, to), end("end", to, last, (value) => set(first, value)),
    h("span", { class: "quick" }, quick("1 week", 1), quick("4 weeks", 4), quick("13 weeks", 13), quick("All", 0)),
  ];
}

// Native range inputs over one track: the keyboard moves a record at a time, the picture follows while they are dragged.
function slider(x, values, act) {
  const most = x.about.moments.length - 1;
  const now = [...values];
  const fill = h("span", { class: "fillb" });
  const paint = () => {
    const [low, high] = now.length > 1 ? [Math.min(...now), Math.max(...now)] : [0, now[0]];
    fill.style.left = `${(100 * low) / Math.max(1, most)}%`;
    fill.style.right = `${100 - (100 * high) / Math.max(1, most)}%`;
  };
  const ends = values.map((value, index) => {
    const input = h("input", { type: "range", min: "0", max: String(most), step: "1", "aria-label": index || values.length === 1 ? "End of the window" : "Start of the window", "data-stay": `slide-${index}` });
    input.value = String(value);
    input.setAttribute("aria-valuetext", x.about.moments[value][1]);
    input.addEventListener("input", () => {
      now[index] = Number(input.value);
      input.setAttribute("aria-valuetext", x.about.moments[now[index]][1]);
      paint();
      act(now);
    });
    return input;
  });
  paint();
  return h("span", { class: "rng" }, h("span", { class: "trk" }), fill, ends);
}

const bound = (low, high, shownAs) => (low !== null && high !== null ? `${shownAs(low)} to ${shownAs(high)}` : low !== null ? `≥ ${shownAs(low)}` : `≤ ${shownAs(high)}`);
const capital = (words) => words[0].toUpperCase() + words.slice(1);

// The close dates: a preset with the days that Python read it as, once it has.
function period({ state, shown }) {
  const days = shown.close_days;
  const read = shown.state.close === state.close && (days[0] || days[1]) ? bound(...days, (day) => day) : "";
  return state.close ? `${state.close}${read && `, ${read}`}` : bound(state.first, state.last, (day) => day);
}

// Filters that are set, each removable; one that does not act in the view is dashed and stays.
export function chips(x) {
  const { state, shown } = x;
  const unused = new Set(shown.unused ?? []);
  const view = x.about.views.find(([each]) => each === state.view)[1];
  const chip = (name, text, remove, title = TITLES[name]) => {
    const words = title ? `${title}: ${text}` : text;
    return h("span", { class: `chip${unused.has(name) ? " off" : ""}` }, h("span", {}, h("bdi", {}, words), unused.has(name) ? ` (not used in ${view})` : ""), h("button", { "aria-label": `Remove ${words}`, "data-stay": "chip", onclick: () => x.choose(remove) }, "×"));
  };
  const made = [
    ...x.about.names.flatMap(({ column, title }) => (state.where[column] ?? []).map((value) => {
      const others = state.where[column].filter((each) => each !== value);
      return chip(column === "stage" ? "stage" : "names", spell(column, value), { where: { ...state.where, [column]: others } }, title);
    })),
    ...(state.low !== null || state.high !== null ? [chip("value", bound(state.low, state.high, money), NONE.value)] : []),
    ...(state.close || state.first || state.last ? [chip("close", period(x), NONE.close)] : []),
    ...(state.text ? [chip("text", `“${state.text}”`, NONE.text)] : []),
    ...(state.picked.length ? [chip("picked", count(state.picked.length, "picked deal"), NONE.picked, "")] : []),
  ];
  return made.length ? [...made, h("button", { class: "lnk sm", onclick: () => x.clear() }, "Clear all")] : [];
}
