/**
 * The optimisation loop: reads top to bottom. Mathematics is in the losses, order is here.
 * @module
 */
import { absoluteSteps, type TrainConfig } from "../../kinds/train_config.ts";
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import { averageMetrics } from "../../kinds/loss_evaluation.ts";
import { pruneCheckpoints } from "./checkpoint_directory.ts";
import type { LogSink } from "../../kinds/log_sink.ts";
import { createSchedule, warmupSteps } from "./schedules.ts";
import { DEFAULT_ROWS, packBatches, type Schedule } from "./batches.ts";
import { type Best, type CheckpointContent, saveCheckpoint } from "./checkpoint.ts";
import { evaluate } from "./evaluate.ts";
import { labelWeights, type Scored, scorePack, type Scoring } from "./score.ts";
import type { Target } from "./setup.ts";

/** What the loop works on. */
export interface LoopInputs extends Scoring {
  config: TrainConfig;
  plan: Schedule;
  target: Target;
  evaluation: EncodedExample[];
  log: LogSink;
  signal: AbortSignal;
  dataHash: string;
  modelHash: string;
  /** Optimizer steps done, and the best so far, of the checkpoint that is resumed from. */
  from: { step: number; best: Best | null };
}

/** How the loop ended. */
export interface LoopResult {
  step: number;
  best: Best | null;
  finished: boolean;
  /** Metrics of an evaluation at the last step, if there was one. */
  evaluation: Record<string, number> | null;
}

/** Trains from `from.step` to the end, to an interruption, or to early stopping. */
export async function trainLoop(at: LoopInputs): Promise<LoopResult> {
  const { config, plan, engine, log, signal } = at;
  const rate = createSchedule(config.lr_scheduler_type, config.lr_scheduler_kwargs, {
    learningRate: config.learning_rate,
    totalSteps: plan.totalSteps,
    warmupSteps: warmupSteps(plan.totalSteps, config.warmup_steps, config.warmup_ratio),
  });
  let { step, best } = at.from;
  let last: Record<string, number> | null = null;
  let savedAt = step, lastAt = -1;

  if (step === 0 && config.eval_on_start) {
    last = await runEvaluation(at, 0);
    if (!last) return { step, best, finished: false, evaluation: null };
  }
  while (step < plan.totalSteps) {
    const began = performance.now();
    const batches = plan.step(step);
    const scored = await accumulateGradients(at, batches, step);
    if (!scored) return await interrupted();
    const learningRate = rate(step);
    const gradNorm = await stepOrExplain(at, batches, learningRate);
    const epochBefore = plan.epoch(step);
    step++;
    log.step({
      step,
      totalSteps: plan.totalSteps,
      epoch: plan.epoch(step),
      gradNorm,
      learningRate,
      seconds: (performance.now() - began) / 1000,
      ...summarize(at, scored),
    });

    const ended = Math.floor(plan.epoch(step)) > Math.floor(epochBefore);
    let improved = false;
    if (
      isDue(config.eval_strategy, config.eval_steps, step, plan.totalSteps, ended) &&
      isPastDelay(config, plan, step)
    ) {
      last = await runEvaluation(at, step);
      if (!last) return await interrupted();
      lastAt = step;
      [best, improved] = judge(config, last, best, step);
    }
    const save = config.save_strategy === "best"
      ? improved
      : isDue(config.save_strategy, config.save_steps, step, plan.totalSteps, ended) ||
        (config.save_strategy !== "no" && step === plan.totalSteps);
    if (save) {
      await checkpoint(at, step, best);
      savedAt = step;
    }
    if (config.early_stopping_steps !== null && best && best.patience >= config.early_stopping_steps) {
      log.warn(
        `stopped early: ${best.patience} evaluations without a better ${config.metric_for_best_model}`,
      );
      break;
    }
    if (signal.aborted && step < plan.totalSteps) return await interrupted();
  }
  return { step, best, finished: true, evaluation: lastAt === step ? last : null };

  async function interrupted(): Promise<LoopResult> {
    await engine.discard();
    if (savedAt !== step || step === 0) await checkpoint(at, step, best);
    return { step, best, finished: false, evaluation: null };
  }
}

/** Forward and backward over the micro-batches of a step. null when interrupted. */
async function accumulateGradients(
  at: LoopInputs,
  batches: EncodedExample[][],
  step: number,
): Promise<Scored[] | null> {
  const { config, loss, engine, signal } = at;
  const examples = batches.flat();
  const denominator = loss.normalize === "examples" ? examples.length : countLabels(examples);
  const identity = loss.needsReference && await engine.isIdentity();
  const dropout = config.finetuning_type === "lora" && at.target.tuning.type === "lora" &&
    at.target.tuning.dropout > 0;
  const done: Scored[] = [];
  for (
    const { examples: pack, groups } of packBatches(
      batches,
      config.micro_batch_tokens,
      loss.batch !== undefined,
    )
  ) {
    if (signal.aborted) return null;
    // The first pack of a run compares policy and reference for real; while B is zero the others needn't.
    const known = identity && !(step === 0 && done.length === 0) && !dropout;
    const scored = await scorePack(at, pack, {
      split: "train",
      keep: true,
      groups,
      identity: known,
      ...(dropout && { dropoutStep: step * 2 ** 16 + done.length }),
    });
    if (step === 0 && done.length === 0 && identity && !dropout) assertInitialLoss(at, scored);
    await engine.backward(labelWeights(scored, 1 / denominator));
    done.push(scored);
  }
  return done;
}

