// Bundles src/ into ../static: a module and a stylesheet per widget, and the licenses of what is bundled.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const WIDGETS = ["grid", "explorer"];
const BUNDLED = ["slickgrid", "@uwdata/flechette"];

const listed = readdirSync("src", { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const sources = ["package-lock.json", ...listed.map((entry) => `${entry.parentPath}/${entry.name}`).sort()];
const digest = createHash("sha256");
for (const source of sources) digest.update(readFileSync(source));
const banner = `/* Built by frontend/build.mjs; sources sha256 ${digest.digest("hex")}; licenses in LICENSES.txt */`;

await build({
  entryPoints: WIDGETS.flatMap((name) => [
    { in: `src/${name}/${name}.js`, out: name },
    { in: `src/${name}/${name}.css`, out: name },
  ]),
  outdir: "../static",
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "none",
  banner: { js: banner, css: banner },
});

const licenses = BUNDLED.map((name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const file = readdirSync(`node_modules/${name}`).find((entry) => /^license/i.test(entry));
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/${file}`, "utf8").trim()}\n`;
});
writeFileSync("../static/LICENSES.txt", licenses.join(`\n${"-".repeat(80)}\n\n`));
