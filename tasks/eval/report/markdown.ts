/**
 * report.md: the scores as Markdown tables.
 * @module
 */
import type { Results } from "../results.ts";
import type { ScoreWithSpread } from "../score_table.ts";
import { countLines, headlines, intervalText, valueText } from "./text.ts";

/** The whole text. */
export function markdown(results: Results): string {
  const { model, benchmark, judge, complete, stopped, scores, agreement, counts, bootstrap } = results;
  const groups = Map.groupBy(scores.filter((s) => s.group !== undefined), (s) => s.group!.by);
  return [
    `# ${plain(model)} on ${plain(benchmark)}`,
    "",
    `Judged by ${plain(judge)}. ${
      complete ? "Complete." : `Incomplete${stopped === null ? "" : `: ${plain(stopped)}`}.`
    }`,
    "",
    ...table(["score"], headlines(scores).map((s) => [[s.metric], s])),
    "",
    ...countLines(results).map((line) => `- ${plain(line)}`),
    "- What is unscored is in no score; “of all” counts it as zero, a lower bound.",
    `- Intervals: percentile bootstrap over items, ${bootstrap.resamples} resamples or fewer, seed ${bootstrap.seed}.`,
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
      ...counts.reasons.map((r) => `- ${r.count} times: ${plain(r.reason)}`),
    ]),
    ...[...groups].flatMap(([by, list]) => [
      "",
      `## By ${plain(by)}`,
      "",
      ...table([by, "score"], list.map((s) => [[s.group!.name, s.metric], s])),
    ]),
    "",
  ].join("\n");
}

function table(names: string[], rows: [string[], ScoreWithSpread][]): string[] {
  const columns = [...names, "value", "95 % interval", "std. error", "of all", "scored", "unscored"];
  const line = (cells: string[]) => `| ${cells.map(plain).join(" | ")} |`;
  return [
    line(columns),
    `| ${columns.map((_, i) => i < names.length ? "---" : "---:").join(" | ")} |`,
    ...rows.map(([first, s]) =>
      line([
        ...first,
        valueText(s),
        intervalText(s),
        s.stderr === null ? "–" : valueText(s, s.stderr),
        valueText(s, s.ofAll),
        String(s.scored),
        String(s.unscored),
      ])
    ),
  ];
}

/** Text in one line of Markdown that can't be markup. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_<>|[\]#]/g, "\\$&");
}
