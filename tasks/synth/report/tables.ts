/**
 * Tables that the report and the card share.
 * @module
 */
import type { Table } from "../../common/table.ts";
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

/** Requests, tokens and cost of each step, and their sum. */
export function costTable({ costs }: Results): Table {
  const sum = (pick: (cost: Results["costs"][number]) => number) =>
    costs.reduce((total, cost) => total + pick(cost), 0);
  const row = (
    name: string,
    answers: number,
    prompt: number,
    completion: number,
    cost: number,
    each: number | null,
  ) => [
    name,
    String(answers),
    String(prompt),
    String(completion),
    cost.toFixed(4),
    each === null ? "–" : each.toFixed(6),
  ];
  return {
    columns: [
      { title: "step", align: "left" },
      ...["answers", "tokens asked", "tokens answered", "cost", "cost a row"].map((title) => ({ title })),
    ],
    rows: [
      ...costs.map((c) => row(c.step, c.answers, c.promptTokens, c.completionTokens, c.cost, c.per_row)),
      row(
        "all",
        sum((c) => c.answers),
        sum((c) => c.promptTokens),
        sum((c) => c.completionTokens),
        sum((c) => c.cost),
        costs.some(({ per_row }) => per_row === null) ? null : sum((c) => c.per_row ?? 0),
      ),
    ],
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
