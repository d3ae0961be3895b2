/**
 * Who takes part in one start of an evaluation: the benchmark, and the model and the judge where a stage asks them.
 * @module
 */
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { needPrices } from "../../ask/usage.ts";
import type { EvalConfig } from "../config/config.ts";
import {
  type BenchmarkPart,
  type JudgePart,
  makeBenchmark,
  makeJudge,
  makeModel,
  type ModelPart,
} from "../parts.ts";
import { provenanceOf } from "./provenance.ts";
import { type EvalProvenance, readEvalRunYaml } from "../config/run_yaml.ts";
import type { EvalStage } from "./stages.ts";

/** Everyone who takes part. */
export interface Parties {
  part: BenchmarkPart;
  /** Null where nothing is generated. */
  model: ModelPart | null;
  /** Null where nothing is judged. */
  judge: JudgePart | null;
  /** Of the run that the folder holds; null without one. */
  before: EvalProvenance | null;
  /** Of this run. */
  provenance: EvalProvenance;
}

/** Options of {@linkcode makeParties}. */
export interface PartiesOptions {
  /** True for the stages that this start carries out. */
  does: (stage: EvalStage) => boolean;
  /** Gets notes, and lines that tell how far a download is. */
  say: (line: string) => void;
  /** Gets a line while a model is downloaded. */
  sayDownload: (line: string) => void;
  /** Version of the project. */
  version: string;
  /** Where keys were written, for messages. */
  placeOf: PlaceOf | undefined;
}

/**
 * Makes everyone who takes part.
 * @throws {RangeError} If a name or an option is wrong, or a budget in money meets a model without prices
 */
export async function makeParties(
  config: EvalConfig,
  registry: Registry,
  { does, say, sayDownload, version, placeOf }: PartiesOptions,
): Promise<Parties> {
  const part = makeBenchmark(config, registry, placeOf);
  const before = readEvalRunYaml(config.out_dir);
  const judge = does("judge") ? await makeJudge(config, registry, part, { placeOf, say: sayDownload }) : null;
  for (const note of judge?.notes ?? []) say(`note: ${note}`);
  const model = does("generate")
    ? await makeModel(config.model, registry, { placeOf, say: sayDownload })
    : null;
  for (const note of model?.endpoint.notes ?? []) say(`note: ${note}`);
  const provenance = provenanceOf({ part, model, judge, before, version });
  const parties = { part, model, judge, before, provenance };
  if (config.budget.money !== undefined) needPrices(endpointsOf(parties));
  return parties;
}

/** Endpoints that are asked: the model's, then the judge's. */
export function endpointsOf({ model, judge }: Pick<Parties, "model" | "judge">): Endpoint[] {
  return [...model === null ? [] : [model.endpoint], ...judge?.judge?.endpoints ?? []];
}
