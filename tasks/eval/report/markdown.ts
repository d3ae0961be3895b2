/**
 * report.md: the scores as Markdown tables.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { markdownTable, markdownText as plain } from "../../common/report/table.ts";
import type { EvalResults } from "../results/results.ts";
import { thresholdText } from "../results/thresholds.ts";
import { countLines, headlines, intervalNote, openText, scoreRows } from "./text.ts";

/** report.md: headline, tables and counts. */
export function markdown(results: EvalResults): string {
  const { model, benchmark, judge, complete, scores, agreement, counts, thresholds } = results;
  const groups = Map.groupBy(scores, (s) => s.group?.by);
  groups.delete(undefined);
  return [
    `# ${plain(model)} on ${plain(benchmark)}`,
    "",
    `Judged by ${plain(judge)}. ${complete ? "Complete." : `Incomplete: ${plain(openText(results))}.`}`,
    "",
    ...markdownTable(scoreRows(["score"], headlines(scores).map((s) => [[s.metric], s]))),
    "",
    ...(thresholds ?? []).map((t) =>
      `- **Threshold ${t.passed ? "reached" : "missed"}**: ${plain(thresholdText(t))}`
    ),
    ...countLines(results).map((line) => `- ${plain(line)}`),
    "- What is unscored is in no score “of scored”; “of all” counts it as zero, a lower bound.",
    `- ${plain(intervalNote(results))}`,
    ...(agreement === null ? [] : [
      `- Krippendorff's alpha of ${plain(agreement.judges.join(", "))}: ${
        agreement.alpha?.toFixed(3) ?? "–"
      } (interval), ` +
      `${agreement.alphaNominal?.toFixed(3) ?? "–"} (nominal)`,
    ]),
    ...(counts.reasons.length === 0 ? [] : [
      "",
      "## Why constraints are unscored",
      "",
      ...counts.reasons.map((r) => `- ${counted(r.count, "time")}: ${plain(r.reason)}`),
    ]),
    ...[...groups].flatMap(([by = "", list]) => [
      "",
      `## By ${plain(by)}`,
      "",
      ...markdownTable(scoreRows([by, "score"], list.map((s) => [[s.group?.name ?? "", s.metric], s]))),
    ]),
    "",
  ].join("\n");
}
