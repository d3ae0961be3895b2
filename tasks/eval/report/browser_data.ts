/**
 * Data of the page's item browser: a small index, and the items themselves in compressed chunks that the page unpacks
 * as they are looked at. Both are written piece by piece, so that writing a page takes the same memory
 * for any number of items. Nothing of it is markup: the page sets it as text.
 * @module
 */
import { gzipSync } from "node:zlib";

import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import { withoutRounding } from "../statistics/without_rounding.ts";
import type { StoredItem } from "../store/stored.ts";

/** End of an item, by the headline score. */
export type ItemStatus = "pass" | "part" | "fail" | "unscored" | "unanswered";

/** A row of the index. */
export type IndexRow = [id: string, status: ItemStatus, value: number | null, preview: string];

/** Items in a chunk. */
export const CHUNK = 50;

/** End of an item. */
export function statusOf(
  { answer }: StoredItem,
  contributions: readonly Contribution[],
): { status: ItemStatus; value: number | null } {
  const [headline] = contributions;
  const value = headline === undefined || headline.value === null
    ? null
    : withoutRounding(headline.value / headline.weight);
  const full = headline?.max ?? 1;
  const isPart = (c: Contribution) =>
    c.value === null && c.metric === headline?.metric && c.group === undefined;
  const status = answer === null
    ? "unanswered"
    : value === null || (value >= full && contributions.some(isPart))
    ? "unscored"
    : value >= full
    ? "pass"
    : value > 0
    ? "part"
    : "fail";
  return { status, value };
}

/** The index row of an item. */
export function indexRow(stored: StoredItem, contributions: readonly Contribution[]): IndexRow {
  const { status, value } = statusOf(stored, contributions);
  const prompt = lastUserText(stored.item.messages);
  return [stored.item.id, status, value, prompt.slice(0, 90).replaceAll(/\s+/g, " ")];
}

/** An item as the page shows it. */
export function browsed({ item, answer, response, judged, judgement }: StoredItem): unknown {
  return {
    messages: item.messages,
    response,
    thought: answer?.completion.thought ?? "",
    outcome: answer?.completion.outcome ?? null,
    error: answer?.completion.error ?? judged?.error ?? null,
    groups: item.groups,
    constraints: item.constraints.map((c, i) => ({
      text: c.text,
      rule: c.rule ?? null,
      groups: c.groups,
      verdict: judgement?.constraints[i] ?? null,
      readings: Object.fromEntries(
        Object.entries(judgement?.readings ?? {}).map(([name, verdicts]) => [name, verdicts[i] ?? null]),
      ),
    })),
    overall: judgement?.overall ?? null,
    raw: judgement?.raw ?? "",
    reading: judgement?.reading ?? null,
    members: judgement?.members?.map(({ judge, judgement: own }) => ({
      judge,
      scores: own.constraints.map((v) => v.score),
    })) ?? [],
  };
}

/** Packs a chunk: JSON, gzip, base64, so that no byte of it can end a script element. */
export function packed(items: readonly unknown[]): string {
  return gzipSync(JSON.stringify(items), { level: 6 }).toString("base64");
}
