/**
 * Learning-rate schedules under transformers' names and with its formulas (`get_scheduler`).
 *
 * With n steps in all, w of warm-up, at step k (from 0) every schedule but `constant` starts with k / w of the peak;
 * p = (k − w) / (n − w) is the progress after it.
 * @module
 */
import { z } from "zod";

/** Facts of a run that a schedule needs. */
export interface ScheduleInputs {
  /** The peak: `learning_rate`, > 0. */
  learningRate: number;
  /** Optimizer steps of the run, >= 1. */
  totalSteps: number;
  /** Optimizer steps of warm-up, >= 0, see {@linkcode warmupSteps}. */
  warmupSteps: number;
}

/** The learning rate of optimizer step `step`, from 0; steps past the end are allowed. */
export type LearningRate = (step: number) => number;

const none = z.strictObject({});
const cycles = (value: number) =>
  z.number().positive().default(value).describe("number of waves, > 0; default " + value);

const shapeOfStage = z.enum(["linear", "cosine", "1-sqrt"]);

/** Options (`lr_scheduler_kwargs`) of every schedule by name, from which help is made. */
export const scheduleOptions = {
  linear: none,
  cosine: z.strictObject({ num_cycles: cycles(0.5) }),
  cosine_with_restarts: z.strictObject({ num_cycles: cycles(1) }),
  polynomial: z.strictObject({
    lr_end: z.number().min(0).default(1e-7).describe("learning rate at the end, below the peak"),
    power: z.number().positive().default(1).describe("exponent > 0 of what remains"),
  }),
  constant: none,
  constant_with_warmup: none,
  inverse_sqrt: z.strictObject({
    timescale: z.number().positive().optional().describe(
      "accepted but without effect, as in transformers 4 (5 uses it); the warm-up steps (10000 without warm-up) are the timescale",
    ),
  }),
  cosine_with_min_lr: z.strictObject({
    num_cycles: cycles(0.5),
    min_lr: z.number().min(0).optional().describe("learning rate at the bottom; this or min_lr_rate"),
    min_lr_rate: z.number().min(0).max(1).optional().describe(
      "share of the peak at the bottom; this or min_lr",
    ),
  }).refine((o) => (o.min_lr === undefined) !== (o.min_lr_rate === undefined), {
    path: ["min_lr_rate"],
    message: "Cannot make cosine_with_min_lr: exactly one of min_lr and min_lr_rate must be given",
  }),
  warmup_stable_decay: z.strictObject({
    num_stable_steps: z.int().min(0).optional().describe(
      "steps at the peak; default a third of those behind the warm-up, rounded down, as LLaMA-Factory sets it",
    ),
    num_decay_steps: z.int().min(0).optional().describe(
      "steps of falling; default the other two thirds, whatever num_stable_steps says",
    ),
    warmup_type: shapeOfStage.default("linear").describe("shape of the warm-up"),
    decay_type: shapeOfStage.default("cosine").describe("shape of the fall"),
    min_lr_ratio: z.number().min(0).max(1).default(0).describe(
      "share of the peak at the start of the warm-up and at the end",
    ),
    num_cycles: cycles(0.5),
  }),
};

/** A name that `lr_scheduler_type` takes. */
export type ScheduleName = keyof typeof scheduleOptions;

/**
 * Steps of warm-up: `steps` from 1 on, else `steps` as a share of all steps when > 0 (as transformers from version 5 on reads it),
 * else `ratio` of all steps; shares are rounded up.
 */
export function warmupSteps(totalSteps: number, steps: number, ratio: number): number {
  return steps >= 1 ? steps : Math.ceil(totalSteps * (steps > 0 ? steps : ratio));
}

/**
 * Makes a schedule.
 * @throws {z.ZodError} If an option is unknown or out of range.
 * @throws {RangeError} If `polynomial` would not fall: `lr_end` at or above the peak.
 *
 * @example Two steps of warm-up, then down to 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createSchedule } from "./schedules.ts";
 *
 * const rate = createSchedule("linear", {}, { learningRate: 8, totalSteps: 6, warmupSteps: 2 });
 * assertEquals([0, 1, 2, 3, 4, 5].map(rate), [0, 4, 8, 6, 4, 2]);
 * ```
 */
