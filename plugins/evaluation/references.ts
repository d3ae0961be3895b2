/**
 * Verdicts that a judge card compares with: a file of people's, the rules of the constraints, or another run on the same
 * answers.
 * @module
 */
import type { BenchmarkItem } from "../benchmarks/benchmark.ts";
import recorded from "../judges/recorded.ts";
import rules from "../judges/rules.ts";
import type { Judge, Verdict } from "../judges/judge.ts";
import type { Reference } from "./judge_card.ts";
import { itemsOf, storedItems, type StoredRun } from "./stored.ts";

/** Verdicts of a file, see the judge `recorded`. */
export function recordedReference(path: string, scale: number, run: StoredRun): Reference {
  return ofJudge(path, recorded.create({ path, scale }), scale, run);
}

/** The rules of the constraints; constraints without a rule have no verdict. */
export function rulesReference(run: StoredRun): Reference {
  return ofJudge("rules", rules.create({}), 1, run);
}

/** Verdicts of another run, where its answers are the same. */
export async function runReference(name: string, run: StoredRun): Promise<Reference> {
  const verdicts = new Map<string, readonly Verdict[]>();
  using _store = run.store;
  for await (const { item, response, judgement } of storedItems(run)) {
    if (response !== null && judgement !== null) {
      verdicts.set(JSON.stringify([item.id, response]), judgement.constraints);
    }
  }
  return {
    name,
    scale: run.part.benchmark.protocol?.scale ?? 1,
    verdicts: (id, response) => Promise.resolve(verdicts.get(JSON.stringify([id, response])) ?? null),
  };
}

function ofJudge(name: string, judge: Judge, scale: number, run: StoredRun): Reference {
  let items: Promise<Map<string, BenchmarkItem>> | undefined;
  return {
    name,
    scale,
    async verdicts(id, response) {
      const item = (await (items ??= collect(run))).get(id);
      if (item === undefined) return null;
      const prompt = item.messages.findLast((m) => m.role === "user")?.content ?? "";
      const { constraints } = item;
      return (await judge.judge({ id, prompt, response, constraints }, new AbortController().signal))
        .constraints;
    },
  };
}

async function collect({ config, part }: StoredRun): Promise<Map<string, BenchmarkItem>> {
  const items = new Map<string, BenchmarkItem>();
  for await (const item of itemsOf(config, part)) items.set(item.id, item);
  return items;
}
