/**
 * Quadruples and test instructions, and how they are shared out: nothing that has a held-out rule is trained on, no task of a
 * validation quadruple is, and no test instruction is.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { readRows } from "../../formats/records/rows.ts";
import { readRowItems } from "../../plugins/benchmarks/rows/read.ts";
import type { BenchmarkItem } from "../../plugins/kinds/benchmark.ts";
import { Draws } from "../synth/choose.ts";
import type { ReplicateConfig } from "./config.ts";

const Constraint = z.object({
  text: z.string(),
  rule: z.object({ id: z.string(), kwargs: z.record(z.string(), z.unknown()).default({}) }),
});

const text = z.string().min(1);

const Row = z.object({
  id: z.union([text, z.number()]).transform(String),
  description: text,
  x1: text,
  y1: text,
  x2: text,
  y2: text,
  worse: text.optional(),
  rejected: text.optional(),
  constraints: z.array(Constraint).min(1),
  constraints2: z.array(Constraint).min(1),
});

/** x1 with y1, x2 with y2, and an answer that is worse than y1 for x1. */
export type Quadruple =
  & Pick<z.output<typeof Row>, "id" | "description" | "x1" | "y1" | "x2" | "y2" | "constraints">
  & { worse: string };

/** Items that every method gets. */
export interface Items {
  /** To train on. */
  train: Quadruple[];
  /** To tune on: their x1. */
  validation: Quadruple[];
  /** To evaluate on: `distribution` among the groups is one of {@linkcode DISTRIBUTIONS}. */
  test: BenchmarkItem[];
  /** Items that were left out, with reasons. */
  notes: string[];
}

/** Instructions whose types of constraints were all trained on, and those with at least one of a held-out rule. */
export const DISTRIBUTIONS = ["known", "new"] as const;

/** One of {@linkcode DISTRIBUTIONS}. */
export type Distribution = typeof DISTRIBUTIONS[number];

/**
 * Reads and shares out.
 * @throws {SyntaxError} If a row isn't what is needed
 * @throws {RangeError} If too few are left of anything
 */
export async function readItems(config: ReplicateConfig): Promise<Items> {
  const held = new Set(config.held_out);
  const met = new Set<string>();
  const has = (rules: readonly { rule?: { id: string } }[]) => {
    const ids = rules.flatMap(({ rule }) => rule === undefined ? [] : [rule.id]);
    for (const id of ids) met.add(id);
    return ids.some((id) => held.has(id));
  };
  const notes: string[] = [];
  const all: Quadruple[] = [];
  let heldOut = 0;
  for await (const row of readRows(config.records, Row, ({ id }) => id)) {
    const worse = row.worse ?? row.rejected;
    if (worse === undefined) {
      throw new RangeError(
        `Cannot train DPO on ${config.records} as each row needs worse (or rejected), an answer to x1 that is worse than y1: ` +
          `current value of ${row.id} has none`,
      );
    }
    if (has([...row.constraints, ...row.constraints2])) heldOut++;
    else all.push({ ...row, worse });
  }
  if (heldOut > 0) {
    notes.push(`${heldOut} quadruples with a held-out rule are left out of training and validation.`);
  }
  const { train, validation } = split(all, config);
  const trained = new Set([...train, ...validation].flatMap(({ x1, x2 }) => [x1, x2]));
  const test: BenchmarkItem[] = [];
  const counts: Record<Distribution, number> = { known: 0, new: 0 };
  let seen = 0;
  for await (const item of readRowItems(config.test)) {
    const unruled = item.constraints.find(({ rule }) => rule === undefined);
    if (unruled !== undefined) {
      throw new RangeError(
        `Cannot evaluate on ${config.test} as rules must check every constraint: current value of ${item.id} has ` +
          `${JSON.stringify(unruled.text)} without a rule`,
      );
    }
    if (trained.has(item.messages.at(-1)?.content ?? "")) {
      seen++;
      continue;
    }
    const distribution = has(item.constraints) ? "new" : "known";
    if (counts[distribution] >= (config.test_items ?? Infinity)) continue;
    counts[distribution]++;
    test.push({ ...item, groups: { ...item.groups, distribution } });
  }
  // a misspelt one would be trained on after all
  const strange = config.held_out.find((id) => !met.has(id));
  if (strange !== undefined) {
    throw new RangeError(
      `Cannot hold out the rule "${strange}" as neither ${config.records} nor ${config.test} has it${
        didYouMean(strange, [...met])
      }: they have ${[...met].sort().join(", ")}`,
    );
  }
  if (seen > 0) notes.push(`${seen} test instructions that are among those of training are left out.`);
  for (const distribution of DISTRIBUTIONS) {
    if (counts[distribution] >= 2) continue;
    throw new RangeError(
      `Cannot evaluate on ${config.test} as each distribution needs two instructions: current value has ` +
        `${counts[distribution]} of ${distribution} types (held_out: ${config.held_out.join(", ")})`,
    );
  }
  return { train, validation, test, notes };
}

/** Whole tasks go to the validation, in an order of the seed, until it has enough. */
function split(
  all: readonly Quadruple[],
  { validation_items, train_items, records, quads, seed }: ReplicateConfig,
): Pick<Items, "train" | "validation"> {
  const tasks = Map.groupBy(all, ({ description }) => description);
  const validation: Quadruple[] = [], rest: Quadruple[] = [];
  for (const task of new Draws(seed, "validation").shuffled([...tasks.keys()])) {
    (validation.length < validation_items ? validation : rest).push(...tasks.get(task) ?? []);
  }
  const train = new Draws(seed, "training").shuffled(rest).slice(0, train_items);
  if (train.length < quads) {
    throw new RangeError(
      `Cannot train on ${records} as ${quads} quadruples at least are needed: current value is ${train.length} beside ` +
        `${validation.length} of the validation, of ${all.length} without a held-out rule`,
    );
  }
  return { train, validation };
}
