/**
 * The trainer of this project: trains in this process, on the kernels of this project.
 * @module
 */
import { z } from "zod";

import { checkTensors, openModel } from "../../../formats/hf_model/mod.ts";
import { startEngine } from "../../../kernels/engine/remote.ts";
import { chooseBackend } from "../../../kernels/engine/backends.ts";
import { tensorShapes } from "../../../kernels/engine/decoder.ts";
import { listCheckpoints } from "./checkpoint_directory.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { DEFAULT_ROWS, planRun } from "./batches.ts";
import { checkpointDifferences, readCheckpoint } from "./checkpoint.ts";
import { evaluate } from "./evaluate.ts";
import { trainLoop } from "./loop.ts";
import { ReferenceCache } from "./reference.ts";
import { precomputeReferences } from "./score.ts";
import { makeTarget, readTrained } from "./setup.ts";

const options = z.strictObject({});

async function train(inputs: TrainerInputs): Promise<TrainerResult> {
  const { config, model, decoder, loss, evaluation, resumeFrom, log, signal, dataHash } = inputs;
  checkTensors(model.weights, tensorShapes(decoder), model.path);
  const modelHash = model.weights.hash();
  const target = makeTarget(config, model, decoder, inputs.files);
  const plan = planRun(config, inputs.train, inputs.shuffle && !config.disable_shuffling, inputs.trainBins);
  const references = new ReferenceCache();
  const resumed = resumeFrom && readCheckpoint(resumeFrom.path);
  if (resumed) {
    const lines = checkpointDifferences(resumed.state, { dataHash, modelHash, changes: inputs.changes });
    if (lines.length && !config.allow_changes) {
      throw new RangeError(
        `Cannot resume from ${resumeFrom.path} as the run has changed:\n  ${lines.join("\n  ")}\n` +
          "Undo the changes, start anew, or say allow_changes: true to go on with them",
      );
    }
    lines.forEach((line) => log.warn(`changed since the checkpoint: ${line}`));
    references.load(resumed.references);
    log.restore(resumed.state.log);
  }
  const { choice, why } = await chooseBackend(config);
  if (config.backend === "auto") log.note?.(`backend: ${choice.backend}, because ${why}`);
  log.phase("loading the model", 0, 1);
  const engine = await startEngine({
    modelPath: model.path,
    decoder,
    tuning: target.tuning,
    initial: target.initial,
    checkpointing: !config.disable_gradient_checkpointing,
    seed: config.seed,
    device: choice,
    optimizer: {
      betas: [config.adam_beta1, config.adam_beta2],
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
    },
  });
  try {
    const load = (directory: string) => readTrained(directory, target, decoder, openWeights);
    if (resumeFrom) await engine.restore(await load(resumeFrom.path), resumed!.optimizer);
    log.phase("loading the model", 1, 1);
    // On a GPU it says how the weights are stored.
    if (choice.backend === "webgpu") log.note?.(await engine.describe());
    const scoring = { engine, loss, references };
    if (config.do_train && config.finetuning_type === "full" && loss.needsReference) {
      // After a resumed checkpoint the engine's weights aren't the reference any more: its cache must have every row.
      if (resumed) requireReferences(references, inputs);
      for (const [split, examples] of [["train", inputs.train], ["eval", evaluation]] as const) {
        const tell = (done: number, total: number) => log.phase("reference log-probabilities", done, total);
        await precomputeReferences(
          scoring,
          split,
          examples,
          config.micro_batch_tokens ?? DEFAULT_ROWS,
          signal,
          tell,
        );
      }
      if (signal.aborted) return { directory: config.output_dir, finished: false, metrics: {} };
    }
    const from = { step: resumed?.state.step ?? 0, best: resumed?.state.best ?? null };
    const result = config.do_train
      ? await trainLoop({ ...inputs, ...scoring, plan, target, modelHash, from })
      : { step: 0, best: null, finished: true, evaluation: null };
    if (!result.finished) return { directory: config.output_dir, finished: false, metrics: {} };
    const restored = config.load_best_model_at_end && result.best && result.best.step !== result.step;
    if (restored) {
      const checkpoint = listCheckpoints(config.output_dir).find((c) => c.step === result.best!.step);
      if (!checkpoint) {
        log.warn(`the best step ${result.best!.step} was not saved, so the last weights are kept`);
      } else await engine.restore(await load(checkpoint.path), null);
    }
    if (config.do_train) target.save(config.output_dir, await engine.trained());
    const metrics = !restored && result.evaluation ||
      (config.do_eval && evaluation.length
        ? await evaluate(scoring, evaluation, {
          batch: config.per_device_eval_batch_size,
          budget: config.micro_batch_tokens ?? DEFAULT_ROWS,
          signal,
          onProgress: (done, total) => log.phase("evaluation", done, total),
        })
        : null);
    return {
      directory: config.output_dir,
      finished: metrics !== null || !signal.aborted,
      metrics: metrics ?? {},
    };
  } finally {
    await engine.close();
  }
}

function requireReferences(references: ReferenceCache, { train, evaluation }: TrainerInputs): void {
  const has = train.every((e) => references.get("train", e)) &&
    evaluation.every((e) => references.get("eval", e));
  if (!has) {
    throw new RangeError(
      "Cannot resume as the checkpoint lacks reference log-probabilities of some rows. Start anew",
    );
  }
}

async function openWeights(path: string) {
  return (await openModel(path)).weights;
}

/** Trains here, on the backend that the configuration names. */
const local: Plugin<"trainer", typeof options> = definePlugin({
  kind: "trainer",
  name: "local",
  version: "1",
  description: "Trains in this process, on CPU or GPU, without Python.",
  options,
  create: () => ({ train }),
});
export default local;
