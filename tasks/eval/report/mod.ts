/**
 * Reports for people: report.html and report.md.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import type { Results } from "../results.ts";
import type { StoredRun } from "../stored.ts";
import { writeHtml } from "./html.ts";
import { markdown } from "./markdown.ts";

/** Writes both into the run directory; gives their names. */
export async function writeReports(
  run: StoredRun,
  results: Results,
): Promise<{ name: string; what: string }[]> {
  const { out_dir } = run.config;
  await writeHtml(join(out_dir, "report.html"), run, results);
  await writeFileAtomic(join(out_dir, "report.md"), markdown(results));
  return [
    { name: "report.html", what: "tables, charts and every item; open it in a browser" },
    { name: "report.md", what: "the same tables as text" },
  ];
}
