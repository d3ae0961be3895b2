/**
 * What a run remembers of its log. It is part of every checkpoint, and everything a resumed run writes is made from it,
 * so that its files equal those of a run that was never interrupted.
 * @module
 */
import { z } from "zod";

const finite = z.number();
const values = z.record(z.string(), finite);

const State = z.strictObject({
  version: z.literal(1),
  /** Seconds since 1970 at which the run first started; names its event file. */
  startedAt: finite,
  /** Optimizer steps done, and of how many. */
  step: z.int(),
  totalSteps: z.int(),
  epoch: finite,
  /** Real tokens of all steps. */
  tokens: finite,
  /** Examples of all steps, where the trainer counts them. */
  examples: finite,
  /** Sum of the steps' losses. */
  lossSum: finite,
  /** Seconds of training, all starts together. */
  seconds: finite,
  /** Steps since the last log. `sums`: per metric its weighted sum and the sum of weights. */
  window: z.strictObject({
    steps: z.int(),
    lossSum: finite,
    sums: z.record(z.string(), z.tuple([finite, finite])),
  }),
  /** `log_history` of trainer_state.json. */
  history: z.array(values),
  /** Seconds since 1970 of each entry of `history`. */
  wallTimes: z.array(finite),
  /** Lines of trainer_log.jsonl. */
  rows: z.array(z.record(z.string(), z.union([finite, z.string()]))),
  /** The best evaluation, and whether its step has a checkpoint. */
  best: z.strictObject({ metric: finite, step: z.int(), saved: z.boolean() }).nullable(),
});

/** See the comments on the fields; JSON keeps it exactly. */
export type RunLogState = z.output<typeof State>;

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
 * Checks a state that came out of a checkpoint.
 * @throws {TypeError} If it isn't one that {@linkcode emptyState} and the run log make.
 */
export function parseState(state: unknown): RunLogState {
  const result = State.safeParse(state);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new TypeError(
    `Cannot go on with the log as the checkpoint's log state is damaged or of another version: ${message} at ` +
      `"${path.join(".")}". Resume from an earlier checkpoint`,
  );
}
