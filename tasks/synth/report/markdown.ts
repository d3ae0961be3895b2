/**
 * report.md of a synthesis.
 * @module
 */
import { markdownTable, markdownText as plain } from "../../common/report/table.ts";
import { shortened } from "../../../formats/message.ts";
import type { Draft } from "../draft.ts";
import { type Results, rowText } from "../results.ts";
import { agreementTable, costTable, funnelTable, shareTable } from "./tables.ts";
import { summaryLines } from "./text.ts";

const SHOWN_ROWS = 5;
const LONGEST = 600;

/** report.md: summary, tables and a few rows. */
export function markdownReport(results: Results, rows: readonly Draft[]): string {
  const { funnel, models } = results;
  return [
    "# Synthesis",
    "",
    `Written by ${plain(models.generator)}${
      models.judges.length === 0 ? ", checked by rules" : `, judged by ${plain(models.judges.join(", "))}`
    }.`,
    "",
    ...summaryLines(results).map((line) => `- ${plain(line)}`),
    "",
    "## Kept and dropped",
    "",
    ...markdownTable(funnelTable(results)),
    ...funnel.steps.flatMap(({ step, reasons }) =>
      reasons.flatMap(({ reason, count, examples }) => [
        "",
        `### ${plain(step)}: ${plain(reason)} (${count})`,
        "",
        ...examples.map(({ id, seed, text }) =>
          `- ${plain(id)}, from “${plain(shortened(seed, 120))}”: ${plain(shortened(text, LONGEST))}`
        ),
      ])
    ),
    "",
    "## Wanted and got",
    "",
    ...markdownTable(shareTable("constraints a row", results.counts)),
    "",
    ...markdownTable(shareTable("type", results.types)),
    ...results.operations.length === 0
      ? []
      : ["", ...markdownTable(shareTable("operation of x2", results.operations))],
    "",
    "## Cost",
    "",
    ...markdownTable(costTable(results)),
    ...results.agreement.length === 0
      ? []
      : ["", "## Agreement of the judges", "", ...markdownTable(agreementTable(results))],
    "",
    "## Rows",
    ...rows.slice(0, SHOWN_ROWS).flatMap((row) => [
      "",
      `### ${plain(row.id)}, ${row.slot.operation}`,
      "",
      ...rowText(row).map(([name, text]) => `- ${name}: ${plain(shortened(text, LONGEST))}`),
    ]),
    "",
  ].join("\n");
}
