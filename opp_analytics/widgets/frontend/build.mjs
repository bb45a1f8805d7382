// Bundles src/ into ../static: grid.js, grid.css and the licenses of what is bundled.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const BUNDLED = ["tabulator-tables", "@uwdata/flechette", "papaparse"];

const sources = ["package-lock.json", ...readdirSync("src").sort().map((name) => `src/${name}`)];
const digest = createHash("sha256");
for (const source of sources) digest.update(readFileSync(source));
const banner = `/* Built by frontend/build.mjs; sources sha256 ${digest.digest("hex")}; licenses in LICENSES.txt */`;

await build({
  entryPoints: ["src/grid.js", "src/grid.css"],
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
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`;
});
writeFileSync("../static/LICENSES.txt", licenses.join(`\n${"-".repeat(80)}\n\n`));
