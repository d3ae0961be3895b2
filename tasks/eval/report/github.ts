/**
 * Annotations for GitHub Actions: workflow commands among the lines of the job, and report.md as the summary of the job.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { writeError } from "../../../formats/atomic.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import type { EvalResults } from "../results/results.ts";
import { thresholdText } from "../results/thresholds.ts";
import { headlines, intervalText, openText, unscoredText, valueText } from "./text.ts";

/** Text behind `::`. */
function message(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** A property's value, which may hold neither colons nor commas. */
function property(text: string): string {
  return message(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/**
 * One command per line: an error for each missed threshold and for a run without an end, a warning for what is unscored, a
 * notice with the scores.
 * @param placeOf Where a key was written, for the place of an annotation
 */
export function githubAnnotations(results: EvalResults, placeOf: PlaceOf = () => ""): string[] {
  const { model, benchmark, thresholds, counts, complete, scores } = results;
  const title = (what: string) => `title=${property(`${what}: ${model} on ${benchmark}`)}`;
  const place = (metric: string) => {
    const found = /^(.+):(\d+):(\d+)$/.exec(placeOf("threshold", metric));
    if (found === null) return "";
    const [, file = "", line, column] = found;
    return `file=${property(file)},line=${line},col=${column},`;
  };
  const shown = headlines(scores).map((s) =>
    `${s.metric} ${valueText(s)}${s.interval === null ? "" : ` (95 %: ${intervalText(s)})`}`
  );
  const unscored = unscoredText(counts);
  return [
    ...(thresholds ?? []).filter(({ passed }) => !passed).map((t) =>
      `::error ${place(t.metric)}${title("Threshold missed")}::${message(thresholdText(t))}`
    ),
    ...(complete ? [] : [
      `::error ${title("Not complete")}::${message(openText(results))}`,
    ]),
    ...(unscored === null ? [] : [
      `::warning ${title("Unscored")}::${unscored}${
        message(
          counts.reasons.slice(0, 3).map(({ count, reason }) => `\n${counted(count, "time")}: ${reason}`)
            .join(
              "",
            ),
        )
      }`,
    ]),
    `::notice ${title("Scores")}::${message(shown.join("\n"))}`,
  ];
}

/**
 * Appends to the summary of the job, in a job of GitHub Actions.
 * @param path File of the summary; empty outside of a job
 * @throws {Error} If the file can't be written, with its path
 */
export function appendSummary(
  markdown: string,
  path: string = Deno.env.get("GITHUB_STEP_SUMMARY") ?? "",
): void {
  if (!path) return;
  try {
    Deno.writeTextFileSync(path, `${markdown}\n`, { append: true });
  } catch (error) {
    throw writeError(error, path);
  }
}
