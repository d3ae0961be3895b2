/**
 * Results of a synthesis, as results.json has them.
 * @module
 */
import { cohenKappa } from "../eval/statistics/kappa.ts";
import type { FailureCount, Failures } from "../ask/failures.ts";
import type { Usage } from "../ask/usage.ts";
import type { JudgeAgreement } from "./agreement.ts";
import { apportion } from "./choose.ts";
import type { SynthConfig } from "./config.ts";
import { type Draft, OPERATIONS, type SynthStep, WORSE_ORIGINS } from "./draft.ts";
import { countFunnel, type Funnel } from "./funnel.ts";
import type { SynthModels, SynthPlan } from "./open_shop.ts";
import type { Made } from "./rounds.ts";
import type { StepCost } from "./step_asker.ts";
import type { Workshop } from "./workshop.ts";

/** Wanted and got. */
export interface WantedShare {
  /** Number of constraints, type, operation. */
  name: string;
  /** Share that the configuration asks for, in [0, 1]. */
  wanted: number;
  /** Share of the rows, in [0, 1]; null without rows. */
  got: number | null;
  /** Rows or constraints. */
  count: number;
}

/** Agreement of judges on one question. */
export interface AgreementResult {
  /** The question, in words. */
  question: string;
  /** Things that two verdicts were given on. */
  units: number;
  /** Those with the same verdicts. */
  same: number;
  /** Krippendorff's alpha, or Cohen's kappa of the two criteria; null where it isn't defined. */
  alpha: number | null;
  /** Verdicts that couldn't be read. */
  unread: number;
}

/** See the module's text. */
export interface Results {
  /** Rows wanted and made. */
  rows: { wanted: number; made: number };
  /** True if every wanted row is there. */
  complete: boolean;
  /** Why it stopped before its end; null when it didn't. */
  stopped: string | null;
  /** Models that wrote and judged. */
  models: { generator: string; judges: string[] };
  /** Seeds that were read and left out. */
  seeds: { read: number; used: number; left: Record<string, number> };
  /** Rows that must not get in, by file. */
  excluded: Record<string, number>;
  /** The way of the drafts. */
  funnel: Funnel;
  /** Rows by number of constraints. */
  counts: WantedShare[];
  /** Constraints by type. */
  types: WantedShare[];
  /** Rows by the operation that made x2. */
  operations: WantedShare[];
  /** Rows by the origin of DPO's worse answer; empty without that view. */
  worse: Record<string, number>;
  /** Share of constraints of x1 that a rule checks, in [0, 1]; null without rows. */
  by_rules: number | null;
  /** Costs of each step over all starts, and its cost per row; null without rows. */
  costs: ({ step: SynthStep; per_row: number | null } & StepCost)[];
  /** Sum of the costs over the rows; null without rows or prices. */
  cost_per_row: number | null;
  /** Agreement of judges on one question. */
  agreement: AgreementResult[];
  /** Errors of this start. */
  failures: FailureCount[];
  /** Requests and tokens of this start. */
  usage: Usage;
  /** Remarks that were printed. */
  notes: string[];
}

/** Counts everything. */
export function resultsOf(
  { plan, shop, made, failures, usage, models }: {
    plan: SynthPlan;
    shop: Workshop;
    made: Made;
    failures: Failures;
    usage: Usage;
    models: SynthModels;
  },
): Results {
  const { config } = shop;
  const { rows } = made;
  const constraints = rows.flatMap(({ parts }) => parts?.constraints ?? []);
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const costs = [...shop.asker.costs()].map(([step, cost]) => ({
    step,
    ...cost,
    per_row: rows.length === 0 ? null : cost.cost / rows.length,
  }));
  const priced = models.endpoints.every(({ prices, spends }) => prices !== undefined || spends === false);
  return {
    rows: { wanted: plan.slots.length, made: rows.length },
    complete: rows.length === plan.slots.length,
    stopped: made.stopped?.message ?? null,
    models: {
      generator: models.generator.model,
      judges: models.judges.map(({ endpoint }) => endpoint.model),
    },
    seeds: {
      read: plan.seeds.read,
      used: plan.seeds.seeds.length,
      left: Object.fromEntries(plan.seeds.left),
    },
    excluded: Object.fromEntries(plan.parts.exclusion.rows),
    funnel: countFunnel(made.drafts, made.open, stepsOf(config)),
    counts: shares(plan.counts, rows.map(({ parts }) => String(parts?.constraints.length))),
    types: shares(plan.types, constraints.map(({ type }) => type)),
    operations: config.views.includes("iopo")
      ? shares(new Map(OPERATIONS.map((name) => [name, 1])), rows.map(({ slot }) => slot.operation))
      : [],
    worse: config.views.includes("dpo") ? worseOrigins(rows) : {},
    by_rules: constraints.length === 0
      ? null
      : constraints.filter(({ rule }) => rule !== undefined).length / constraints.length,
    costs,
    cost_per_row: rows.length === 0 || !priced ? null : sum(costs.map(({ cost }) => cost)) / rows.length,
    agreement: agreementsOf(shop),
    failures: failures.list(),
    usage,
    notes: plan.notes,
  };
}

