/** Adafactor, SGD, Adagrad and RMSprop against transformers and torch (fixtures/goldens/optim/make_rules.py). */
import { assertEquals, assertThrows } from "@std/assert";

import { assertNear, flat, optimizerGolden } from "../../../tests/helpers/optimizer_goldens.ts";
import type { Parameters } from "../weights/parameters.ts";
import { makeOptimizer } from "./make_optimizer.ts";
import type { Values } from "./rule.ts";
import { type OtherRule, ruleOf } from "./rules.ts";
import { TensorStepper } from "./tensor_stepper.ts";

interface Case {
  rule: OtherRule;
  dtype: string;
  weight_decay: number;
  start: Record<"w" | "b", unknown>;
  steps: { lr: number; grads: Record<"w" | "b", unknown>; params_after: Record<"w" | "b", unknown> }[];
  state_after: Record<string, unknown>;
}

Deno.test("an optimizer without kernels refuses tensors on a device by name, before anything is made", () => {
  const parameters = { backend: { hostMemory: false, name: "webgpu" } } as unknown as Parameters;
  for (const [rule, name] of [["adafactor", "Adafactor"], ["sgd", "SGD"]] as const) {
    assertThrows(
      () => makeOptimizer(parameters, { rule, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 }),
      RangeError,
      `Cannot step by ${name} as what is trained has to lie in the host's memory: current value is webgpu`,
    );
  }
});

const NAMES = ["w", "b"] as const,
  SHAPES = { w: [5, 7], b: [6] };

for (const c of optimizerGolden("rules").cases as Case[]) {
  const single = c.dtype === "float32";
  const make = (x: unknown): Values => single ? Float32Array.from(flat(x)) : Float64Array.from(flat(x));
  const [rtol, atol] = single ? [2e-6, 1e-7] : [1e-12, 1e-14];
  const fresh = () =>
    NAMES.map((name) => ({ name, values: make(c.start[name]), shape: SHAPES[name], decay: name === "w" }));
  const stepper = (tensors: ReturnType<typeof fresh>) =>
    new TensorStepper(
      tensors,
      ruleOf({ rule: c.rule, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 }),
      c.weight_decay,
    );

  Deno.test(`${c.rule} is transformers' over six steps, and continues from its state bit for bit: ${c.dtype}, weight decay ${c.weight_decay}`, () => {
    const whole = fresh(), cut = fresh(), straight = stepper(whole);
    let resumed = stepper(cut);
    c.steps.forEach(({ lr, grads, params_after }, t) => {
      if (t === 3) {
        const saved = structuredClone(resumed.state());
        resumed = stepper(cut);
        resumed.restore(saved);
      }
      for (const one of [straight, resumed]) one.step(NAMES.map((name) => make(grads[name])), lr);
      for (const { name, values } of whole) {
        assertNear(values, flat(params_after[name]), { rtol, atol }, `${name} at ${t}`);
      }
    });
    assertEquals(cut, whole);
    const { step, ...kept } = straight.state();
    assertEquals(step![0], 6);
    assertEquals(Object.keys(kept).sort(), Object.keys(c.state_after).sort());
    for (const [name, values] of Object.entries(kept)) {
      assertNear(values, flat(c.state_after[name]), { rtol, atol: single ? 1e-9 : 0 }, name);
    }
  });
}
