/**
 * Checks of what a judge, a benchmark and an endpoint of one's own give: no score outside of its scale is counted.
 * @module
 */
import { z } from "zod";

import type { Benchmark, Contribution } from "../benchmark.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Judge } from "../judge.ts";
import type { JudgeResult } from "../judgement.ts";
import {
  aFunction,
  anObject,
  anyText,
  fields,
  listOf,
  type Maker,
  needed,
  oneOfNames,
  replacing,
  words,
} from "./maker.ts";

/** A score from 0 to `scale`, or null with its reason. */
function verdict(scale: number): z.ZodType {
  const limit = Number.isFinite(scale) ? `a number from 0 to ${scale}` : "a number >= 0";
  const score = needed(
    `${limit}, or null,`,
    (v) => v === null || (typeof v === "number" && Number.isFinite(v) && v >= 0 && v <= scale),
  );
  return fields({ score }).pipe(
    z.unknown().superRefine((value, context) => {
      const { score, reason } = value as { score: unknown; reason?: unknown };
      if (score !== null || (typeof reason === "string" && reason !== "")) return;
      context.addIssue({
        code: "custom",
        path: ["reason"],
        message: "a reason beside score: null is needed",
      });
    }),
  );
}

function checkJudgement(
  maker: Maker,
  where: string,
  found: JudgeResult,
  constraints: readonly unknown[],
  scale: number,
): void {
  const each = verdict(scale);
  const count = `a list of ${constraints.length} verdicts, one per constraint,`;
  maker.check(
    where,
    found,
    fields({
      constraints: needed(count, (v) => Array.isArray(v) && v.length === constraints.length).pipe(
        listOf(each),
      ),
      overall: each,
      raw: anyText,
    }),
  );
}

/** A judge: one verdict per constraint, none outside of the scale. */
export function checkedJudge(judge: Judge, maker: Maker): Judge {
  maker.checkMade(
    judge,
    fields({
      judge: aFunction,
      scale: needed("a number > 0, or null,", (v) => v === null || (typeof v === "number" && v > 0)),
    }),
  );
  return replacing(judge, {
    async judge(request, signal) {
      const found = await maker.run(async () => await judge.judge(request, signal));
      const scale = judge.scale ?? request.protocol?.scale ?? Infinity;
      checkJudgement(maker, "judge()", found, request.constraints, scale);
      return found;
    },
  });
}

const item = fields({
  id: words,
  messages: needed("a list of messages that isn't empty", (v) => Array.isArray(v) && v.length > 0).pipe(
    listOf(fields({ role: oneOfNames("system", "user", "assistant", "tool", "function"), content: anyText })),
  ),
  constraints: listOf(fields({ text: anyText, groups: anObject })),
  groups: anObject,
  fields: anObject,
});

function isContribution({ metric, value, weight, max = 1 }: Partial<Contribution>): boolean {
  if (typeof metric !== "string" || !(typeof weight === "number" && weight > 0 && weight < Infinity)) {
    return false;
  }
  // a sum of shares may be beyond its end by rounding
  return value === null ||
    (typeof value === "number" && value >= 0 && value <= weight * max * (1 + 1e-9));
}

const contributions = listOf(
  anObject.pipe(
    needed(
      "{metric, value, weight} with a weight > 0 and a value from 0 to weight × max (1), or null,",
      (v) => isContribution(v as Partial<Contribution>),
    ),
  ),
);

/** A benchmark: items as they are asked, judgements with a verdict per constraint, contributions within their weights. */
export function checkedBenchmark(benchmark: Benchmark, maker: Maker): Benchmark {
  maker.checkMade(benchmark, fields({ items: aFunction, contributions: aFunction }));
  const { check } = benchmark;
  return replacing(benchmark, {
    async *items() {
      let number = 0;
      try {
        for await (const found of settledItems(benchmark.items(), maker)) {
          maker.check("items()", found, item, ` number ${number++}, from 0,`);
          yield found;
        }
      } catch (error) {
        throw maker.thrown(error);
      }
    },
    check: check && (async (asked, response) => {
      const found = await maker.run(async () => await check.call(benchmark, asked, response));
      checkJudgement(maker, "check()", found, asked.constraints, Infinity);
      return found;
    }),
    contributions(result) {
      const found = maker.run(() => benchmark.contributions(result));
      maker.check("contributions()", found, contributions);
      return found;
    },
  });
}

/** Items as `for await` takes them, each step waited for only as long as something is left that could take it. */
async function* settledItems<T>(items: AsyncIterable<T> | Iterable<T>, maker: Maker): AsyncGenerator<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let hasMore = false;
  try {
    while (true) {
      const next = await maker.run(() => iterator.next());
      if (next.done) return;
      hasMore = true;
      yield next.value;
      hasMore = false;
    }
  } finally {
    if (hasMore) await maker.run(() => iterator.return?.());
  }
}

const tokens = needed("a number >= 0", (v) => typeof v === "number" && v >= 0 && v < Infinity);
const completion = fields({
  outcome: oneOfNames("stop", "length", "thought_only", "content_filter", "context_length", "error"),
  text: anyText,
  promptTokens: tokens,
  completionTokens: tokens,
});

/** An endpoint: a text, how it ended, and counts of tokens. */
export function checkedEndpoint(endpoint: Endpoint, maker: Maker): Endpoint {
  maker.checkMade(endpoint, fields({ model: anyText, complete: aFunction, close: aFunction }));
  const { prepare } = endpoint;
  return replacing(endpoint, {
    prepare: prepare && ((say) => maker.run(async () => await prepare.call(endpoint, say))),
    close: () => maker.run(async () => await endpoint.close()),
    async complete(request, signal) {
      const found = await maker.run(async () => await endpoint.complete(request, signal));
      maker.check("complete()", found, completion);
      return found;
    },
  });
}
