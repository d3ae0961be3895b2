/**
 * A run from its inputs to its files, on whichever engine: resume, the loop, the best weights, the last evaluation.
 * @module
 */
import { checkTensors, configHash } from "../../../formats/hf_model/mod.ts";
import { release } from "../../../formats/release.ts";
import { tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { keepBestAtHand, restoreBest } from "./checkpoints/best_checkpoint.ts";
import { trainLoop } from "./loop/loop.ts";
import type { LoopInputs } from "./loop/loop_inputs.ts";
import type { LoopResult } from "./loop/loop_run.ts";
import type { OpenEngine } from "./open_engine.ts";
import { rowsOfPacks } from "./rows_of_packs.ts";
import { restoreEngine, type RunStart, savedTensorsOf, startOf } from "./run_start.ts";
import { CarriedOverSteps } from "./scoring/carried.ts";
import { evaluateSets } from "./scoring/evaluate.ts";
import type { OpenRollouts, RolloutsOfRun } from "./rollouts/open_rollouts.ts";
import { atTemperature } from "./rollouts/temperature.ts";
import { completeGiven, rowsAhead } from "./scoring/reference_model.ts";
import { precomputeReferences } from "./scoring/score.ts";
import { residualFolder } from "./target/pissa_of_run.ts";
import { engineSetup } from "./target/engine_setup.ts";
import { valueHeadNote } from "./target/value_head.ts";

const INTERRUPTED: TrainerResult = { files: [], finished: false, metrics: {} };

/**
 * Carries out a run on an engine: the same for every trainer that has one.
 * @param open Makes the engine of a model; closed at the end, that of a reference model before the policy's is made
 * @param openRollouts Makes what draws the answers of stage grpo; absent where a trainer can't
 * @throws {RangeError} If a model lacks tensors, or the checkpoint to resume from isn't of this run
 */
export async function carryOut(
  inputs: TrainerInputs,
  open: OpenEngine,
  openRollouts?: OpenRollouts,
): Promise<TrainerResult> {
  const { config, model, decoder, loss } = inputs;
  checkTensors(model.weights, tensorShapes(decoder), model.path);
  const start = await startOf(inputs), { pissa, target, reference } = start;
  if (reference) {
    const rows = rowsAhead(inputs, start.plan, start.resumed?.state.step ?? 0);
    await completeGiven(reference, { ...inputs, references: start.references, rows }, open);
  }
  using residual = pissa && residualFolder(pissa, inputs);
  const merged = [...inputs.merged ?? [], ...residual ? [residual.path] : []];
  const learnt = inputs.rollout ? { ...inputs, decoder: atTemperature(decoder, config.temperature) } : inputs;
  const engine = await open(engineSetup(learnt, target, merged), inputs);
  let rollouts: RolloutsOfRun | null = null;
  try {
    rollouts = openRollouts?.(inputs, target, engine) ?? null;
    await restoreEngine(engine, start, inputs);
    inputs.begin();
    await continueLog(start, inputs);
    const run = { ...await loopInputs(start, inputs, engine), ...(rollouts && { rollouts }) };
    // where that is interrupted, the loop saves what there is of them
    if (config.finetuning_type !== "lora" && loss.needsReference && !reference) {
      await completeReferences(run, inputs);
    }
    const result = await trainLoop(run);
    return result.finished ? await finish(run, result, inputs) : INTERRUPTED;
  } finally {
    try {
      await rollouts?.close();
    } finally {
      await engine.close();
    }
  }
}

/** Says what the run begins with, or puts the log back to where its checkpoint stands. */
async function continueLog({ valueHead, resumed }: RunStart, inputs: TrainerInputs): Promise<void> {
  const { config, log } = inputs;
  if (valueHead && !resumed) log.note?.(valueHeadNote(valueHead, inputs));
  if (!resumed) return;
  log.restore(resumed.state.log);
  await keepBestAtHand(config, resumed.checkpoint, resumed.state.best);
}

async function loopInputs(
  { target, plan, resumed, references, reference }: RunStart,
  inputs: TrainerInputs,
  engine: EngineClient,
): Promise<LoopInputs> {
  const { config, model, loss, log } = inputs;
  const { rows, together } = await rowsOfPacks(config, resumed?.state, engine, log);
  const carried = loss.carried && new CarriedOverSteps(loss);
  if (resumed) {
    carried?.restore({ ...resumed.state, path: resumed.checkpoint.path }, (line) => log.warn(line));
  }
  return {
    ...inputs,
    config: { ...config, micro_batch_tokens: rows },
    together,
    accuracy: config.compute_accuracy && config.stage === "sft",
    engine,
    target,
    references,
    ...(reference && { isReferenceGiven: true, referenceHash: reference.hash }),
    ...(carried && { carried }),
    dropout: Math.max(
      target.tuning.type === "lora" ? target.tuning.dropout : 0,
      target.tuning.valueHead?.dropout ?? 0,
    ),
    neftuneAlpha: config.neftune_noise_alpha ?? 0,
    plan,
    record: inputs.record,
    modelHash: model.weights.hash(),
    modelConfigHash: configHash(model),
    from: resumed?.state ?? { step: 0, best: null },
  };
}

/**
 * Reference log-probabilities of all rows, before training changes the model itself, or as many as there are until an interruption.
 * @throws {RangeError} If a resumed run lacks some: its weights aren't the reference any more
 */
async function completeReferences(run: LoopInputs, { train, evaluation }: TrainerInputs): Promise<void> {
  const { references, signal, log, config } = run;
  const splits = [["train", train], ["eval", evaluation]] as const;
  if (
    run.from.step > 0 && !splits.every(([split, rows]) => rows.every((row) => references.get(split, row)))
  ) {
    throw new RangeError(
      "Cannot resume as the checkpoint lacks reference log-probabilities of some rows: start in another output_dir",
    );
  }
  for (const [split, examples] of splits) {
    const onProgress = (done: number, total: number) => log.phase("reference log-probabilities", done, total);
    await precomputeReferences({ ...run, signal, onProgress }, split, examples, config.micro_batch_tokens);
  }
}

/** Puts the best weights back where they are wanted, saves, and evaluates what was saved. */
async function finish(run: LoopInputs, result: LoopResult, inputs: TrainerInputs): Promise<TrainerResult> {
  const { engine, target } = run;
  const restored = await restoreBest(run, result, (path) => savedTensorsOf(path, target, inputs));
  const trained = await engine.trained(), files = target.save(inputs.trainedDir, trained);
  release(Object.values(trained));
  const metrics = await finalEvaluation(run, result, restored, inputs.config.do_eval);
  // after other weights are put back, the checkpoint that they came from is the one to continue from
  if (!metrics && !restored) await result.keep();
  return metrics ? { files, finished: true, metrics } : INTERRUPTED;
}

/** Metrics of the weights that were saved: {} without evaluation, null when interrupted. */
async function finalEvaluation(
  run: LoopInputs,
  { evaluation: metrics }: LoopResult,
  restored: boolean,
  evaluates: boolean,
): Promise<Record<string, number> | null> {
  if (!evaluates || run.evaluation.length === 0) return {};
  if (metrics && !restored) return metrics;
  return await evaluateSets(run, run, {
    batch: run.config.per_device_eval_batch_size,
    budget: run.config.micro_batch_tokens,
    signal: run.signal,
    onProgress: (done, total) => run.log.phase("evaluation", done, total),
  });
}
