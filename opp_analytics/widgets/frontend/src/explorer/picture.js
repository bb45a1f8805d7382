// The figure as a PNG: 1040 px at 2×, with title, gray line, n, dates and filters; in the colors of the screen.

import { download, h } from "../shared/dom.js";

const WIDTH = 1040;

const TOKENS = ["bg", "ink", "ink2", "ink3", "rule", "rule2", "fill", "bar", "mute", "pale", "hi", "band"];
// What a data set may hold, and XML may not.
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g; // eslint-disable-line no-control-regex

function styles(root) {
  const home = root.getRootNode(); // in marimo the widget's own tree
  const sheets = [...document.styleSheets, ...document.adoptedStyleSheets, ...(home.styleSheets ?? []), ...(home.adoptedStyleSheets ?? [])];
  const rules = [...new Set(sheets)].flatMap((sheet) => {
    try {
      return [...sheet.cssRules].map((rule) => rule.cssText);
    } catch {
      return []; // another origin's sheet
    }
  });
  const probe = root.appendChild(h("i"));
  const tokens = TOKENS.map((name) => {
    probe.style.color = `var(--${name})`;
    return `--${name}:${getComputedStyle(probe).color}`;
  });
  probe.remove();
  return { css: rules.filter((rule) => rule.includes(".oap")).join("\n"), tokens: tokens.join(";") };
}

export async function savePicture(explorer) {
  const { css, tokens } = styles(explorer.root);
  const copy = explorer.fig.cloneNode(true);
  for (const node of copy.querySelectorAll(".tri, .lnk")) node.remove();
  const filters = [...explorer.chips.querySelectorAll(".chip:not(.off) bdi")].map((node) => node.textContent);
  if (filters.length) copy.append(h("p", { class: "note q" }, filters.join(" · ")));
  const page = h("div", { xmlns: "http://www.w3.org/1999/xhtml", class: "oap oap-explorer", style: `${tokens};width:${WIDTH}px;padding:0 24px 24px;border:0` }, h("style", {}, css), copy);
  document.body.append(page);
  const height = Math.ceil(page.offsetHeight) + 8;
  page.remove();
  const body = new XMLSerializer().serializeToString(page).replace(CONTROLS, "");
  const source = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"><foreignObject width="100%" height="100%">${body}</foreignObject></svg>`;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  const canvas = h("canvas");
  Object.assign(canvas, { width: WIDTH * 2, height: height * 2 });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.drawImage(image, 0, 0);
  download(canvas.toDataURL("image/png"), `${explorer.state.view}.png`);
  explorer.say("Saved");
}
