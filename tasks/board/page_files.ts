/**
 * The page: plain files in page/, the stylesheets that it shares with report.html, and the charting library as its package has it.
 * @module
 */
import type { Context } from "hono";

import { Refusal } from "./refusal.ts";

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

const file = (path: string) => new URL(path, import.meta.url).href;

/** Stylesheets in their order, sent as one: nothing is painted before the last of them is there. */
const STYLES = [
  file("../common/page/tokens.css"),
  file("../common/page/controls.css"),
  file("../eval/report/page.css"),
  import.meta.resolve("uplot/dist/uPlot.min.css"),
  file("page/board.css"),
];

/** Scripts by their address, which is the one that they have to each other as files. */
const SCRIPTS = [...scriptsIn("board/page/"), "common/page/colors.js", "eval/report/item_view.js"];

/** Files by their address behind the token. */
const FILES = new Map<string, [files: string[], type: string]>([
  ["", [[file("page/index.html")], "text/html; charset=utf-8"]],
  ["page.css", [STYLES, STYLE]],
  ["uplot.js", [[import.meta.resolve("uplot/dist/uPlot.iife.min.js")], SCRIPT]],
  ...SCRIPTS.map((path): [string, [string[], string]] => [path, [[file(`../${path}`)], SCRIPT]]),
]);

/** All scripts are asked for at once: a browser would find each only in the one that imports it. */
const PRELOADS = SCRIPTS.map((path) => `<link rel="modulepreload" href="${path}">`).join("\n    ");

/** A file of the page. @throws {Refusal} 404 if there is none of that name */
export async function pageFile(c: Context, name: string): Promise<Response> {
  const found = FILES.get(name);
  if (found === undefined) throw new Refusal(404, "There is no such page");
  const [files, type] = found;
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(new URL(file))));
  const text = name === "" ? texts.join("").replace("<!-- scripts -->", PRELOADS) : texts.join("\n");
  return c.body(text, 200, { "content-type": type });
}

/** Addresses of the scripts in a folder and the folders in it. */
function scriptsIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(new URL(`../${folder}`, import.meta.url))];
  return entries.sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory }) =>
    isDirectory ? scriptsIn(`${folder}${name}/`) : name.endsWith(".js") ? [`${folder}${name}`] : []
  );
}
