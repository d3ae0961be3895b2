/**
 * A checkpoint that a run continues from: whether it is of this run, and what of it still holds.
 * @module
 */
import { configHash } from "../../../formats/hf_model/mod.ts";
import type { NamedArrays } from "../../../kernels/engine/optimizer/optimizer.ts";
import type { TrainerInputs } from "../../kinds/trainer.ts";
import {
  checkpointDifferences,
  type CheckpointState,
  isConfigChanged,
  readCheckpoint,
} from "./checkpoints/checkpoint.ts";
import type { Checkpoint } from "./checkpoints/checkpoint_directory.ts";
import { ReferenceCache } from "./scoring/reference.ts";
import { checkResumedOptimizer } from "./target/resumed_form.ts";

/** What a run continues from. */
export interface Resumed {
  checkpoint: Pick<Checkpoint, "path" | "step">;
  state: CheckpointState;
  optimizer: NamedArrays;
  /** Those of the checkpoint that are still of this run's rows. */
  references: ReferenceCache;
  /** Lines that say what differs from the run that left it, which `allow_changes` allows. */
  changed: readonly string[];
}

/**
 * A checkpoint's state, once it is sure that it is of this run.
 * @throws {RangeError} If the run has changed and `allow_changes` isn't set, or the optimizer keeps other values
 */
export function resume(checkpoint: Resumed["checkpoint"], inputs: TrainerInputs): Resumed {
  const { path } = checkpoint;
  const { config, changes, model, dataHash, loss, reference, log } = inputs;
  const { state, optimizer, references: sums } = readCheckpoint(path);
  checkResumedOptimizer(path, changes(state.config));
  const lines = checkpointDifferences(state, {
    changes,
    dataHash,
    modelHash: model.weights.hash(),
    modelConfigHash: configHash(model),
    ...(loss.needsReference && reference && { referenceHash: reference.hash }),
  });
  if (lines.length && !config.allow_changes) {
    throw new RangeError(
      `Cannot resume from ${path} as the run has changed:\n  ${lines.join("\n  ")}\n` +
        "Undo the changes, start in another output_dir, or set allow_changes: true to continue with them",
    );
  }
  for (const line of lines) log.warn(`changed since the checkpoint: ${line}`);
  const references = new ReferenceCache();
  if (areReferencesOf(state, inputs)) references.load(sums);
  return { checkpoint, state, optimizer, references, changed: lines };
}

/** True if a checkpoint's reference log-probabilities are still those of this run's rows, which they are kept by number for. */
function areReferencesOf(
  state: CheckpointState,
  { config, changes, model, dataHash, reference }: Pick<
    TrainerInputs,
    "config" | "changes" | "model" | "dataHash" | "reference"
  >,
): boolean {
  if (state.dataHash !== dataHash || state.referenceHash !== reference?.hash) return false;
  if (reference) return true;
  // where the model's own weights are trained they are those of the model that the run began from, which only they keep
  if (config.finetuning_type !== "lora") return true;
  return state.modelHash === model.weights.hash() && !isConfigChanged(state, configHash(model)) &&
    !changes(state.config).some(({ key }) => key === "quantization_bit");
}

/**
 * Makes sure that a run doesn't end before its checkpoint: what it would write is of more steps than it says. A checkpoint of the last
 * step has all but the final files.
 * @throws {RangeError} If it does
 */
export function checkStepsLeft(
  { checkpoint: { path }, state: { step } }: Pick<Resumed, "checkpoint" | "state">,
  { totalSteps }: { totalSteps: number },
): void {
  if (step <= totalSteps) return;
  throw new RangeError(
    `Cannot resume from ${path} as the run ends before it: it has ${totalSteps} ${
      totalSteps === 1 ? "step" : "steps"
    } in all, the checkpoint is of step ${step}. Raise max_steps (or num_train_epochs), resume from an earlier checkpoint, or start in ` +
      "another output_dir",
  );
}
