/**
 * Checks of what a judge, a benchmark and an endpoint of one's own give: no score outside of its scale is counted.
 * @module
 */
import { z } from "zod";

import type { Benchmark, Contribution } from "../benchmark.ts";
import type { Endpoint, Failure } from "../endpoint.ts";
import type { Judge } from "../judge.ts";
import type { JudgeResult } from "../judgement.ts";
import { frozenCopy } from "./frozen.ts";
import {
  aFunction,
  anObject,
  anyText,
  fields,
  flag,
  isNamed,
  listOf,
  type Maker,
  namedTexts,
  needed,
  oneOfNames,
  orNothing,
  replacing,
  words,
} from "./maker.ts";

const FAILURES = [
  ...["auth", "not_found", "quota", "refused", "connection", "timeout", "rate_limit", "server"] as const,
  ...["bad_request", "settings", "redirect", "malformed", "too_large", "stopped", "missing"] as const,
] satisfies Failure["kind"][];

const jsonData = needed("a map of JSON values", (v) => {
  try {
    return isNamed(v) && JSON.stringify(v) !== undefined;
  } catch {
    return false;
  }
});

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
      scale: needed(
        "a number > 0, or null,",
        (v) => v === null || (typeof v === "number" && v > 0 && v < Infinity),
      ),
      title: orNothing(words),
      identity: orNothing(jsonData),
      endpoints: orNothing(listOf(anObject)),
    }),
  );
  return replacing(judge, {
    async judge(request, signal) {
      const found = await maker.run(async () => await judge.judge(frozenCopy(request), signal));
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
  constraints: listOf(
    fields({ text: anyText, groups: namedTexts, rule: orNothing(fields({ id: words, kwargs: anObject })) }),
  ),
  groups: namedTexts,
  fields: namedTexts,
});

const protocol = fields({
  scale: needed("a number > 0", (v) => typeof v === "number" && v > 0 && v < Infinity),
  rounds: needed("a whole number >= 1", (v) => Number.isSafeInteger(v) && (v as number) >= 1),
  messages: aFunction,
  read: aFunction,
  structured: fields({ schema: aFunction, read: aFunction }),
});

function isContribution({ metric, value, weight, group, max = 1 }: Partial<Contribution>): boolean {
  const above = (n: unknown) => typeof n === "number" && n > 0 && n < Infinity;
  if (typeof metric !== "string" || metric === "" || !above(weight) || !above(max)) return false;
  if (
    group !== undefined && !(isNamed(group) && typeof group.by === "string" && typeof group.name === "string")
  ) {
    return false;
  }
  // a sum of shares may be beyond its end by rounding
  return value === null ||
    (typeof value === "number" && value >= 0 && value <= Number(weight) * max * (1 + 1e-9));
}

const contributions = listOf(
  anObject.pipe(
    needed(
      "{metric, value, weight, group: {by, name} or nothing, max > 0 or nothing (1)} with a weight > 0 and a value from 0 to weight × max, or null,",
      (v) => isContribution(v as Partial<Contribution>),
    ),
  ),
);

/** A benchmark: items as they are asked, judgements with a verdict per constraint, contributions within their weights. */
export function checkedBenchmark(benchmark: Benchmark, maker: Maker): Benchmark {
  maker.checkMade(
    benchmark,
    fields({
      items: aFunction,
      contributions: aFunction,
      check: orNothing(aFunction),
      protocol: orNothing(protocol),
    }),
  );
  const { check } = benchmark;
  const largest = new Map<string, number>();
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
      const found = await maker.run(async () => await check.call(benchmark, frozenCopy(asked), response));
      checkJudgement(maker, "check()", found, asked.constraints, Infinity);
      return found;
    }),
    contributions(result) {
      const found = maker.run(() => benchmark.contributions(frozenCopy(result)));
      maker.check("contributions()", found, contributions);
      found.forEach(({ metric, value, max = 1 }, i) => {
        if (result.judgement === null && value !== null) {
          maker.refuse(
            `Cannot use contributions()[${i}].value as null is needed of an item without a judgement: current value is ${value}`,
          );
        }
        const known = largest.get(metric) ?? max;
        if (known !== max) {
          maker.refuse(
            `Cannot use contributions()[${i}].max as one largest value of the score ${metric} is needed: current value is ${max} and, before it, ${known}`,
          );
        }
        largest.set(metric, max);
      });
      return found;
    },
  });
}

const iterable = needed(
  "what `for await` takes (as `async *items()` gives)",
  (v) => typeof v === "object" && v !== null && (Symbol.asyncIterator in v || Symbol.iterator in v),
);

/** Items as `for await` takes them, each step waited for only as long as something is left that could take it. */
async function* settledItems<T>(items: AsyncIterable<T> | Iterable<T>, maker: Maker): AsyncGenerator<T> {
  maker.check("items()", items, iterable);
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
  thought: orNothing(anyText),
  error: orNothing(anyText),
});
const failed = fields({
  error: words,
  failure: fields({
    kind: oneOfNames(...FAILURES),
    retryable: flag,
    fatal: flag,
    retryAfterMs: orNothing(needed("a number >= 0, or nothing,", (v) => typeof v === "number" && v >= 0)),
  }),
});

const price = needed("a number >= 0", (v) => typeof v === "number" && v >= 0 && v < Infinity);
const settings = fields({
  model: anyText,
  identity: orNothing(jsonData),
  earlierIdentity: orNothing(jsonData),
  notes: orNothing(listOf(anyText, "a list of texts")),
  concurrency: orNothing(
    needed("a whole number >= 1, or nothing,", (v) => Number.isSafeInteger(v) && (v as number) >= 1),
  ),
  prices: orNothing(fields({ input: price, output: price })),
  thoughtTags: orNothing(
    listOf(
      needed(
        "a pair of texts that aren't empty",
        (v) => Array.isArray(v) && v.length === 2 && v.every((tag) => typeof tag === "string" && tag !== ""),
      ),
      "a list of pairs of texts",
    ),
  ),
});

/** An endpoint: a text, how it ended, and counts of tokens. */
export function checkedEndpoint(endpoint: Endpoint, maker: Maker): Endpoint {
  maker.checkMade(endpoint, fields({ complete: aFunction, close: aFunction }).pipe(settings));
  const { prepare } = endpoint;
  return replacing(endpoint, {
    prepare: prepare && (async (say) => {
      await maker.alone.run(async () => await prepare.call(endpoint, say));
      maker.alone.check("the endpoint after prepare()", endpoint, settings);
    }),
    close: () => maker.alone.run(async () => await endpoint.close()),
    async complete(request, signal) {
      const found = await maker.run(async () => await endpoint.complete(frozenCopy(request), signal));
      maker.check("complete()", found, completion);
      if (found.outcome === "error") maker.check("complete()", found, failed);
      return found;
    },
  });
}
