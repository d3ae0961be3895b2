/**
 * Checks of what a judge and a benchmark of one's own give: no score outside of its scale is counted.
 * @module
 */
import { z } from "zod";

import { breathing } from "../../../formats/breathing.ts";
import type { Benchmark, BenchmarkItem, Contribution, JudgeProtocol } from "../benchmark.ts";
import type { Judge } from "../judge.ts";
import type { JudgeResult } from "../judgement.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  anObject,
  anyText,
  fields,
  flag,
  isNamed,
  jsonData,
  listOf,
  namedTexts,
  needed,
  oneOfNames,
  orNothing,
  words,
} from "./schemas.ts";
import { message } from "./message.ts";

/** A score from 0 to `scale`, or null with its reason. */
function verdict(scale: number): z.ZodType {
  const limit = Number.isFinite(scale) ? `a number from 0 to ${scale}` : "a number >= 0";
  const score = needed(
    `${limit}, or null,`,
    (v) => v === null || (typeof v === "number" && Number.isFinite(v) && v >= 0 && v <= scale),
  );
  return onlyFields({ score, reason: orNothing(anyText) }).pipe(
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
  { constraints, scale }: { constraints: readonly unknown[]; scale: number },
): void {
  const each = verdict(scale);
  const count = `a list of ${constraints.length} verdicts, one per constraint,`;
  const onePerConstraint = needed(count, (v) => Array.isArray(v) && v.length === constraints.length).pipe(
    listOf(each),
  );
  maker.check(
    where,
    found,
    onlyFields({
      constraints: onePerConstraint,
      overall: each,
      raw: anyText,
      members: orNothing(listOf(fields({ judge: words, judgement: anObject }))),
      readings: orNothing(mapOf(onePerConstraint)),
      reading: orNothing(oneOfNames("complete", "partial", "none")),
      cut: orNothing(flag),
      listed: orNothing(listOf(needed("a finite number", (v) => Number.isFinite(v)))),
    }),
  );
}

/** A map of names to what `each` says. */
function mapOf(each: z.ZodType): z.ZodType {
  return anObject.pipe(z.record(z.string(), each));
}

/** A judge: one verdict per constraint, none outside of the scale. */
export function checkedJudge(judge: Judge, maker: Maker): Judge {
  maker.checkMade(
    judge,
    productFields({
      judge: aFunction,
      scale: needed(
        "a number > 0, or null,",
        (v) => v === null || (typeof v === "number" && v > 0 && v < Infinity),
      ),
    }, {
      title: orNothing(words),
      identity: orNothing(jsonData),
      endpoints: orNothing(listOf(anObject)),
    }),
  );
  return replacing(judge, {
    async judge(request, signal) {
      const found = await maker.run(async () => await judge.judge(frozenCopy(request), signal));
      const scale = judge.scale ?? request.protocol?.scale ?? Infinity;
      checkJudgement(maker, "judge()", found, { constraints: request.constraints, scale });
      return found;
    },
  });
}

const messages = needed("a list of messages that isn't empty", (v) => Array.isArray(v) && v.length > 0).pipe(
  listOf(message),
);
const item = onlyFields({
  id: words,
  messages,
  constraints: listOf(
    onlyFields({
      text: anyText,
      groups: namedTexts,
      rule: orNothing(onlyFields({ id: words, kwargs: anObject })),
    }),
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

const anything = z.unknown();
const contributions = listOf(
  onlyFields({ metric: anything, value: anything, weight: anything, group: anything, max: anything }).pipe(
    needed(
      "{metric, value, weight, group: {by, name} or nothing, max > 0 or nothing (1)} with a weight > 0 and a value from 0 to weight × max, or null,",
      (v) => isContribution(v as Partial<Contribution>),
    ),
  ),
);

/** A protocol: what it asks a judge model is a conversation, and what it reads of its text is a judgement within its scale. */
function checkedProtocol(protocol: JudgeProtocol, maker: Maker): JudgeProtocol {
  const { scale, structured } = protocol;
  return replacing(protocol, {
    messages: (asked, response) =>
      maker.checked("protocol.messages()", messages, () => protocol.messages(frozenCopy(asked), response)),
    read(asked, text, cut) {
      const found = maker.run(() => protocol.read(frozenCopy(asked), text, cut));
      checkJudgement(maker, "protocol.read()", found, { constraints: asked.constraints, scale });
      return found;
    },
    structured: replacing(structured, {
      schema: (asked, response) =>
        maker.checked(
          "protocol.structured.schema()",
          jsonData,
          () => structured.schema(frozenCopy(asked), response),
        ),
      read(asked, text, response, cut) {
        const found = maker.run(() => structured.read(frozenCopy(asked), text, response, cut));
        checkJudgement(maker, "protocol.structured.read()", found, { constraints: asked.constraints, scale });
        return found;
      },
    }),
  });
}

/** A benchmark: items as they are asked, judgements with a verdict per constraint, contributions within their weights. */
export function checkedBenchmark(benchmark: Benchmark, maker: Maker): Benchmark {
  maker.checkMade(
    benchmark,
    productFields(
      { items: aFunction, contributions: aFunction },
      { check: orNothing(aFunction), protocol: orNothing(protocol) },
    ),
  );
  const { check, protocol: asking } = benchmark;
  if (check && asking) {
    maker.alone.refuse(
      "Cannot use create() as check or protocol, one of the two, is needed: current value has both",
    );
  }
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
    protocol: asking && checkedProtocol(asking, maker),
    check: check && (async (asked, response) => {
      const found = await maker.run(async () => await check.call(benchmark, frozenCopy(asked), response));
      checkJudgement(maker, "check()", found, { constraints: asked.constraints, scale: Infinity });
      return found;
    }),
    contributions(result) {
      const found = maker.checked(
        "contributions()",
        contributions,
        () => benchmark.contributions(frozenCopy(result)),
      );
      if (result.judgement !== null) checkNames(found, benchmark, result.item, maker);
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

/** Scores that only the judged have would be without their unscored items: thresholds and denominators would be wrong. */
function checkNames(
  found: readonly Contribution[],
  benchmark: Benchmark,
  asked: BenchmarkItem,
  maker: Maker,
): void {
  const unjudged = { item: frozenCopy(asked), response: null, judgement: null };
  const named = maker.checked("contributions()", contributions, () => benchmark.contributions(unjudged));
  const names = [...new Set(named.map(({ metric }) => metric))];
  const index = found.findIndex(({ metric }) => !names.includes(metric));
  if (index < 0) return;
  maker.refuse(
    `Cannot use contributions()[${index}].metric as one of the scores that it names of an item without a judgement (${
      names.join(", ") || "none"
    }) is needed: current value is "${found[index]?.metric}"`,
  );
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
  const breathe = breathing();
  try {
    while (true) {
      await breathe();
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
