/**
 * The page: plain files beside this one, the stylesheets that it shares with report.html, and the charting library as its package
 * has it.
 * @module
 */
import type { Context } from "hono";

import { Refusal } from "./refusal.ts";

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

const OWN = [
  "app",
  "api",
  "chart",
  "control",
  "dom",
  "evaluations",
  "format",
  "jobs",
  "key_field",
  "line_path",
  "news",
  "readout",
  "run",
  "run_list",
  "runs",
];

const file = (path: string) => new URL(path, import.meta.url).href;

/** Stylesheets in their order, sent as one: nothing is painted before the last of them is there. */
const STYLES = [
  file("../common/page/tokens.css"),
  file("../common/page/controls.css"),
  file("../eval/report/page.css"),
  import.meta.resolve("uplot/dist/uPlot.min.css"),
  file("page/board.css"),
];

/** Files by their address behind the token. */
const FILES = new Map<string, [files: string[], type: string]>([
  ["", [[file("page/index.html")], "text/html; charset=utf-8"]],
  ["page.css", [STYLES, STYLE]],
  ["uplot.js", [[import.meta.resolve("uplot/dist/uPlot.iife.min.js")], SCRIPT]],
  // scripts have the addresses that they have to each other as files
  ...[...OWN.map((name) => `board/page/${name}.js`), "common/page/colors.js", "eval/report/item_view.js"]
    .map((path): [string, [string[], string]] => [path, [[file(`../${path}`)], SCRIPT]]),
]);

/** A file of the page. @throws {Refusal} 404 if there is none of that name */
export async function pageFile(c: Context, name: string): Promise<Response> {
  const found = FILES.get(name);
  if (found === undefined) throw new Refusal(404, "There is no such page");
  const [files, type] = found;
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(new URL(file))));
  return c.body(texts.join("\n"), 200, { "content-type": type });
}