/** Rows by the origin of their worse answer, those that there are. */
function worseOrigins(rows: readonly Draft[]): Record<string, number> {
  const counts = WORSE_ORIGINS.map((origin): [string, number] => [
    origin,
    rows.filter(({ worseOrigin }) => worseOrigin === origin).length,
  ]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** Steps that a run has, by what it makes. */
export function stepsOf(
  { verify, views, cross_check, hindsight }: Pick<
    SynthConfig,
    "verify" | "views" | "cross_check" | "hindsight"
  >,
): SynthStep[] {
  const judged = verify === "judge", iopo = views.includes("iopo");
  return [
    ...judged ? ["expand", "structure", "completeness", "redundancy"] as const : ["structure"] as const,
    ...["exclusion", "duplicates", "answer"] as const,
    ...judged ? ["evaluation"] as const : [],
    ...views.includes("dpo") ? ["worse"] as const : [],
    ...iopo ? ["change", "exclusion of x2", "answer to x2"] as const : [],
    ...iopo && judged
      ? ["evaluation of y2", ...cross_check ? ["cross-check"] as const : [], "group"] as const
      : [],
    ...hindsight && !judged ? ["duplicates at the end"] as const : [],
  ];
}

function shares(weights: ReadonlyMap<string, number>, names: readonly string[]): WantedShare[] {
  const total = [...weights.values()].reduce((a, b) => a + b, 0);
  const got = Map.groupBy(names, (name) => name);
  return [...new Set([...weights.keys(), ...got.keys()])].map((name) => {
    const count = got.get(name)?.length ?? 0;
    return {
      name,
      wanted: (weights.get(name) ?? 0) / total,
      got: names.length === 0 ? null : count / names.length,
      count,
    };
  });
}

function agreementsOf({ agreements, evaluation, criteria, judges }: Workshop): AgreementResult[] {
  if (judges.length === 0) return [];
  const result = (question: string, { units, same, alpha, unread }: JudgeAgreement) => ({
    question,
    units,
    same,
    alpha,
    unread,
  });
  const pairs = criteria.map(([a, b]): [number, number] => [Number(a), Number(b)]);
  return [
    {
      question: "complete, and nothing twice (Cohen's kappa of the two criteria)",
      units: pairs.length,
      same: pairs.filter(([a, b]) => a === b).length,
      alpha: cohenKappa(pairs),
      unread: 0,
    },
    result("the parts are complete", agreements.completeness),
    result("nothing stands there twice", agreements.redundancy),
    result("an answer has full scores", evaluation.agreement),
    result("the group is sound", agreements.group),
  ];
}

/** Rows as they were laid out, for `--dry-run`. */
export function wantedShares(plan: SynthPlan): { counts: Map<string, number>; types: Map<string, number> } {
  const total = plan.slots.reduce((sum, { types }) => sum + types.length, 0);
  return { counts: apportion(plan.slots.length, plan.counts), types: apportion(total, plan.types) };
}

/** A row's text for reports. */
export function rowText({ x1 = "", y1 = "", x2, y2, worse }: Draft): [name: string, text: string][] {
  const fields: [string, string | undefined][] = [["x1", x1], ["y1", y1], ["x2", x2], ["y2", y2], [
    "worse than y1",
    worse,
  ]];
  return fields.flatMap(([name, text]) => text === undefined ? [] : [[name, text] as [string, string]]);
}