export function createSchedule(
  name: ScheduleName,
  options: Record<string, unknown>,
  { learningRate: peak, totalSteps, warmupSteps: warmup }: ScheduleInputs,
): LearningRate {
  const progress = (step: number) => (step - warmup) / Math.max(1, totalSteps - warmup);
  const warmed = (after: LearningRate): LearningRate => (step) =>
    step < warmup ? peak * (step / Math.max(1, warmup)) : after(step);

  switch (name) {
    case "constant":
      scheduleOptions.constant.parse(options);
      return () => peak;
    case "constant_with_warmup":
      scheduleOptions.constant_with_warmup.parse(options);
      return warmed(() => peak);
    case "linear":
      scheduleOptions.linear.parse(options);
      return warmed((step) => peak * Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmup)));
    case "cosine": {
      const { num_cycles } = scheduleOptions.cosine.parse(options);
      return warmed((step) => peak * wave(progress(step), num_cycles));
    }
    case "cosine_with_restarts": {
      const { num_cycles } = scheduleOptions.cosine_with_restarts.parse(options);
      return warmed((step) => {
        const p = progress(step);
        return p >= 1 ? 0 : peak * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((num_cycles * p) % 1))));
      });
    }
    case "cosine_with_min_lr": {
      const { num_cycles, min_lr, min_lr_rate } = scheduleOptions.cosine_with_min_lr.parse(options);
      const low = min_lr_rate ?? min_lr! / peak;
      return warmed((step) => {
        const factor = 0.5 * (1 + Math.cos(Math.PI * num_cycles * 2 * progress(step)));
        return peak * Math.max(0, factor * (1 - low) + low);
      });
    }
    case "polynomial": {
      const { lr_end, power } = scheduleOptions.polynomial.parse(options);
      if (lr_end >= peak) {
        throw new RangeError(
          `Cannot make schedule polynomial as it needs lr_end below learning_rate ${peak}: current value is ${lr_end}`,
        );
      }
      return warmed((step) =>
        step > totalSteps ? lr_end : (peak - lr_end) * (1 - progress(step)) ** power + lr_end
      );
    }
    case "warmup_stable_decay": {
      const given = scheduleOptions.warmup_stable_decay.parse(options);
      return warmupStableDecay(given, { learningRate: peak, totalSteps, warmupSteps: warmup });
    }
    case "inverse_sqrt": {
      scheduleOptions.inverse_sqrt.parse(options);
      const timescale = warmup || 10_000;
      return warmed((step) => peak / Math.sqrt((step + timescale - warmup) / timescale));
    }
  }
}

/** Warm-up, some steps at the peak, and a fall, behind which the lowest rate stays (transformers: `get_wsd_schedule`). */
function warmupStableDecay(
  { num_stable_steps, num_decay_steps, warmup_type, decay_type, min_lr_ratio: low, num_cycles }: z.output<
    typeof scheduleOptions.warmup_stable_decay
  >,
  { learningRate: peak, totalSteps, warmupSteps: warmup }: ScheduleInputs,
): LearningRate {
  const rest = totalSteps - warmup, third = Math.floor(rest / 3);
  const stable = num_stable_steps ?? third, decay = num_decay_steps ?? rest - third;
  const raised = (share: number) => peak * Math.max(0, share * (1 - low) + low);
  const rising = {
    linear: (p: number) => p,
    cosine: (p: number) => 0.5 * (1 - Math.cos(Math.PI * p)),
    "1-sqrt": (p: number) => 1 - Math.sqrt(1 - p),
  }[warmup_type];
  const falling = {
    linear: (p: number) => 1 - p,
    cosine: (p: number) => 0.5 * (1 + Math.cos(Math.PI * num_cycles * 2 * p)),
    "1-sqrt": (p: number) => 1 - Math.sqrt(p),
  }[decay_type];
  return (step) => {
    if (step < warmup) return raised(rising(step / Math.max(1, warmup)));
    const fallen = step - warmup - stable;
    if (fallen < 0) return peak;
    return fallen < decay ? raised(falling(fallen / Math.max(1, decay))) : peak * low;
  };
}

/** Half a cosine from 1 to 0 for half a cycle. */
function wave(progress: number, cycles: number): number {
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress)));
}
