/**
 * What a run starts from: the tensors that it trains, its steps, and the checkpoint that it continues from.
 * @module
 */
import { openModel } from "../../../formats/hf_model/mod.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import type { ReferenceModel, TrainerInputs } from "../../kinds/trainer.ts";
import { type BatchPlan, planBatches } from "./batches/batches.ts";
import { rowsOfStep } from "./batches/steps.ts";
import { checkStepsLeft, resume, type Resumed } from "./resume.ts";
import { ReferenceCache } from "./scoring/reference.ts";
import type { PissaStart } from "./target/pissa.ts";
import { pissaOfRun } from "./target/pissa_of_run.ts";
import { checkResumedForm } from "./target/resumed_form.ts";
import { makeTarget } from "./target/make_target.ts";
import { readTrained } from "./target/read_trained.ts";
import type { Target, Tensors } from "./target/target.ts";
import { type ValueHeadStart, valueHeadStart } from "./target/value_head.ts";

/** A run before its engine is there. */
export interface RunStart {
  target: Target;
  plan: BatchPlan;
  /** Singular parts that adapters begin from; null: they don't. */
  pissa: PissaStart | null;
  /** Of a reward model, before the first step; null: there is none. */
  valueHead: ValueHeadStart | null;
  /** null: the run begins. */
  resumed: Resumed | null;
  /** Log-probabilities of the reference that are known. */
  references: ReferenceCache;
  /** Another model that is the loss's reference; null: the policy with adapters off, or none is needed. */
  reference: ReferenceModel | null;
}

/**
 * Makes what a run starts from.
 * @throws {RangeError} If the checkpoint to resume from isn't of this run
 */
export async function startOf(inputs: TrainerInputs): Promise<RunStart> {
  const { config, model, decoder, loss, resumeFrom } = inputs;
  const pissa = await pissaOfRun(inputs);
  const valueHead = loss.measure === "value" ? valueHeadStart(inputs) : null;
  const target = makeTarget(config, model, decoder, { files: inputs.files, pissa, valueHead });
  const plan = planBatches(rowsOfStep(config), inputs.train, inputs.shuffle, inputs.trainBins);
  const resumed = resumeFrom && resume(resumeFrom, inputs);
  if (resumed) checkStepsLeft(resumed, plan);
  if (resumed && resumed.changed.length > 0) {
    await checkResumedForm(resumed.checkpoint.path, target, decoder, resumed);
  }
  return {
    target,
    plan,
    pissa,
    valueHead,
    resumed,
    references: resumed?.references ?? new ReferenceCache(),
    reference: loss.needsReference ? inputs.reference ?? null : null,
  };
}

/** Gives the engine of a run that continues its trained tensors and the optimizer's. */
export async function restoreEngine(
  engine: EngineClient,
  { resumed, target }: RunStart,
  inputs: Pick<TrainerInputs, "decoder">,
): Promise<void> {
  if (!resumed) return;
  await engine.restore(await savedTensorsOf(resumed.checkpoint.path, target, inputs), resumed.optimizer);
}

/** Trained tensors of a checkpoint. */
export async function savedTensorsOf(
  path: string,
  target: Target,
  { decoder }: Pick<TrainerInputs, "decoder">,
): Promise<Tensors> {
  return await readTrained(path, target, decoder, async (folder) => (await openModel(folder)).weights);
}
