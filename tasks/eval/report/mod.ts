/**
 * Files of a scored run: results.json, the released shape, and reports, all of them in one pass over the items.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import { statOrNull } from "../../../formats/exists.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import type { EvalResults } from "../results/results.ts";
import type { StoredRun } from "../store/stored.ts";
import { appendSummary, githubAnnotations } from "./github.ts";
import { htmlWriter } from "./html.ts";
import { type ItemWriter, writeItems } from "./item_writer.ts";
import { junitWriter } from "./junit.ts";
import { markdown } from "./markdown.ts";
import type { PageSurvey } from "./page_survey.ts";
import { releasedName, releasedWriter } from "./released.ts";

/**
 * What becomes of the reports that an earlier start wrote into the folder, where there is nothing to write instead.
 * @param gone True if its answers are removed: then these go with them
 * @returns What became of them, as the end of a sentence; empty when there are none
 */
export async function earlierReports(run: StoredRun, gone: boolean): Promise<string> {
  // an out_file may be another run's by now
  const released = run.config.out_file === undefined ? [releasedName(run)] : [];
  const names = ["results.json", ...released, "report.html", "report.md", "junit.xml"];
  const there = names.filter((name) => statOrNull(join(run.config.out_dir, name)) !== null);
  if (there.length === 0) return "";
  if (!gone) return `; those of an earlier start stay as they are (${there.join(", ")})`;
  for (const name of there) await Deno.remove(join(run.config.out_dir, name));
  return `; those of an earlier run are removed (${there.join(", ")})`;
}

/**
 * Writes the files of a run.
 * @param survey Counts of all items for the page; null: no reports, only results.json and the released shape
 * @returns Names of the files
 */
export async function writeReports(
  run: StoredRun,
  results: EvalResults,
  survey: PageSurvey | null,
  { say, placeOf }: { say: (line: string) => void; placeOf?: PlaceOf | undefined },
): Promise<{ name: string; what: string }[]> {
  const { out_dir, formats } = run.config;
  await writeFileAtomic(join(out_dir, "results.json"), JSON.stringify(results, null, 2) + "\n");
  const files = [
    { name: "results.json", what: "scores, intervals, counts" },
    { name: releasedName(run), what: "the released shape" },
  ];
  const writers: (() => ItemWriter | Promise<ItemWriter>)[] = [() => releasedWriter(run, results)];
  if (survey !== null) {
    writers.push(() => htmlWriter(join(out_dir, "report.html"), run, results, survey));
    files.push(
      { name: "report.html", what: "tables, charts and every item; open it in a browser" },
      { name: "report.md", what: "the same tables as text" },
    );
    if (formats.includes("junit")) {
      writers.push(() => junitWriter(join(out_dir, "junit.xml"), results, survey));
      files.push({ name: "junit.xml", what: "thresholds and items as test results" });
    }
  }
  await writeItems(run, writers);
  if (survey !== null) {
    const text = markdown(results);
    await writeFileAtomic(join(out_dir, "report.md"), text);
    if (formats.includes("github")) {
      for (const line of githubAnnotations(results, placeOf)) say(line);
      appendSummary(text);
    }
  }
  return files;
}
