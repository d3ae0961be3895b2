/**
 * Text at the end of a run: its files, missed thresholds, and what to do about a run without an end.
 * @module
 */
import { resolve } from "@std/path";

import { counted } from "../../formats/counted.ts";
import { failureText } from "../ask/failures.ts";
import { taskCommand } from "../common/process/command.ts";
import { alignedRows } from "../common/report/table.ts";
import type { Evaluated } from "./run.ts";
import { thresholdText } from "./results/thresholds.ts";
import { openText } from "./report/text.ts";

/** Lines at the end of a run: files, thresholds, and the command that continues it. */
export function endingLines(done: Evaluated): string[] {
  const { directory, files, results, complete } = done;
  return [
    `\nFiles in ${directory}:`,
    ...alignedRows(files.map(({ name, what }) => [name, what])).map((line) => `  ${line}`),
    ...(complete && results?.headline.value === null ? [`\n${noScore(results.counts)}`] : []),
    ...(results?.thresholds ?? []).map((t) =>
      `\n${t.passed ? "Threshold reached" : "Below the threshold"}: ${thresholdText(t)}`
    ),
    ...(done.unreported === null ? [] : [`\n${done.unreported}`]),
    ...(complete ? [] : [`\n${notComplete(done)}`]),
  ];
}

function noScore({ items, context_length }: { items: number; context_length: number }): string {
  const longer = context_length > 0
    ? ` (${counted(context_length, "prompt", ["was", "were"])} longer than the model's context)`
    : "";
  const none = items === 1 ? "the only item has none" : `none of the ${items} items has one`;
  return `No score: ${none}${longer}. The reasons stand in report.md`;
}

/** Says how to continue only where starting again as it is can help. */
function notComplete({ directory, stopped, results, resumable, begun }: Evaluated): string {
  const open = results === null ? stopped?.message ?? "" : openText(results);
  const why = open || "some items have no outcome yet";
  if (resumable && !begun) {
    return `Not complete: ${why}. To continue, start it again as it was started: ${directory}/run.yaml is still the earlier run's`;
  }
  const command = taskCommand("eval", [resolve(directory, "run.yaml")]);
  if (resumable) return `Not complete: ${why}. To continue:\n  ${command}`;
  const causes = stopped === null ? results?.failures ?? [] : [];
  const cause = causes.length === 0 ? "" : ` (${causes.map(failureText).join("; ")})`;
  return `Not complete: ${why}${cause}. The same start would end the same way: mend this first. Answers that there are stay`;
}
