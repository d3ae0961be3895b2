/**
 * Reports of a synthesis: results.json, report.md, report.html.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import { redact } from "../../../formats/secrets.ts";
import type { Results } from "../results.ts";
import type { Made } from "../rounds.ts";
import { htmlText } from "./html.ts";
import { markdownReport } from "./markdown.ts";

/** Writes them; gives their names. */
export async function writeSynthReports(
  directory: string,
  results: Results,
  { rows }: Pick<Made, "rows">,
): Promise<{ name: string; what: string }[]> {
  const write = (name: string, text: string) => writeFileAtomic(join(directory, name), redact(text));
  await write("results.json", JSON.stringify(results, null, 2) + "\n");
  await write("report.md", markdownReport(results, rows));
  await write("report.html", htmlText(results, rows));
  return [
    { name: "report.html", what: "kept and dropped by step and reason, with examples" },
    { name: "report.md", what: "the same as Markdown" },
    { name: "results.json", what: "all counts" },
    { name: "items.jsonl", what: "every answer, and how each draft ended" },
    { name: "run.yaml", what: "every key of this run" },
  ];
}
