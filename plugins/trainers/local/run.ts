/**
 * A run from its inputs to its files, on whichever engine: resume, the loop, the best weights, the last evaluation.
 * @module
 */
import { checkTensors, configHash, openModel } from "../../../formats/hf_model/mod.ts";
import { writeAdapter } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import { DEFAULT_ROWS, type PackRows, packRowsText } from "../../../kernels/engine/pack_rows.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { planBatches } from "./batches/batches.ts";
import { keepBestAtHand, restoreBest } from "./checkpoints/best_checkpoint.ts";
import {
  checkpointDifferences,
  type CheckpointState,
  isConfigChanged,
  readCheckpoint,
} from "./checkpoints/checkpoint.ts";
import { CarriedOverSteps } from "./scoring/carried.ts";
import { evaluateSets } from "./scoring/evaluate.ts";
import { trainLoop } from "./loop/loop.ts";
import type { LoopResult } from "./loop/loop_run.ts";
import type { LoopInputs } from "./loop/loop_inputs.ts";
import type { OpenEngine } from "./open_engine.ts";
import { negated, type PissaStart, pissaStart, readConverted } from "./target/pissa.ts";
import { ReferenceCache } from "./scoring/reference.ts";
import { completeGiven, rowsAhead } from "./scoring/reference_model.ts";
import { checkResumedForm, checkResumedOptimizer } from "./target/resumed_form.ts";
import { precomputeReferences } from "./scoring/score.ts";
import { engineSetup, makeTarget, newLora, readTrained } from "./target/setup.ts";
import { valueHeadNote, valueHeadStart } from "./target/value_head.ts";

const INTERRUPTED: TrainerResult = { files: [], finished: false, metrics: {} };

/**
 * Carries out a run on an engine: the same for every trainer that has one.
 * @param open Makes the engine of a model; closed at the end, that of a reference model before the policy's is made
 * @throws {RangeError} If a model lacks tensors, or the checkpoint to resume from isn't of this run
 */
export async function carryOut(inputs: TrainerInputs, open: OpenEngine): Promise<TrainerResult> {
  const { config, model, decoder, loss, resumeFrom, log } = inputs;
  checkTensors(model.weights, tensorShapes(decoder), model.path);
  const pissa = await pissaOf(inputs);
  const valueHead = loss.measure === "value" ? valueHeadStart(inputs) : null;
  const target = makeTarget(config, model, decoder, { files: inputs.files, pissa, valueHead });
  const plan = planBatches(config, inputs.train, inputs.shuffle, inputs.trainBins);
  const resumed = resumeFrom && resume(resumeFrom.path, inputs);
  if (resumeFrom && resumed && resumed.changed.length > 0) {
    await checkResumedForm(resumeFrom.path, target, decoder, resumed);
  }
  const references = resumed?.references ?? new ReferenceCache();
  const reference = loss.needsReference ? inputs.reference : null;
  if (reference) {
    const rows = rowsAhead(inputs, plan, resumed?.state.step ?? 0);
    await completeGiven(reference, { ...inputs, references, rows }, open);
  }
  using residual = pissa && residualFolder(pissa, inputs);
  const merged = [...inputs.merged ?? [], ...residual ? [residual.path] : []];
  const engine = await open(engineSetup(inputs, target, merged), inputs);
  try {
    if (resumeFrom && resumed) {
      await engine.restore(
        await readTrained(resumeFrom.path, target, decoder, openWeights),
        resumed.optimizer,
      );
    }
    inputs.begin();
    if (valueHead && !resumed) log.note?.(valueHeadNote(valueHead, inputs));
    if (resumed) log.restore(resumed.state.log);
    if (resumeFrom && resumed) await keepBestAtHand(config, resumeFrom, resumed.state.best);
    const { rows, together } = await rowsOfPacks(config, resumed?.state, engine, log);
    const carried = loss.carried && new CarriedOverSteps(loss);
    if (resumeFrom && resumed) {
      carried?.restore({ ...resumed.state, path: resumeFrom.path }, (line) => log.warn(line));
    }
    const run: LoopInputs = {
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
    // where that is interrupted, the loop saves what there is of them
    if (config.finetuning_type !== "lora" && loss.needsReference && !reference) {
      await completeReferences(run, inputs);
    }
    const result = await trainLoop(run);
    if (!result.finished) return INTERRUPTED;
    const restored = await restoreBest(
      run,
      result,
      (path) => readTrained(path, target, decoder, openWeights),
    );
    const files = target.save(inputs.trainedDir, await engine.trained());
    const metrics = await finalEvaluation(run, result, restored, config.do_eval);
    // after other weights are put back, the checkpoint that they came from is the one to continue from
    if (!metrics && !restored) await result.keep();
    return metrics ? { files, finished: true, metrics } : INTERRUPTED;
  } finally {
    await engine.close();
  }
}

/** What a run with `pissa_init` begins from: that of its checkpoint, or made of the weights; null for other runs. */
async function pissaOf(inputs: TrainerInputs): Promise<PissaStart | null> {
  const { config, model, decoder, resumeFrom, log } = inputs, shapes = moduleShapes(decoder);
  if (!config.pissa_init || config.finetuning_type !== "lora" || config.adapter_name_or_path.length > 0) {
    return null;
  }
  if (resumeFrom) return readConverted(resumeFrom.path, config.lora_rank, shapes, decoder.moduleRoot).start;
  const lora = newLora(config, model, [...shapes.keys()]);
  return await pissaStart(lora, model.weights, shapes, {
    iterations: config.pissa_iter,
    seed: config.seed,
    onModule: (done, total) => log.phase("singular parts (PiSSA)", done, total),
  });
}

/** A folder, gone with the scope, of the adapter that takes the leading parts out of the base. */
function residualFolder(pissa: PissaStart, { config, model, decoder }: TrainerInputs) {
  const path = Deno.makeTempDirSync({ prefix: "dinotune-pissa-" }), shapes = moduleShapes(decoder);
  const adapter = { config: newLora(config, model, [...shapes.keys()]), modules: negated(pissa) };
  writeAdapter(path, adapter, shapes, decoder.moduleRoot);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/**
 * Most rows of a pack: the configuration's, those of the checkpoint, so that a resumed run adds up in the same order, or what the
 * engine's device holds.
 */
export async function rowsOfPacks(
  { micro_batch_tokens }: Pick<TrainerInputs["config"], "micro_batch_tokens">,
  checkpoint: CheckpointState | undefined,
  engine: EngineClient,
  log: Pick<TrainerInputs["log"], "note">,
): Promise<PackRows> {
  const given = micro_batch_tokens ?? checkpoint?.packRows, chosen = await engine.packRows(given);
  if (given === undefined && chosen.rows !== DEFAULT_ROWS) log.note?.(packRowsText(chosen));
  return chosen;
}

/** A checkpoint's state, once it is sure that it is of this run. */
function resume(path: string, inputs: TrainerInputs) {
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
  return { state, optimizer, references, changed: lines };
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

async function openWeights(path: string) {
  return (await openModel(path)).weights;
}
