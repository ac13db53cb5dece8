// Bundles the page into the folder that is named, with the licences of what is bundled.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const target = process.argv[2];
if (!target) throw new Error("usage: node build.js FOLDER");
const fresh = `${target}.new`;

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const { metafile } = await build({
  entryPoints: ["src/main.tsx", "src/page.css"],
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none", // LICENSES.txt has them whole
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
});

function built(source) {
  const found = Object.entries(metafile.outputs).find(([, made]) => made.entryPoint === source);
  if (!found) throw new Error(`${source} was not built`);
  return basename(found[0]);
}

const names = {
  main: built("src/main.tsx"),
  style: built("src/page.css"),
  graph: built("src/drawing.ts"),
};
const template = await readFile("index.html", "utf8");
const page = template.replace(/\{\{(\w+)\}\}/g, (_, name) => names[name]);
await writeFile(join(fresh, "LICENSES.txt"), await licences(Object.keys(metafile.inputs)));
await copyFile("icon.svg", join(fresh, "icon.svg"));
await writeFile(join(fresh, "index.html"), page); // the last: without it nothing is served
await rm(target, { recursive: true, force: true });
await rename(fresh, target);

async function licences(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const parts = [];
  for (const name of [...packages].sort()) {
    const folder = join("node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no licence file`);
    const text = await readFile(join(folder, file), "utf8");
    parts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return `The page of kgraph holds these libraries.\n\n${parts.join(`\n${"-".repeat(72)}\n\n`)}`;
}
