// The question, whose deals, the filters and options that it takes; and all that is set, as chips.

import { h } from "../shared/dom.js";
import { day, number } from "../shared/format.js";

const PLACES = { first: "First", second: "Next", more: "More" };
const NONE = { part: "", where: {}, close: "", first: null, last: null };
const TITLES = { by: "Group", freq: "Length", period: "Period", since: "Since", start: "Closed from" };

export function controls(x) {
  const { about, state, question } = x;
  const places = Object.entries(PLACES).map(([place, title]) => h("optgroup", { label: title }, about.questions.filter((each) => each.place === place).map(({ key, words }) => h("option", { value: key }, words))));
  const ask = choice("question", "Question", places, state.question, (key) => x.choose({ question: key }));
  ask.className = "ask";
  const kinds = [...new Set(about.parts.map(([, kind]) => kind))];
  const parts = [h("option", { value: "" }, "All deals"), ...kinds.map((kind) => h("optgroup", { label: kind }, about.parts.filter((each) => each[1] === kind).map(([name]) => h("option", { value: name }, name))))];
  const takes = (name) => question.filters.includes(name);
  return [
    ask,
    popup(x, "Views", false, (node) => views(node, x)),
    h("span", { class: "q sm asof" }, about.about),
    h("span", { class: "brk" }),
    takes("part") && about.parts.length > 0 && choice("part", "Whose deals", parts, state.part, (part) => x.choose({ part })),
    takes("deals") && popup(x, "Filter", Object.keys(state.where).length, (node) => filters(node, x)),
    takes("deals") && popup(x, "Close date", state.close || state.first || state.last, (node) => closes(node, x)),
    ...Object.entries({ ...about.options, period: x.shown.periods }).filter(([name]) => question.options.includes(name)).map(([name, listed]) => option(x, name, listed)),
  ].filter(Boolean);
}

// What a state made in Python holds beside what is listed is an option, too.
function option(x, name, listed) {
  const value = x.state[name];
  const all = listed.some(([each]) => each === value) ? listed : [...listed, [value, value]];
  return choice(name, TITLES[name], all.map(([each, words]) => h("option", { value: each }, words)), value, (chosen) => x.choose({ ...(name === "freq" && { period: "" }), [name]: chosen }));
}

function choice(name, label, options, value, act) {
  const node = h("select", { "aria-label": label, "data-stay": name, onchange: (event) => act(event.target.value) }, options);
  node.value = value;
  return node;
}

function popup(x, title, on, fill) {
  const open = () => x.popovers.toggle(() => x.root.querySelector(`[data-stay="f-${title}"]`), title, fill);
  return h("button", { class: `btn${on ? " on" : ""}`, "aria-haspopup": "dialog", "data-stay": `f-${title}`, onclick: open }, title, h("span", { class: "tri" }));
}

const link = (text, act, about = {}) => h("button", { class: "lnk", onclick: act, ...about }, text);

// What ends a popover.
function decide(x, change) {
  x.popovers.close();
  x.choose(change);
}

// Saved views, and the name under which this one is saved.
function views(node, x) {
  const keep = async (name, drop) => {
    await x.keepView(name, drop);
    if (!node.isConnected) return;
    node.replaceChildren();
    views(node, x);
    x.popovers.place();
    node.querySelector("input").focus();
  };
  const entry = ([name, state]) => h("div", { class: "view" }, h("button", { class: "mi", onclick: () => decide(x, { ...NONE, ...state }) }, h("bdi", {}, name)),
    h("button", { "aria-label": `Remove ${name}`, onclick: () => keep(name, true) }, "×"));
  const name = h("input", { type: "text", class: "srch", maxlength: "100", placeholder: "Name of this view", "aria-label": "Name of this view", onkeydown: ({ key }) => key === "Enter" && save() });
  const save = () => name.value.trim() && keep(name.value.trim(), false);
  node.append(...Object.entries(x.shown.views).map(entry), h("div", { class: "two" }, name, h("button", { class: "btn", onclick: save }, "Save")));
}

// The columns of names.
function filters(node, x) {
  const { state } = x;
  const inside = (title, fill) => () => {
    node.replaceChildren(h("div", { class: "poph" }, title));
    fill(node);
    x.popovers.place();
    (node.querySelector("[data-first]") ?? node.querySelector("input")).focus();
  };
  const entry = (title, on, act) => h("button", { class: "mi", onclick: act }, h("bdi", {}, title), on ? h("span", { class: "q" }, ` · ${number(on)}`) : "");
  node.append(h("div", { class: "opts tall" }, x.about.names.map((each) => entry(each.title, state.where[each.column]?.length, inside(each.title, (inner) => names(inner, x, each))))));
}

