/**
 * Parts of a synthesis, made from its configuration.
 * @module
 */
import { traceProtocol } from "../../plugins/benchmarks/trace/trace.ts";
import { modelJudge } from "../../plugins/judges/model.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import { placed, type PlaceOf } from "../../plugins/kinds/place.ts";
import { SamplingOptions } from "../../plugins/kinds/sampling.ts";
import type { Registry } from "../../plugins/registry.ts";
import { makeModel } from "../eval/parts.ts";
import type { SynthConfig } from "./config.ts";
import { OPERATIONS, type WantedRow } from "./draft.ts";
import { AnswerCheck, type JudgeModel } from "./evaluation.ts";
import { Exclusion } from "./exclusion.ts";
import { Prompts } from "./prompts.ts";
import { RuleBank } from "./rule_bank.ts";
import { readSeeds, type Seeds } from "./seeds.ts";
import { makeSlots, PAPER_COUNTS, typeWeights } from "./slots.ts";
import type { StepAsker } from "./step_asker.ts";
import { readTaxonomy } from "./taxonomy.ts";
import { noAgreements, type Workshop } from "./workshop.ts";

/** Everything but who is asked. */
export interface SynthPlan {
  /** Parts without endpoints. */
  parts: Pick<Workshop, "config" | "taxonomy" | "bank" | "prompts" | "exclusion">;
  /** Rows that are wanted. */
  slots: WantedRow[];
  /** Where they begin. */
  seeds: Seeds;
  /** Weights of types. */
  types: ReadonlyMap<string, number>;
  /** Weights of numbers of constraints. */
  counts: ReadonlyMap<string, number>;
  /** Remarks for the start. */
  notes: string[];
}

/**
 * Reads data files and lays the rows out; asks nobody.
 * @throws {RangeError} If a file isn't as needed, or the wishes can't be met
 */
export async function planSynthesis(config: SynthConfig, placeOf: PlaceOf): Promise<SynthPlan> {
  const taxonomy = placed(placeOf("taxonomy"), () => readTaxonomy(config.taxonomy));
  const bank = placed(
    placeOf(config.rules === undefined ? "bank" : "rules"),
    () => RuleBank.read(config.bank, config.rules),
  );
  const prompts = placed(placeOf("prompts"), () => new Prompts(config.prompts));
  const exclusion = await placed(placeOf("exclude"), () => Exclusion.read(config.exclude));
  const seeds = await placed(placeOf("seeds"), () => readSeeds(config.seeds, exclusion, config.duplicates));
  const possible = config.verify === "rules" ? bank.types : null;
  const { weights: types, left } = placed(
    placeOf("types"),
    () => typeWeights(config.types, taxonomy, possible),
  );
  const counts = new Map(Object.entries(config.counts === "paper" ? PAPER_COUNTS : config.counts));
  const slots = makeSlots({ rows: config.rows, counts, types, seed: config.seed });
  const notes = [
    ...left.length === 0
      ? []
      : [`no rule checks ${left.join(", ")}: their share is spread over ${[...types.keys()].join(", ")}`],
    ...config.verify === "rules" && config.generator.run_args.temperature === 0 && config.tries > 1
      ? ["generator.run_args.temperature is 0, so that each seed has one try (tries isn't used)"]
      : [],
    ...config.views.includes("iopo") ? shortOfRemovals(slots) : [],
  ];
  return { parts: { config, taxonomy, bank, prompts, exclusion }, slots, seeds, types, counts, notes };
}

/** Told where so many rows have one constraint that operations can't have equal shares. */
function shortOfRemovals(slots: readonly WantedRow[]): string[] {
  const removals = slots.filter(({ operation }) => operation === "remove").length;
  if (removals >= Math.floor(slots.length / OPERATIONS.length)) return [];
  return [
    `of one constraint nothing can be removed, so only ${removals} of ${slots.length} rows have an x2 by removal: ` +
    "the others share add and revise",
  ];
}

/** Models that are asked. */
export interface SynthModels {
  /** Writes instructions and answers. */
  generator: Endpoint;
  /** Judge them; none with `verify: rules`. */
  judges: JudgeModel[];
  /** All of them, once each. */
  endpoints: Endpoint[];
  /** The endpoints' remarks. */
  notes: string[];
}

/**
 * Makes the models that are asked.
 * @param say Gets lines that tell how far a download is
 * @throws {RangeError} If a type is unknown, or an address or a key is missing
 */
export async function openModels(
  config: SynthConfig,
  registry: Registry,
  placeOf: PlaceOf,
  say: (line: string) => void,
): Promise<SynthModels> {
  const { endpoint: generator } = await makeModel(config.generator, registry, {
    placeOf,
    key: ["generator"],
    say,
  });
  const judges: JudgeModel[] = [];
  if (config.verify === "judge") {
    const given = config.judge === undefined ? [] : [config.judge].flat();
    for (const [i, model] of given.entries()) {
      const path: [string, ...number[]] = Array.isArray(config.judge) ? ["judge", i] : ["judge"];
      const { endpoint } = await makeModel(model, registry, { placeOf, key: path, say });
      judges.push({ endpoint, judge: modelJudge(endpoint, model.run_args) });
    }
    if (given.length === 0) {
      judges.push({ endpoint: generator, judge: modelJudge(generator, SamplingOptions.parse({})) });
    }
  }
  const endpoints = [...new Set([generator, ...judges.map(({ endpoint }) => endpoint)])];
  return { generator, judges, endpoints, notes: endpoints.flatMap(({ notes = [] }) => notes) };
}

/** Puts it together. */
export function openWorkshop(
  { parts }: SynthPlan,
  { generator, judges }: Pick<SynthModels, "generator" | "judges">,
  registry: Registry,
  asker: StepAsker,
): Workshop {
  const protocol = judges.length === 0 ? null : traceProtocol(2, parts.prompts.evaluation);
  return {
    ...parts,
    generator,
    judges,
    evaluation: new AnswerCheck(registry.create("judge", "rules"), judges, protocol),
    asker,
    agreements: noAgreements(),
    criteria: [],
  };
}