/** A fresh adapter changes nothing, so the loss has a known value; another one means that the reference is wrong. */
function assertInitialLoss({ loss }: LoopInputs, { rows, examples }: Scored): void {
  if (loss.initialLoss === undefined) return;
  rows.forEach((row, i) => {
    if (Math.abs(row.loss - loss.initialLoss!) < 1e-3) return;
    const { file, row: line } = examples[i]!.source;
    throw new Error(
      `Cannot start as a fresh adapter needs the loss ${loss.initialLoss!.toFixed(6)}: current value is ${
        row.loss.toFixed(6)
      } ` +
        `for ${file} row ${line}. Policy and reference differ although the adapter is zero; please report this`,
    );
  });
}

async function stepOrExplain(
  at: LoopInputs,
  batches: EncodedExample[][],
  learningRate: number,
): Promise<number> {
  try {
    return await at.engine.step(learningRate, at.config.max_grad_norm);
  } catch (error) {
    const rows = batches.flat().map(({ source }) => `${source.file} row ${source.row}`);
    const text = error instanceof Error ? error.message : String(error);
    throw new RangeError(
      `${text}. The step's rows: ${rows.slice(0, 8).join(", ")}. The last checkpoint is kept`,
      { cause: error },
    );
  }
}

function summarize({ loss }: LoopInputs, scored: Scored[]) {
  const rows = scored.flatMap((s) => s.rows),
    labels = scored.flatMap((s) => s.labels).reduce((a, b) => a + b, 0);
  const denominator = loss.normalize === "examples" ? rows.length : labels;
  const counts: Record<string, number> = {};
  for (const { metrics } of rows) {
    for (const name of Object.keys(metrics)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return {
    loss: rows.reduce((sum, row) => sum + row.loss, 0) / denominator,
    metrics: averageMetrics(loss, rows.map((row) => row.metrics)),
    examples: rows.length,
    counts,
    tokens: scored.flatMap((s) => s.pack.sequences).reduce((sum, s) => sum + s.tokens, 0),
  };
}

function countLabels(examples: readonly EncodedExample[]): number {
  let count = 0;
  for (const { sequences } of examples) {
    for (const sequence of sequences) {
      const { labels } = sequence;
      for (let i = 1; i < labels.length; i++) if (labels[i] !== -100) count++;
    }
  }
  return count;
}

function isDue(strategy: string, every: number, step: number, total: number, epochEnded: boolean): boolean {
  if (strategy === "epoch") return epochEnded;
  return strategy === "steps" && step % absoluteSteps(every, total) === 0;
}

function isPastDelay(config: TrainConfig, plan: Schedule, step: number): boolean {
  return (config.eval_strategy === "epoch" ? plan.epoch(step) : step) >= config.eval_delay;
}

async function runEvaluation(at: LoopInputs, step: number): Promise<Record<string, number> | null> {
  const { config, plan, log, signal } = at;
  const metrics = await evaluate(at, at.evaluation, {
    batch: config.per_device_eval_batch_size,
    budget: config.micro_batch_tokens ?? DEFAULT_ROWS,
    signal,
    onProgress: (done, total) => log.phase("evaluation", done, total),
  });
  if (metrics) log.evaluation(step, plan.epoch(step), metrics);
  return metrics;
}

function judge(
  config: TrainConfig,
  metrics: Record<string, number>,
  best: Best | null,
  step: number,
): [Best | null, boolean] {
  const name = config.metric_for_best_model;
  if (name === null) return [best, false];
  const value = metrics[name] ?? metrics[`eval_${name}`];
  if (value === undefined) {
    const known = Object.keys(metrics).filter((k) => !/runtime|per_second/.test(k)).join(", ");
    throw new RangeError(`Cannot judge by metric_for_best_model "${name}": the evaluation gave ${known}`);
  }
  const better = !best || (config.greater_is_better ? value > best.value : value < best.value);
  return better ? [{ value, step, patience: 0 }, true] : [{ ...best!, patience: best!.patience + 1 }, false];
}

/** Saves what a resumed run needs, then drops checkpoints beyond save_total_limit. */
async function checkpoint(at: LoopInputs, step: number, best: Best | null): Promise<void> {
  const { config, engine, log, plan, references, target, dataHash, modelHash } = at;
  const content: CheckpointContent = {
    state: { step, totalSteps: plan.totalSteps, best, log: log.state(), config, dataHash, modelHash },
    target,
    trained: await engine.trained(),
    optimizer: config.save_only_model ? null : await engine.optimizerState(),
    references: references.toJson(),
    files: log.checkpointFiles?.() ?? {},
  };
  const path = await saveCheckpoint(config.output_dir, content);
  log.checkpoint(step, path);
  pruneCheckpoints(
    config.output_dir,
    config.save_total_limit,
    config.load_best_model_at_end ? best?.step ?? null : null,
  );
}