function names(node, x, { column, title, values }) {
  const chosen = new Set(x.state.where[column]);
  const take = () => x.choose({ where: { ...x.state.where, [column]: chosen.size === values.length ? [] : [...chosen] } });
  const boxes = values.map(([value, words, n]) => {
    const box = h("input", { type: "checkbox", "aria-label": words, onchange: () => {
      if (box.checked) chosen.add(value);
      else chosen.delete(value);
      take();
    } });
    box.checked = chosen.has(value);
    return { box, words, option: h("label", { class: "opt" }, box, h("bdi", {}, words), h("span", { class: "q" }, number(n))) };
  });
  const find = h("input", { type: "text", class: "srch", "data-first": true, placeholder: `Search ${values.length}`, "aria-label": `Search ${title}`, oninput: ({ target: { value } }) => {
    for (const { words, option } of boxes) option.hidden = !words.toLowerCase().includes(value.trim().toLowerCase());
  } });
  node.append(values.length > 8 ? find : "", h("div", { class: "opts", role: "group", "aria-label": title }, boxes.map(({ option }) => option)),
    h("div", { class: "popf" }, link("Clear", () => {
      chosen.clear();
      for (const { box } of boxes) box.checked = false;
      take();
    }), link("Done", () => x.popovers.close())));
}

function closes(node, x) {
  const error = h("div", { class: "err", role: "alert" });
  const field = (name, label, placeholder) => {
    const input = h("input", { type: "text", "aria-label": `Close date ${label}`, placeholder, onchange: async () => {
      error.textContent = await x.choose({ close: "", [name]: input.value.trim() || null });
      input.setAttribute("aria-invalid", String(error.textContent !== ""));
    } });
    input.value = x.state[name] ?? "";
    return input;
  };
  const none = { close: "", first: null, last: null };
  const preset = (word) => h("button", { class: "lnk", "aria-pressed": String(x.state.close === word), onclick: () => decide(x, { ...none, close: x.state.close === word ? "" : word }) }, capital(word));
  node.append(h("div", { class: "presets" }, x.about.presets.map(preset)),
    h("div", { class: "two" }, field("first", "from", "Dec 2026"), "to", field("last", "to", "FY27 Q4")), error,
    h("div", { class: "popf" }, link("Clear", () => decide(x, none)), link("Done", () => x.popovers.close())));
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);
const bound = (low, high) => (low && high ? `${day(low)} to ${day(high)}` : low ? `from ${day(low)}` : `to ${day(high)}`);

// The close dates: a preset with the days that Python read it as, once it has.
function period({ state, shown }) {
  const days = shown.close_days;
  const read = days[0] || days[1] ? bound(...days) : "";
  return [state.close, state.close && read ? ", " : "", read].join("");
}

// What is set, each removable; what the question does not take is dashed and stays.
export function chips(x) {
  const { about, state, shown } = x;
  const unused = new Set(shown.unused);
  const chip = (name, text, remove, title) => {
    const words = title ? `${title}: ${text}` : text;
    return h("span", { class: `chip${unused.has(name) ? " off" : ""}` }, h("span", {}, h("bdi", {}, words), unused.has(name) ? " (not used here)" : ""), h("button", { "aria-label": `Remove ${words}`, "data-stay": "chip", onclick: () => x.choose(remove) }, "×"));
  };
  const made = [
    ...(state.part ? [chip("part", state.part, { part: "" }, about.parts.find(([name]) => name === state.part)?.[1])] : []),
    ...about.names.flatMap(({ column, title, values }) => (state.where[column] ?? []).map((value) => {
      const others = state.where[column].filter((each) => each !== value);
      return chip("where", values.find(([each]) => each === value)?.[1] ?? value, { where: { ...state.where, [column]: others } }, title);
    })),
    ...(state.close || state.first || state.last ? [chip("close", period(x), { close: "", first: null, last: null }, "Close date")] : []),
    ...Object.keys(about.options).filter((name) => unused.has(name)).map((name) => chip(name, state[name], { [name]: "" }, TITLES[name])),
  ];
  return made.length ? [...made, link("Clear all", () => x.choose({ ...NONE, ...Object.fromEntries(Object.keys(about.options).map((name) => [name, ""])) }), { class: "lnk sm" })] : [];
}
