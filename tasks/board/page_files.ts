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
  "colors",
  "control",
  "dom",
  "evaluations",
  "format",
  "news",
  "run",
  "run_list",
  "runs",
];

/** Files by their address behind the token. */
const FILES = new Map<string, [file: string, type: string]>([
  ["", [new URL("page/index.html", import.meta.url).href, "text/html; charset=utf-8"]],
  ["board.css", [new URL("page/board.css", import.meta.url).href, STYLE]],
  ["tokens.css", [new URL("../common/page/tokens.css", import.meta.url).href, STYLE]],
  ["report.css", [new URL("../eval/report/page.css", import.meta.url).href, STYLE]],
  // scripts have the addresses that they have to each other as files
  ["eval/report/item_view.js", [new URL("../eval/report/item_view.js", import.meta.url).href, SCRIPT]],
  ["uplot.css", [import.meta.resolve("uplot/dist/uPlot.min.css"), STYLE]],
  ["uplot.js", [import.meta.resolve("uplot/dist/uPlot.iife.min.js"), SCRIPT]],
  ...OWN.map((name): [string, [string, string]] => [
    `board/page/${name}.js`,
    [new URL(`page/${name}.js`, import.meta.url).href, SCRIPT],
  ]),
]);

/** A file of the page. @throws {Refusal} 404 if there is none of that name */
export async function pageFile(c: Context, name: string): Promise<Response> {
  const found = FILES.get(name);
  if (found === undefined) throw new Refusal(404, "There is no such page");
  const [file, type] = found;
  return c.body(await Deno.readTextFile(new URL(file)), 200, { "content-type": type });
}
