import { assertEquals, assertThrows } from "@std/assert";

import { assertNear, flat, optimizerGolden } from "../../../tests/helpers/optimizer_goldens.ts";
import { adamWDefaults, type AdamWOptions, adamwRule, checkOptions } from "./adamw.ts";
import type { Values } from "./rule.ts";
import { type Parameter, TensorStepper } from "./tensor_stepper.ts";

function adamw(parameters: readonly Parameter[], options: AdamWOptions = adamWDefaults): TensorStepper {
  return new TensorStepper(parameters, adamwRule(options), options.weightDecay);
}

const ADAMW = optimizerGolden("adamw").cases as Record<string, {
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
    const optimizer = adamw(parameters, { betas: c.betas, epsilon: c.eps, weightDecay: c.weight_decay });
    c.steps.forEach((step, t) => {
      optimizer.step(names.map((n) => make(step.grads[n])), step.lr);
      parameters.forEach((p) =>
        assertNear(p.values, flat(step.params_after[p.name]), { rtol, atol }, `${p.name} at ${t}`)
      );
    });
    const state = optimizer.state();
    assertEquals(state.step![0], 20);
    for (const n of names) {
      assertNear(
        state[`exp_avg.${n}`]!,
        flat(c.state_after[n]!.exp_avg),
        { rtol, atol: single ? 1e-7 : 0 },
        `exp_avg.${n}`,
      );
      assertNear(
        state[`exp_avg_sq.${n}`]!,
        flat(c.state_after[n]!.exp_avg_sq),
        { rtol, atol: 0 },
        `exp_avg_sq.${n}`,
      );
    }
  });
}

Deno.test("AdamW gives the bits that it gave before other optimizers were there, so that runs repeat to the same bytes", async () => {
  // SHA-256 of the values and of the state after 20 clipped steps by class AdamW of 883a5ab9, one rate above the other's
  const before = {
    weight_decay: "b0deec71f671e8f75698bbc0abbb1d39835447202f9b58e1a603052341a4a2d0",
    float32: "3f185fdd61f04871f730143880a26bc824d44543527115b914f9ef36f1a4cdfc",
  };
  for (const name of ["weight_decay", "float32"] as const) {
    const c = ADAMW[name]!, make = name === "float32" ? Float32Array : Float64Array;
    const names = Object.keys(c.start);
    const parameters = names.map((n, i): Parameter => ({
      name: n,
      values: make.from(flat(c.start[n])),
      decay: i === 0,
      rate: 1 + 3 * i,
    }));
    const optimizer = adamw(parameters, { betas: c.betas, epsilon: c.eps, weightDecay: 0.1 });
    for (const { lr, grads } of c.steps) optimizer.step(names.map((n) => make.from(flat(grads[n]))), lr, 0.7);
    const bytes = [...parameters.map(({ values }) => values), ...Object.values(optimizer.state())]
      .flatMap(({ buffer, byteOffset, byteLength }) => [...new Uint8Array(buffer, byteOffset, byteLength)]);
    const hash = await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes));
    assertEquals(new Uint8Array(hash).toHex(), before[name], name);
  }
});

Deno.test("AdamW restored from its state after 7 steps continues bit for bit", () => {
  const c = ADAMW.float32!;
  const names = Object.keys(c.start);
  const gradients = (t: number) => names.map((n) => Float32Array.from(flat(c.steps[t]!.grads[n])));
  const fresh = () =>
    names.map((n): Parameter => ({ name: n, values: Float32Array.from(flat(c.start[n])), decay: n === "w" }));
  const options = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 } as const;

  const whole = fresh(), cut = fresh();
  const a = adamw(whole, options), b = adamw(cut, options);
  for (let t = 0; t < 20; t++) a.step(gradients(t), 0.01);
  for (let t = 0; t < 7; t++) b.step(gradients(t), 0.01);
  const saved = structuredClone(b.state());
  const resumed = cut.map((p) => ({ ...p, values: p.values.slice() }));
  const d = adamw(resumed, options);
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
  adamw(parameters, { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.5 }).step([zero, zero], 0.1);
  assertEquals(parameters.map((p) => p.values[0]), [2, 2 * (1 - 0.1 * 0.5)]);
});

Deno.test("AdamW: gradientScale equals gradients scaled before", () => {
  const scaled: Parameter[] = [{ name: "w", values: Float64Array.of(1, -2), decay: true }];
  const plain: Parameter[] = [{ name: "w", values: Float64Array.of(1, -2), decay: true }];
  const a = adamw(scaled), b = adamw(plain);
  for (let t = 0; t < 3; t++) {
    a.step([Float64Array.of(4, -8 + t)], 0.1, 0.25);
    b.step([Float64Array.of(1, (-8 + t) / 4)], 0.1);
  }
  assertEquals(scaled, plain);
  assertEquals(a.state(), b.state());
});

Deno.test("AdamW refuses wrong sizes, states of other parameters and options out of range", () => {
  const parameters = [{ name: "w", values: new Float32Array(3), decay: true }];
  const optimizer = adamw(parameters);
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
  assertThrows(() => checkOptions({ ...base, betas: [0.9, 1] }), RangeError, "beta2 in [0, 1)");
  assertThrows(() => checkOptions({ ...base, epsilon: 0 }), RangeError, "epsilon");
  assertThrows(() => checkOptions({ ...base, weightDecay: -1 }), RangeError, "weight decay");
  assertThrows(() => adamw([...parameters, ...parameters]), RangeError, "names that differ");
});

Deno.test("a tensor's own rate is that of its decay, too, as of a parameter group of torch's", () => {
  // Without gradients p ← p (1 − lr · wd), lr 0.5 · 4 · 0.1.
  const values = Float64Array.of(1, -2), still = Float64Array.of(1, -2);
  const optimizer = adamw(
    [{ name: "b", values, decay: true, rate: 4 }, { name: "a", values: still, decay: false, rate: 4 }],
    { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 },
  );
  optimizer.step([new Float64Array(2), new Float64Array(2)], 0.5);
  assertEquals([[...values], [...still]], [[0.8, -1.6], [1, -2]]);
});
