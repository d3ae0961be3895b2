/**
 * Checks of keys that say when something happens: steps between two times, the learning rate's schedule, the best checkpoint.
 * @module
 */
import { inWords } from "../../../../formats/zod_words.ts";
import { scheduleOptions } from "../../../../plugins/trainers/local/loop/schedules.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Refuse } from "./refuse.ts";

/** Steps, schedule and checkpoints. */
export function checkSchedule(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.warmup_steps > 1 && !Number.isInteger(c.warmup_steps),
    "warmup_steps",
    `Cannot warm up for ${c.warmup_steps} steps as a whole number is needed from 1 on, or a share of all steps below 1`,
  );
  for (const key of ["logging_steps", "eval_steps", "save_steps"] as const) {
    refuse(
      c[key] > 1 && !Number.isInteger(c[key]),
      key,
      `Cannot use ${key}: ${c[key]} as a whole number is needed from 1 on, or a share of all steps below 1`,
    );
  }
  checkRate(c, refuse);
  checkBest(c, refuse);
}

function checkRate(c: TrainConfig, refuse: Refuse): void {
  const { lr_scheduler_type: type, lr_scheduler_kwargs: kwargs } = c;
  const taken = Object.keys(scheduleOptions[type].shape);
  const unknown = Object.keys(kwargs).filter((name) => !taken.includes(name));
  refuse(
    unknown.length > 0,
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_kwargs ${unknown.join(", ")} with lr_scheduler_type: ${type}: ` +
      `it takes ${taken.join(", ") || "none"}`,
  );
  const issue = unknown.length > 0
    ? undefined
    : scheduleOptions[type].safeParse(kwargs, inWords).error?.issues[0];
  const floors = Number("min_lr" in kwargs) + Number("min_lr_rate" in kwargs);
  const hasFloor = floors === 1;
  refuse(
    issue !== undefined && type === "cosine_with_min_lr" && floors === 0,
    "lr_scheduler_type",
    "Cannot use cosine_with_min_lr without its floor: give lr_scheduler_kwargs: {min_lr: ...} or {min_lr_rate: ...}",
  );
  refuse(
    issue !== undefined && floors === 2,
    "lr_scheduler_kwargs",
    "Cannot use lr_scheduler_kwargs min_lr with min_lr_rate as both say where the floor is: remove one of them",
  );
  refuse(
    issue === undefined && "min_lr" in kwargs && c.learning_rate === 0,
    "lr_scheduler_kwargs",
    "Cannot use lr_scheduler_kwargs min_lr with learning_rate: 0, of which it can't be a share: raise learning_rate",
  );
  const name = issue?.path.join(".") ?? "";
  refuse(
    issue !== undefined && (type !== "cosine_with_min_lr" || hasFloor),
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_kwargs ${name}: ${kwargs[name]} as ${issue?.message}`,
  );
  const { lr_end = 1e-7 } = kwargs;
  refuse(
    type === "polynomial" && issue === undefined && Number(lr_end) >= c.learning_rate,
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_type: polynomial as lr_end has to be below learning_rate ${c.learning_rate}: current value is ${lr_end}`,
  );
}

function checkBest(c: TrainConfig, refuse: Refuse): void {
  const best = c.load_best_model_at_end;
  const bestKey = best
    ? "load_best_model_at_end"
    : c.save_strategy === "best"
    ? "save_strategy"
    : "early_stopping_steps";
  refuse(
    c.metric_for_best_model !== null && c.eval_strategy === "no" &&
      (best || c.save_strategy === "best" || c.early_stopping_steps !== null),
    bestKey,
    `Cannot use ${bestKey} with eval_strategy: no as ${
      bestKey === "early_stopping_steps"
        ? "nothing is evaluated that tells when to stop"
        : "the best checkpoint isn't known"
    }: set eval_strategy: steps or epoch`,
  );
  refuse(
    best && c.eval_strategy !== "no" && c.save_strategy !== "best" && c.save_strategy !== c.eval_strategy,
    "load_best_model_at_end",
    `Cannot use load_best_model_at_end with save_strategy: ${c.save_strategy} and eval_strategy: ${c.eval_strategy} ` +
      "as the best checkpoint may not have been saved: make them equal",
  );
  refuse(
    best && c.save_strategy === "steps" && c.eval_strategy === "steps" &&
      !isMultiple(c.save_steps, c.eval_steps),
    "save_steps",
    `Cannot use load_best_model_at_end with save_steps: ${c.save_steps} and eval_steps: ${c.eval_steps} ` +
      "as every checkpoint needs an evaluation: make save_steps a multiple of eval_steps",
  );
}

/** True if a is a whole multiple of b, to the rounding of decimal fractions. */
function isMultiple(a: number, b: number): boolean {
  return Math.abs(a / b - Math.round(a / b)) < 1e-9 * (a / b);
}
