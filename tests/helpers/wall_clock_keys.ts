/** Keys of a run's log whose values depend on the clock or on the machine; all others are the same for a resumed and an uninterrupted run. */
export const WALL_CLOCK_KEYS: readonly string[] = [
  "elapsed_time",
  "remaining_time",
  "throughput",
  "memory",
  "train_runtime",
  "train_samples_per_second",
  "train_steps_per_second",
  "eval_runtime",
  "eval_samples_per_second",
  "eval_steps_per_second",
];
