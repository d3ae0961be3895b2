/**
 * State of a run's log. It is part of every checkpoint, and everything a resumed run writes is made from it,
 * so that its files equal those of a run that was never interrupted.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import { inWords } from "../../../../formats/zod_words.ts";

import { z } from "zod";

/** See the comments on the fields; JSON keeps it exactly. */
export interface RunLogState {
  /** Of this form. */
  version: 1;
  /** Seconds since 1970 at which the run first started; names its event file. */
  startedAt: number;
  /** Optimizer steps done. */
  step: number;
  /** Optimizer steps of the whole run; 0: not known yet. */
  totalSteps: number;
  /** Epochs done, fractional. */
  epoch: number;
  /** Real tokens of all steps. */
  tokens: number;
  /** Examples of all steps, where the trainer counts them. */
  examples: number;
  /** Sum of the steps' losses. */
  lossSum: number;
  /** Seconds of training, all starts together. */
  seconds: number;
  /** Steps since the last log. `sums`: per metric its weighted sum and the sum of weights. */
  window: { steps: number; lossSum: number; sums: Record<string, [sum: number, weights: number]> };
  /** `log_history` of trainer_state.json. */
  history: Record<string, number>[];
  /** Seconds since 1970 of each entry of `history`. */
  wallTimes: number[];
  /** Lines of trainer_log.jsonl. */
  rows: Record<string, number | string>[];
  /** The best evaluation, and whether its step has a checkpoint. */
  best: { metric: number; step: number; saved: boolean } | null;
}

const finite = z.number();

const State: z.ZodType<RunLogState> = z.strictObject({
  version: z.literal(1),
  startedAt: finite,
  step: z.int(),
  totalSteps: z.int(),
  epoch: finite,
  tokens: finite,
  examples: finite,
  lossSum: finite,
  seconds: finite,
  window: z.strictObject({
    steps: z.int(),
    lossSum: finite,
    sums: z.record(z.string(), z.tuple([finite, finite])),
  }),
  history: z.array(z.record(z.string(), finite)),
  wallTimes: z.array(finite),
  rows: z.array(z.record(z.string(), z.union([finite, z.string()]))),
  best: z.strictObject({ metric: finite, step: z.int(), saved: z.boolean() }).nullable(),
});

/** The state of a run that did nothing yet. `startedAt` in seconds since 1970. */
export function emptyState(startedAt: number, totalSteps: number): RunLogState {
  return {
    version: 1,
    startedAt,
    step: 0,
    totalSteps,
    epoch: 0,
    tokens: 0,
    examples: 0,
    lossSum: 0,
    seconds: 0,
    window: { steps: 0, lossSum: 0, sums: {} },
    history: [],
    wallTimes: [],
    rows: [],
    best: null,
  };
}

/**
 * Checks a state read from a checkpoint.
 * @throws {TypeError} If it isn't one that {@linkcode emptyState} and the run log make.
 */
export function parseState(state: unknown): RunLogState {
  const result = State.safeParse(state, inWords);
  if (result.success) return result.data;
  const { path, message } = item(result.error.issues, 0);
  throw new TypeError(
    `Cannot continue the log as the checkpoint's log state is damaged or of another version: ${message} at ` +
      `"${path.join(".")}". Resume from an earlier checkpoint`,
  );
}
