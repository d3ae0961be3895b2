import { assertEquals, assertThrows } from "@std/assert";

import { assertNear, flat, optimizerGolden } from "../../../../tests/helpers/optimizer_goldens.ts";
import { createSchedule, type ScheduleName, scheduleOptions, warmupSteps } from "./schedules.ts";

Deno.test("createSchedule() equals transformers' get_scheduler for every recorded case", () => {
  const cases = optimizerGolden("schedules").cases;
  // warmup_stable_decay has a golden of its own
  assertEquals(
    new Set([...cases.map((c: { name: string }) => c.name), "warmup_stable_decay"]),
    new Set(Object.keys(scheduleOptions)),
  );
  for (const c of cases) {
    const warmup = warmupSteps(c.total_steps, c.warmup_steps ?? 0, c.warmup_ratio ?? 0);
    assertEquals(warmup, c.resolved_warmup_steps);
    const rate = createSchedule(c.name as ScheduleName, c.kwargs, {
      learningRate: c.peak_lr,
      totalSteps: c.total_steps,
      warmupSteps: warmup,
    });
    const used = flat(c.lr_used_at_step);
    assertNear(
      used.map((_, step) => rate(step)),
      used,
      { rtol: 1e-12, atol: 1e-18 },
      `${c.name} ${JSON.stringify(c.kwargs)} ${c.total_steps}/${warmup}`,
    );
  }
});

Deno.test("createSchedule(): warmup_stable_decay has LLaMA-Factory's stages and transformers' rates", () => {
  const { peak_lr: learningRate, cases } = optimizerGolden("wsd");
  for (const c of cases) {
    const used = flat(c.lr_used_at_step);
    const rate = createSchedule("warmup_stable_decay", c.kwargs, {
      learningRate,
      totalSteps: c.total_steps,
      warmupSteps: c.warmup_steps,
    });
    assertNear(used.map((_, step) => rate(step)), used, { rtol: 1e-12, atol: 1e-18 }, JSON.stringify(c));
  }
});

Deno.test("createSchedule() refuses unknown options and an lr_end above the peak", () => {
  const inputs = { learningRate: 1e-4, totalSteps: 10, warmupSteps: 0 };
  assertThrows(() => createSchedule("linear", { power: 2 }, inputs), Error, "power");
  assertThrows(() => createSchedule("cosine_with_min_lr", {}, inputs), Error, "exactly one of");
  assertThrows(() => createSchedule("cosine_with_min_lr", { min_lr: 0, min_lr_rate: 0 }, inputs), Error);
  assertThrows(() => createSchedule("polynomial", { lr_end: 1e-4 }, inputs), RangeError, "lr_end below");
  assertThrows(() => createSchedule("inverse_sqrt", { timescale: 0 }, inputs), Error, "timescale");
});

Deno.test("createSchedule(): polynomial with all steps as warm-up ends at lr_end without dividing by 0", () => {
  const rate = createSchedule("polynomial", {}, { learningRate: 8, totalSteps: 4, warmupSteps: 4 });
  assertEquals([0, 1, 2, 3].map(rate), [0, 2, 4, 6]);
  assertEquals(rate(5), 1e-7);
});

Deno.test("warmupSteps() equals get_warmup_steps() of transformers 5.17.0's TrainingArguments, run on each case", () => {
  const cases: [total: number, steps: number, warmup: number][] = [
    [102, 0.1, 11],
    [100, 0.07, 8],
    [10, 0.01, 1],
    [30, 0.999, 30],
    [7, 1, 1],
    [7, 3, 3],
    [7, 9, 9],
  ];
  for (const [total, steps, warmup] of cases) {
    assertEquals(warmupSteps(total, steps, 0.5), warmup, `${steps} of ${total}`);
  }
});
