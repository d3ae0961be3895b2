/**
 * Rollouts: a step's prompts become groups of answers that the policy draws, with rewards and advantages, and those the step's examples.
 * @module
 */
import { f64, item } from "../../../../formats/elements.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Generated } from "../../../../kernels/engine/generate/generator.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { BenchmarkItem } from "../../../kinds/benchmark.ts";
import type { Rewards } from "../../../kinds/rewards.ts";
import { separateThought } from "../../../kinds/thoughts/thoughts.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import { advantagesOf, weightedReward } from "./advantages.ts";
import type { DrawingPolicy, DrawnPlace } from "./policy.ts";
import { idsOfPrompt } from "./prompt_of.ts";
import { type Answer, rolloutMetrics } from "./rollout_metrics.ts";

/** Keys that decide what becomes of answers. */
export type RolloutConfig = Pick<
  TrainConfig,
  "num_generations" | "per_device_train_batch_size" | "scale_rewards" | "mask_truncated_completions"
>;

/** What rollouts are made with. */
export interface RolloutSource {
  config: RolloutConfig;
  rewards: Rewards;
  tokenizer: Pick<Tokenizer, "decode">;
  policy: DrawingPolicy;
  signal: AbortSignal;
  /** Told of answers while they are made. */
  onAnswers: (done: number, total: number) => void;
  /** Gets each step's answers. */
  onStep: (step: number, answers: readonly Answer[]) => void;
}

/** A step's answers as its examples. */
export interface StepRollout {
  /** Micro-batches of per_device_train_batch_size answers, group behind group. */
  batches: EncodedExample[][];
  /** Of rewards and lengths, for the log. */
  metrics: Record<string, number>;
}

/**
 * Draws, rewards and lays out the answers of a step.
 * @param step From 0
 * @param trained Tensors of the policy at this moment
 * @returns null when it was interrupted
 */
export async function rollOut(
  source: RolloutSource,
  prompts: readonly EncodedExample[],
  step: number,
  trained: Record<string, Float32Array<ArrayBuffer>>,
): Promise<StepRollout | null> {
  const { config, rewards, signal } = source;
  try {
    const drawn = await source.policy.with(`step-${step}`, trained, async (policy) => {
      const groups: DrawnGroup[] = [];
      source.onAnswers(0, prompts.length);
      for (const [number, prompt] of prompts.entries()) {
        const place: DrawnPlace = { step, prompt: number }, ids = idsOfPrompt(prompt);
        groups.push({ prompt, ids, answers: await policy.group(ids, place, signal) });
        source.onAnswers(groups.length, prompts.length);
      }
      return groups;
    });
    const answers = await rewarded(source, drawn);
    const { advantages, zeroDeviation } = advantagesOf(
      answers.map(({ reward }) => reward),
      config.num_generations,
      config.scale_rewards,
    );
    answers.forEach((answer, i) => answer.advantage = f64(advantages, i));
    source.onStep(step, answers);
    return {
      batches: examplesOf(config, answers),
      metrics: rolloutMetrics(answers, rewards.names, zeroDeviation),
    };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

interface DrawnGroup {
  prompt: EncodedExample;
  ids: number[];
  answers: Generated[];
}

async function rewarded(
  { rewards, tokenizer, signal }: RolloutSource,
  groups: readonly DrawnGroup[],
): Promise<Answer[]> {
  const found: Answer[] = [];
  for (const { prompt, ids: promptIds, answers } of groups) {
    const task = taskOf(prompt);
    for (const { ids, finish } of answers) {
      const text = tokenizer.decode(finish === "stop" ? ids.slice(0, -1) : ids, { skipSpecial: true });
      const each = await rewards.of({ item: task, response: separateThought(text).answer }, signal);
      found.push({
        ...{ prompt, promptIds, ids, text, task, rewards: each },
        reward: weightedReward(each, rewards.weights),
        advantage: 0,
        truncated: finish === "length",
      });
    }
  }
  return found;
}

function taskOf({ task, source: { file, row } }: EncodedExample): BenchmarkItem {
  if (task === undefined) throw new Error(`Cannot reward answers to row ${row} of ${file}: it has no task`);
  const item = JSON.parse(task) as BenchmarkItem;
  return item.id === "" ? { ...item, id: `${file}:${row}` } : item;
}

function examplesOf(config: RolloutConfig, answers: readonly Answer[]): EncodedExample[][] {
  const { per_device_train_batch_size: size, mask_truncated_completions: masks } = config;
  const batches: EncodedExample[][] = [];
  for (let from = 0; from < answers.length; from += size) {
    const batch = answers.slice(from, from + size), isMasked = (answer: Answer) => masks && answer.truncated;
    const tokens = batch.reduce((sum, answer) => sum + (isMasked(answer) ? 0 : answer.ids.length), 0);
    const microBatch = { answers: batch.length, tokens };
    batches.push(batch.map((answer, i) => ({
      index: from + i,
      source: answer.prompt.source,
      sequences: [{
        name: item(answer.prompt.sequences, 0).name,
        input_ids: Int32Array.from([...answer.promptIds, ...answer.ids]),
        labels: Int32Array.from([...answer.promptIds.map(() => -100), ...answer.ids]),
      }],
      drawn: { advantage: answer.advantage, masked: isMasked(answer), microBatch },
    })));
  }
  return batches;
}
