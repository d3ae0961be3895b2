/**
 * Counts of used, cut and dropped rows, as text.
 * @module
 */
import type { Work } from "./config/mod.ts";
import type { DataReport } from "./data/mod.ts";
import { wrapped } from "../common/report/table.ts";

/** Of what goes on on a further line, below the first one's text. */
const INDENT = " ".repeat(13);

/**
 * Rows used, dropped and cut, lengths of those that are learnt, answered or rewarded, warnings and notes.
 * @param width Columns that the lines of lengths may take; those that name a file are left whole, to be copied
 */
export function dataText(
  report: DataReport,
  work: Work = "training",
  width: number = Infinity,
): string {
  const { rows, train, evaluation, dropped, truncated } = report, predicts = work === "predictions";
  const lengths = work === "evaluation" ? [] : report.lengths;
  const use = predicts
    ? `${evaluation} to ${report.measure === "value" ? "reward" : "answer"}`
    : work === "evaluation"
    ? `${evaluation} to evaluate on`
    : `${train} example${plural(train)} to train on, ${evaluation} to evaluate on`;
  const lines = [`data         ${rows} row${plural(rows)}: ${use}`];
  for (const { reason, count, first } of dropped) {
    const place = `${first.file}, row ${first.row}${first.line === null ? "" : ` (line ${first.line})`}${
      first.field && `, ${first.field}`
    }`;
    lines.push(`  dropped    ${count}: ${reason} (first: ${place}: ${first.value})`);
  }
  if (truncated.rows > 0) {
    lines.push(
      `  cut        ${truncated.rows}: prompt ${truncated.prompt}, answer ${truncated.answer}, turns left out ${truncated.turns}`,
    );
  }
  for (const { name, count, min, mean, p50, p90, max, tokens, labels } of lengths) {
    const told =
      `sequence${plural(count)} of ${min} to ${max} tokens, mean ${mean.toFixed(0)}, half below ${p50}, ` +
      `nine tenths below ${p90}; ${tokens} tokens, ${
        labels === 0
          ? "answers are drawn"
          : `${labels} ${predicts || report.measure === "value" ? "of answers" : "learnt"}`
      }`;
    lines.push(...wrapped([`  ${name.padEnd(10)} ${count}`, ...told.split(" ")], width, INDENT));
  }
  return [
    ...lines,
    ...report.notes.map((note) => `note: ${note}`),
    ...report.warnings.map((warning) => `warning: ${warning}`),
  ]
    .join("\n");
}

function plural(count: number): "" | "s" {
  return count === 1 ? "" : "s";
}
