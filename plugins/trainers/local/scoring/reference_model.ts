/**
 * The reference of another model than the policy: a pass of it alone, before the policy is loaded.
 * @module
 */
import { checkTensors } from "../../../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { ReferenceModel, TrainerInputs } from "../../../kinds/trainer.ts";
import type { BatchPlan } from "../batches/batches.ts";
import type { OpenEngine, RunSetup } from "../open_engine.ts";
import type { ReferenceCache } from "./reference.ts";
import { precomputeReferences } from "./score.ts";
import { makeTarget } from "../target/make_target.ts";

/** Rows of each split. */
type RowsBySplit = readonly (readonly [split: "train" | "eval", rows: readonly EncodedExample[]])[];

/** What a pass of a reference model is made for. */
export interface GivenReference {
  /** Of the run. */
  config: TrainerInputs["config"];
  /** Gets what it lacks. */
  references: ReferenceCache;
  /** Rows that the run will meet. */
  rows: RowsBySplit;
  /** Aborted to stop: some are missing then. */
  signal: AbortSignal;
  /** Shows rows. */
  log: Pick<TrainerInputs["log"], "phase">;
}

/**
 * Completes the reference of the rows that the run will meet, or as far as an interruption lets it; a run that lacks none opens no model.
 * @throws {RangeError} If the reference model lacks tensors
 */
export async function completeGiven(
  reference: ReferenceModel,
  { config, references, rows: splits, signal, log }: GivenReference,
  open: OpenEngine,
): Promise<void> {
  if (splits.every(([split, rows]) => rows.every((row) => references.get(split, row)))) return;
  checkTensors(reference.model.weights, tensorShapes(reference.decoder), reference.model.path);
  const engine = await open(setupOf(reference, config), reference);
  try {
    const { rows, together } = await engine.packRows(config.micro_batch_tokens ?? undefined);
    const onProgress = (done: number, total: number) => log.phase("reference log-probabilities", done, total);
    const pass = { engine, references, together, adapter: reference.adapter !== null, signal, onProgress };
    for (const [split, examples] of splits) {
      await precomputeReferences(pass, split, examples, rows);
    }
  } finally {
    await engine.close();
  }
}

/**
 * Rows that a training run will meet: those of the steps ahead, in the data's order, as a run of a few steps needn't wait for the others',
 * and those that it evaluates.
 * @param from Steps that are done
 */
export function rowsAhead(
  { config, train, evaluation }: Pick<TrainerInputs, "config" | "train" | "evaluation">,
  plan: BatchPlan,
  from: number,
): RowsBySplit {
  const met = new Set<EncodedExample>();
  for (let step = from; step < plan.totalSteps && met.size < train.length; step++) {
    for (const example of plan.step(step).flat()) met.add(example);
  }
  return [
    ["train", train.filter((example) => met.has(example))],
    ["eval", config.do_eval || config.eval_on_start ? evaluation : []],
  ];
}

/** What an engine of a reference model is made from: no optimizer, nothing that is trained. */
function setupOf(
  { model, decoder, merged, adapter, quantizationBit }: ReferenceModel,
  config: TrainerInputs["config"],
): RunSetup {
  const beside = adapter === null
    ? null
    : makeTarget({ ...config, finetuning_type: "lora", adapter_name_or_path: [adapter] }, model, decoder, {
      files: {},
    });
  return {
    modelPath: model.path,
    merged,
    decoder,
    tuning: beside?.tuning ?? { type: "none" },
    initial: beside?.initial ?? {},
    checkpointing: !config.disable_gradient_checkpointing,
    quantizationBit,
    seed: config.seed,
    optimizer: null,
  };
}
