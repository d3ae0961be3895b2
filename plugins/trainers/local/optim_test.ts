import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { AdamW, type Parameter, takesWeightDecay, type Values } from "../../../kernels/engine/adamw.ts";
import { clipFactor, globalNorm, measureGradients } from "../../../kernels/engine/clip.ts";
import {
  createSchedule,
  ignoredScheduleOptions,
  type ScheduleName,
  scheduleNames,
  warmupSteps,
} from "./schedules.ts";

// deno-lint-ignore no-explicit-any -- shapes differ from file to file, see the README beside them
function golden(file: string): any {
  const url = new URL(`../../../fixtures/goldens/optim/${file}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Flat numbers of nested lists; strings are non-finite numbers. */
function flat(nested: unknown): number[] {
  return Array.isArray(nested) ? nested.flat(Infinity).map(Number) : [Number(nested)];
}

function assertNear(
  actual: ArrayLike<number>,
  expected: number[],
  rtol: number,
  atol: number,
  what: string,
): void {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((e, i) =>
    assert(
      Math.abs(actual[i]! - e) <= rtol * Math.abs(e) + atol,
      `${what}[${i}]: ${actual[i]}, expected ${e}`,
    )
  );
}

const ADAMW = golden("adamw").cases as Record<string, {
  betas: [number, number];
  eps: number;
  weight_decay: number;
  start: Record<string, unknown>;
  steps: { lr: number; grads: Record<string, unknown>; params_after: Record<string, unknown> }[];
  state_after: Record<string, { exp_avg: unknown; exp_avg_sq: unknown }>;
}>;

for (const [name, c] of Object.entries(ADAMW)) {
  const single = name === "float32";
  const make = (x: unknown): Values => single ? Float32Array.from(flat(x)) : Float64Array.from(flat(x));
  // Float32: torch rounds after every operation, ours once a step; the README beside the table gives 1e-6.
  const rtol = single ? 1e-6 : 1e-12;
  const atol = single ? 2e-8 : 1e-15;

  Deno.test(`AdamW equals torch over 20 steps: ${name}`, () => {
    const names = Object.keys(c.start);
    const parameters = names.map((n): Parameter => ({ name: n, values: make(c.start[n]), decay: true }));
    const optimizer = new AdamW(parameters, { betas: c.betas, epsilon: c.eps, weightDecay: c.weight_decay });
    c.steps.forEach((step, t) => {
      optimizer.step(names.map((n) => make(step.grads[n])), step.lr);
      parameters.forEach((p) =>
        assertNear(p.values, flat(step.params_after[p.name]), rtol, atol, `${p.name} at ${t}`)
      );
    });
    const state = optimizer.state();
    assertEquals(state.step![0], 20);
    for (const n of names) {
      assertNear(
        state[`exp_avg.${n}`]!,
        flat(c.state_after[n]!.exp_avg),
        rtol,
        single ? 1e-7 : 0,
        `exp_avg.${n}`,
      );
      assertNear(state[`exp_avg_sq.${n}`]!, flat(c.state_after[n]!.exp_avg_sq), rtol, 0, `exp_avg_sq.${n}`);
    }
  });
}

Deno.test("AdamW restored from its state after 7 steps goes on bit for bit", () => {
  const c = ADAMW.float32!;
  const names = Object.keys(c.start);
  const gradients = (t: number) => names.map((n) => Float32Array.from(flat(c.steps[t]!.grads[n])));
  const fresh = () =>
    names.map((n): Parameter => ({ name: n, values: Float32Array.from(flat(c.start[n])), decay: n === "w" }));
  const options = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 } as const;

  const whole = fresh(), cut = fresh();
  const a = new AdamW(whole, options), b = new AdamW(cut, options);
  for (let t = 0; t < 20; t++) a.step(gradients(t), 0.01);
  for (let t = 0; t < 7; t++) b.step(gradients(t), 0.01);
  const saved = structuredClone(b.state());
  const resumed = cut.map((p) => ({ ...p, values: p.values.slice() }));
  const d = new AdamW(resumed, options);
  d.restore(saved);
  assertEquals(d.steps, 7);
  for (let t = 7; t < 20; t++) d.step(gradients(t), 0.01);
  assertEquals(resumed, whole);
  assertEquals(d.state(), a.state());
});

Deno.test("AdamW: decay false leaves a parameter with zero gradient alone, decay true shrinks it", () => {
  const parameters: Parameter[] = [
    { name: "norm", values: Float64Array.of(2), decay: false },
    { name: "weight", values: Float64Array.of(2), decay: true },
  ];
  const zero = Float64Array.of(0);
  new AdamW(parameters, { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.5 }).step([zero, zero], 0.1);
  assertEquals(parameters.map((p) => p.values[0]), [2, 2 * (1 - 0.1 * 0.5)]);
});

Deno.test("AdamW: gradientScale equals gradients scaled before", () => {
  const scaled: Parameter[] = [{ name: "w", values: Float64Array.of(1, -2), decay: true }];
  const plain: Parameter[] = [{ name: "w", values: Float64Array.of(1, -2), decay: true }];
  const a = new AdamW(scaled), b = new AdamW(plain);
  for (let t = 0; t < 3; t++) {
    a.step([Float64Array.of(4, -8 + t)], 0.1, 0.25);
    b.step([Float64Array.of(1, (-8 + t) / 4)], 0.1);
  }
  assertEquals(scaled, plain);
  assertEquals(a.state(), b.state());
});

Deno.test("AdamW refuses wrong sizes, states of other parameters and options out of range", () => {
  const parameters = [{ name: "w", values: new Float32Array(3), decay: true }];
  const optimizer = new AdamW(parameters);
  assertThrows(() => optimizer.step([], 0.1), TypeError, "needs 1 gradients: current value is 0");
  assertThrows(
    () => optimizer.step([new Float32Array(4)], 0.1),
    TypeError,
    'gradient of "w" as it needs 3 values',
  );
  assertEquals(optimizer.steps, 0);
  assertThrows(() => optimizer.restore({ step: Float64Array.of(1) }), TypeError, 'needs "exp_avg.w"');
  const more = { ...structuredClone(optimizer.state()), "exp_avg.x": new Float32Array(1) };
  assertThrows(() => optimizer.restore(more), TypeError, "exp_avg.x");
  const base = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 } as const;
  assertThrows(() => new AdamW(parameters, { ...base, betas: [0.9, 1] }), RangeError, "beta2 in [0, 1)");
  assertThrows(() => new AdamW(parameters, { ...base, epsilon: 0 }), RangeError, "epsilon");
  assertThrows(() => new AdamW(parameters, { ...base, weightDecay: -1 }), RangeError, "weight decay");
  assertThrows(() => new AdamW([...parameters, ...parameters]), RangeError, "names that differ");
});

Deno.test("takesWeightDecay() is false for transformers' names of norms and biases alone", () => {
  // `no_decay` of the recorded training runs (transformers' Trainer).
  for (
    const name of [
      "model.layers.0.self_attn.q_norm.weight",
      "model.layers.0.self_attn.k_norm.weight",
      "model.layers.0.input_layernorm.weight",
      "model.layers.1.post_attention_layernorm.weight",
      "model.norm.weight",
      "model.layers.0.self_attn.q_proj.bias",
    ]
  ) assert(!takesWeightDecay(name), name);
  for (
    const name of [
      "model.embed_tokens.weight",
      "lm_head.weight",
      "model.layers.0.self_attn.q_proj.weight",
      "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight",
    ]
  ) assert(takesWeightDecay(name), name);
});

Deno.test("globalNorm() and clipFactor() equal torch's clip_grad_norm_", () => {
  for (const c of golden("clip").cases) {
    const gradients = Object.entries(c.grads).map(([name, g]) => ({
      name,
      values: Float64Array.from(flat(g)),
    }));
    const { norm, nonFinite } = globalNorm(gradients);
    if (c.name === "one not finite") {
      assertEquals(nonFinite, { name: "b", index: 2, value: NaN });
      const error = assertThrows(() => measureGradients(gradients, c.max_grad_norm), RangeError);
      assertStringIncludes(error.message, 'gradient of "b"');
      assertStringIncludes(error.message, "index 2 is NaN");
      continue;
    }
    assertNear([norm], flat(c.norm_before), 1e-12, 0, c.name);
    const { factor } = measureGradients(gradients, c.max_grad_norm);
    for (const { name, values } of gradients) {
      assertNear(values.map((g) => g * factor), flat(c.grads_after[name]), 1e-12, 0, `${c.name} ${name}`);
    }
  }
});

Deno.test("globalNorm() of float32 values too large to square in float32 is right", () => {
  const values = Float32Array.of(3e30, 4e30, 0, 0, 0);
  const { norm } = globalNorm([{ name: "w", values }]);
  assertNear([norm], [5e30], 1e-6, 0, "norm");
  assertEquals(
    globalNorm([{ name: "w", values: Float32Array.of(1, 2, 3, 4, -Infinity) }]).nonFinite?.index,
    4,
  );
  assertEquals(clipFactor(1e9, 0), 1);
  assertThrows(() => measureGradients([], -1), RangeError, "-1");
});

Deno.test("createSchedule() equals transformers' get_scheduler for every recorded case", () => {
  const cases = golden("schedules").cases;
  assertEquals(new Set(cases.map((c: { name: string }) => c.name)), new Set(scheduleNames));
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
      1e-12,
      1e-18,
      `${c.name} ${JSON.stringify(c.kwargs)} ${c.total_steps}/${warmup}`,
    );
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

Deno.test("ignoredScheduleOptions() names what transformers takes and drops", () => {
  assertEquals(ignoredScheduleOptions("inverse_sqrt", { timescale: 50 }), ["timescale"]);
  assertEquals(ignoredScheduleOptions("inverse_sqrt", {}), []);
  assertEquals(ignoredScheduleOptions("polynomial", { power: 2 }), []);
});

Deno.test("createSchedule(): polynomial with all steps as warm-up ends at lr_end without dividing by 0", () => {
  const rate = createSchedule("polynomial", {}, { learningRate: 8, totalSteps: 4, warmupSteps: 4 });
  assertEquals([0, 1, 2, 3].map(rate), [0, 2, 4, 6]);
  assertEquals(rate(5), 1e-7);
});
