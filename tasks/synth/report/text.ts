/**
 * Sentences of the report, for files and for a terminal.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { failureText } from "../../ask/failures.ts";
import type { Results } from "../results.ts";
import { percent } from "./tables.ts";

/** Origins of DPO's worse answers in a line; none without that view. */
export function worseOriginLines(worse: Results["worse"]): string[] {
  const parts = Object.entries(worse).map(([origin, count]) => `${count} ${origin}`);
  return parts.length === 0 ? [] : [`DPO's worse answers: ${parts.join("; ")}`];
}

/** A cost in the prices' currency. */
export function costText(cost: number): string {
  return cost === 0 ? "0" : cost.toFixed(6);
}

/** The results as sentences, one per line. */
export function summaryLines(results: Results): string[] {
  const { rows, funnel, stopped, complete, seeds, usage, cost_per_row, by_rules, worse } = results;
  return [
    `${rows.made} of ${rows.wanted} rows are made${
      stopped !== null
        ? `; stopped: ${stopped}`
        : complete
        ? ""
        : funnel.open > 0
        ? "; run it again for those that nobody answered"
        : "; the attempts are used up: raise attempts, or bring more seeds"
    }`,
    `${funnel.begun} drafts were begun: ${funnel.kept} kept, ${
      funnel.begun - funnel.open - funnel.kept
    } dropped, ${funnel.open} open`,
    `${seeds.used} of ${seeds.read} seeds are used${
      Object.entries(seeds.left).map(([reason, count]) => `; ${count} left out: ${reason}`).join("")
    }`,
    ...worseOriginLines(worse),
    ...by_rules === null ? [] : [`${percent(by_rules)} of the constraints are checked by rules`],
    `this start: ${counted(usage.requests, "request")}, ${counted(usage.cached, "answer")} from the cache, ${
      usage.seconds.toFixed(1)
    } s`,
    cost_per_row === null
      ? "cost a row: unknown, as prices (args.prices) are missing or there is no row"
      : `cost a row: ${costText(cost_per_row)}, over all starts`,
    ...results.failures.map(failureText),
    ...results.notes.map((note) => `note: ${note}`),
  ];
}
