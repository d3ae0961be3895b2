import { assertEquals, assertThrows } from "@std/assert";

import { Best, isDue } from "./schedule_points.ts";

// 7 micro-batches an epoch, two a step: four steps an epoch, the last one of a single micro-batch.
const EPOCHS = [0, 2 / 7, 4 / 7, 6 / 7, 1, 9 / 7, 11 / 7, 13 / 7, 2];
const points = EPOCHS.slice(1).map((epoch, i) => ({
  step: i + 1,
  totalSteps: 8,
  epoch,
  epochBefore: EPOCHS[i]!,
}));
const due = (strategy: "no" | "steps" | "epoch", every: number) =>
  points.filter((point) => isDue(strategy, every, point)).map(({ step }) => step);

Deno.test("isDue() counts steps, shares of all steps rounded up, and ended epochs", () => {
  assertEquals(due("no", 1), []);
  assertEquals(due("steps", 3), [3, 6]);
  assertEquals(due("steps", 0.3), [3, 6]); // ceil(2.4)
  assertEquals(due("steps", 1), [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(due("epoch", 3), [4, 8]);
});

Deno.test("isDue() by epoch is true at the end of a run within an epoch too, as with transformers 5.17.0", () => {
  // Steps that the Trainer of 5.17.0 logged, evaluated and saved at by epoch: 5 examples, num_train_epochs 1.5; 8, two a step, 0.3;
  // 11 in batches of 4, max_steps 7.
  const runs: [epochs: number[], due: number[]][] = [
    [[0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6], [5, 8]],
    [[0.25, 0.5], [2]],
    [[1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2, 7 / 3], [3, 6, 7]],
  ];
  for (const [epochs, expected] of runs) {
    const steps = epochs.map((epoch, i) => ({
      step: i + 1,
      totalSteps: epochs.length,
      epoch,
      epochBefore: epochs[i - 1] ?? 0,
    }));
    assertEquals(steps.filter((point) => isDue("epoch", 1, point)).map(({ step }) => step), expected);
  }
});

Deno.test("isDue() takes an epoch for ended although its quotient lies a last digit below", () => {
  const epoch = 0.1 + 0.2 + 0.3 + 0.4 - 2 ** -53;
  assertEquals(epoch < 1, true);
  assertEquals(isDue("epoch", 1, { step: 4, totalSteps: 8, epoch, epochBefore: 0.6 }), true);
  assertEquals(isDue("epoch", 1, { step: 5, totalSteps: 8, epoch: 1.2, epochBefore: epoch }), false);
});

Deno.test("Best keeps the best value, its step, and the evaluations since", () => {
  const best = new Best({ metric_for_best_model: "eval_loss", greater_is_better: false });
  const seen = [3, 2, 2, NaN, 1].map((value, i) => best.see({ eval_loss: value }, i + 1));
  assertEquals(seen, [true, true, false, false, true]);
  assertEquals(best.soFar, { value: 1, step: 5, patience: 0 });

  const greater = new Best({ metric_for_best_model: "eval_x", greater_is_better: true }, {
    value: 5,
    step: 2,
    patience: 1,
  });
  assertEquals(greater.see({ eval_x: 5 }, 3), false);
  assertEquals(greater.soFar, { value: 5, step: 2, patience: 2 });
  assertEquals(greater.see({ eval_x: 6 }, 4), true);
});

Deno.test("Best keeps nothing without a metric, and names what an evaluation gave", () => {
  const none = new Best({ metric_for_best_model: null, greater_is_better: false });
  assertEquals([none.see({}, 1), none.soFar], [false, null]);
  const by = { metric_for_best_model: "eval_accuracy", greater_is_better: true };
  assertThrows(
    () => new Best(by).see({ eval_loss: 1, eval_runtime: 2, eval_samples_per_second: 3 }, 1),
    RangeError,
    "as the evaluation gave eval_loss: use one",
  );
});
