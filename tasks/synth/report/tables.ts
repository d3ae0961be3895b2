/**
 * Tables that the report and the card share.
 * @module
 */
import type { Table } from "../../common/report/table.ts";
import type { Results, WantedShare } from "../results.ts";

/** Wanted and got. */
export function shareTable(title: string, shares: readonly WantedShare[]): Table {
  return {
    columns: [{ title, align: "left" }, { title: "wanted" }, { title: "got" }, { title: "count" }],
    rows: shares.map(({ name, wanted, got, count }) => [name, percent(wanted), percent(got), String(count)]),
  };
}

/** Each step of the funnel. */
export function funnelTable({ funnel }: Results): Table {
  return {
    columns: [{ title: "step", align: "left" }, { title: "reached" }, { title: "dropped" }, {
      title: "passed",
    }],
    rows: funnel.steps.map(({ step, entered, dropped }) =>
      [step, entered, dropped, entered - dropped].map(String)
    ),
  };
}

/** Of a step, or of all. */
type Cost = Omit<Results["costs"][number], "step"> & { step: string };

/** Requests, tokens and cost of each step, and their sum. */
export function costTable({ costs }: Results): Table {
  const sum = (pick: (cost: Cost) => number) => costs.reduce((total, cost) => total + pick(cost), 0);
  const all: Cost = {
    step: "all",
    answers: sum((c) => c.answers),
    promptTokens: sum((c) => c.promptTokens),
    completionTokens: sum((c) => c.completionTokens),
    cost: sum((c) => c.cost),
    per_row: costs.some(({ per_row }) => per_row === null) ? null : sum((c) => c.per_row ?? 0),
  };
  return {
    columns: [
      { title: "step", align: "left" },
      ...["answers", "tokens asked", "tokens answered", "cost", "cost a row"].map((title) => ({ title })),
    ],
    rows: [...costs, all].map(({ step, answers, promptTokens, completionTokens, cost, per_row }) => [
      step,
      String(answers),
      String(promptTokens),
      String(completionTokens),
      cost.toFixed(4),
      per_row === null ? "–" : per_row.toFixed(6),
    ]),
  };
}

/** Agreement of judges by question. */
export function agreementTable({ agreement }: Results): Table {
  return {
    columns: [
      { title: "question", align: "left" },
      ...["asked of two or more", "same verdict", "alpha", "unreadable"].map((title) => ({ title })),
    ],
    rows: agreement.map(({ question, units, same, alpha, unread }) => [
      question,
      String(units),
      units === 0 ? "–" : percent(same / units),
      alpha === null ? "–" : alpha.toFixed(3),
      String(unread),
    ]),
  };
}

/** `12.3 %`. */
export function percent(share: number | null): string {
  return share === null ? "–" : `${(100 * share).toFixed(1)} %`;
}
