/**
 * The checkpoint that a run with `load_best_model_at_end` ends with.
 * @module
 */
import { dirname, join } from "@std/path";

import type { EngineClient } from "../../../../kernels/engine/host.ts";
import type { LogSink } from "../../../kinds/log_sink.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { BestSoFar } from "../../schedule_points.ts";
import { checkCheckpoint, type CheckpointState } from "./checkpoint.ts";
import { type Checkpoint, commitCheckpoint, listCheckpoints } from "./checkpoint_directory.ts";
import type { CarriedOverSteps } from "../scoring/carried.ts";

/** Keys that say whether and where the best checkpoint is needed. */
type BestKeys = Pick<TrainConfig, "output_dir" | "load_best_model_at_end">;

/**
 * Copies the best checkpoint so far into `output_dir` where a run goes on from a checkpoint of another folder, beside which it lies: at the
 * end it is looked for in `output_dir`, by a run that was resumed once more, too. The checkpoint that the run goes on from is copied with
 * it, so that what is killed before it has saved goes on from that one, not from the best before.
 * @param resumedFrom The checkpoint that the run goes on from
 */
export async function keepBestAtHand(
  { output_dir, load_best_model_at_end }: BestKeys,
  resumedFrom: Pick<Checkpoint, "path" | "step">,
  best: BestSoFar | null,
): Promise<void> {
  if (!load_best_model_at_end || !best || find(output_dir, best.step)) return;
  const source = find(dirname(resumedFrom.path), best.step);
  if (!source) return;
  const copyBest = () => commitCheckpoint(output_dir, best.step, (path) => copyFiles(source.path, path));
  if (best.step === resumedFrom.step) return void await copyBest();
  await commitCheckpoint(output_dir, resumedFrom.step, async (path) => {
    await copyFiles(resumedFrom.path, path);
    // whole before the later one is: that one without it would end with the last weights
    await copyBest();
  });
}

async function copyFiles(from: string, to: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(join(from, name), join(to, name));
  }
}

function find(directory: string, step: number) {
  return listCheckpoints(directory).find((candidate) => candidate.step === step);
}

/**
 * Puts the best checkpoint's weights back for `load_best_model_at_end`, and what its loss carried. Whether it did.
 * @param read Trained tensors of a checkpoint
 * @throws {RangeError} If they are damaged and the last step has a checkpoint, so that nothing is lost
 */
export async function restoreBest(
  { config, engine, log, carried }: {
    config: BestKeys;
    engine: Pick<EngineClient, "restore">;
    log: Pick<LogSink, "warn">;
    carried?: CarriedOverSteps;
  },
  { best, step }: { best: BestSoFar | null; step: number },
  read: (path: string) => Promise<Record<string, Float32Array>>,
): Promise<boolean> {
  if (!config.load_best_model_at_end || !best || best.step === step) return false;
  const all = listCheckpoints(config.output_dir);
  const checkpoint = all.find((candidate) => candidate.step === best.step);
  if (!checkpoint) {
    log.warn(
      `the best step ${best.step} has no checkpoint in ${config.output_dir}, so the last weights are kept`,
    );
    return false;
  }
  let state: CheckpointState;
  try {
    state = checkCheckpoint(checkpoint.path);
  } catch (error) {
    const { message } = error as Error;
    if (all.at(-1)?.step !== step) {
      log.warn(`the best step ${best.step} can't be loaded, so the last weights are kept. ${message}`);
      return false;
    }
    throw new RangeError(
      `Cannot load the best weights, of step ${best.step}, for load_best_model_at_end. ${message}. With ` +
        "load_best_model_at_end: false and resume_from_checkpoint: true the run ends with its last weights",
      { cause: error },
    );
  }
  await engine.restore(await read(checkpoint.path), null);
  carried?.restore({ ...state, path: checkpoint.path }, (line) => log.warn(line));
  return true;
}
