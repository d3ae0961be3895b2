import { assertEquals, assertThrows } from "@std/assert";

import { rowsOfStep, runLength } from "./steps.ts";

const keys = {
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  max_steps: -1,
  num_train_epochs: 3,
  dataloader_drop_last: false,
};

// max_steps and num_train_epochs of trainer_state.json, LLaMA-Factory's run sft_fixed_epochs: 24 rows, 1.5 epochs
Deno.test("runLength() counts as transformers did in a stored run", () => {
  const { totalSteps, epochs } = runLength({ ...keys, num_train_epochs: 1.5 }, 24);
  assertEquals([totalSteps, epochs], [9, 2]);
});

Deno.test("rowsOfStep(): in stage grpo answers are counted, and too few prompts are refused with what fills a step", () => {
  const answers = { ...keys, stage: "grpo", per_device_train_batch_size: 8, num_generations: 4 } as const;
  // 8 × 2 answers are 4 prompts, of which 9 fill 2 steps
  const prompts = rowsOfStep(answers);
  assertEquals(runLength(prompts, 9).stepsPerEpoch, 2);
  assertThrows(
    () => runLength(prompts, 3),
    RangeError,
    "3 prompts don't fill a step of 4 (per_device_train_batch_size × gradient_accumulation_steps ÷ num_generations)",
  );
});

Deno.test("runLength() counts a last step with fewer micro-batches, and leaves a part batch out when told", () => {
  assertEquals(runLength(keys, 5), { batchesPerEpoch: 3, stepsPerEpoch: 2, totalSteps: 6, epochs: 3 });
  assertEquals(runLength({ ...keys, dataloader_drop_last: true }, 5).stepsPerEpoch, 1);
  assertEquals(runLength({ ...keys, max_steps: 7 }, 5), {
    batchesPerEpoch: 3,
    stepsPerEpoch: 2,
    totalSteps: 7,
    epochs: 4,
  });
  const ends = [-1, 0, 1, 2].map((max_steps) => runLength({ ...keys, max_steps }, 5).totalSteps);
  assertEquals(ends, [6, 6, 1, 2], "max_steps counts from 1 on");
  assertThrows(
    () => runLength({ ...keys, dataloader_drop_last: true }, 1),
    RangeError,
    "dataloader_drop_last: false",
  );
  assertThrows(() => runLength(keys, 0), RangeError, "no training data");
});
