/** AdamW on a device against torch's tables, on every backend. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { orExit } from "../testing/aim.ts";
import { testBackends } from "../testing/backends.ts";
import type { Backend, Tensor } from "../backend.ts";
import type { WebGpuBackend } from "../backends/webgpu/mod.ts";
import { AdamW, type AdamWOptions } from "./adamw.ts";
import { DeviceOptimizer, type DeviceTensors } from "./device_optimizer.ts";
import { readJson } from "../../tests/helpers/tiny_model.ts";

const { cases } = readJson(new URL("../../fixtures/goldens/optim/adamw.json", import.meta.url).pathname);

/** Trained tensors without a model. */
class Tensors implements DeviceTensors {
  readonly trained = new Map<string, { shape: readonly number[]; tensor: Tensor }>();
  readonly #gradients = new Map<string, Tensor>();

  constructor(readonly backend: Backend, start: Record<string, unknown>) {
    for (const [name, nested] of Object.entries(start)) this.#put(this.trained, name, nested);
  }

  /** Nested lists as torch prints them. */
  setGradients(nested: Record<string, unknown>): void {
    for (const [name, values] of Object.entries(nested)) {
      const made = new Map<string, { shape: readonly number[]; tensor: Tensor }>();
      this.#put(made, name, values);
      this.#gradients.get(name)?.dispose();
      this.#gradients.set(name, made.get(name)!.tensor);
    }
  }

  gradient(name: string): Tensor {
    return this.#gradients.get(name)!;
  }

  zeroGradients(): void {
    for (const tensor of this.#gradients.values()) tensor.dispose();
    this.#gradients.clear();
  }

  replace(name: string, tensor: Tensor): void {
    const { shape, tensor: old } = this.trained.get(name)!;
    old.dispose();
    this.trained.set(name, { shape, tensor });
  }

  #put(into: Map<string, { shape: readonly number[]; tensor: Tensor }>, name: string, nested: unknown): void {
    const rows = nested as number[] | number[][];
    const shape = Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
    into.set(name, { shape, tensor: this.backend.upload(Float32Array.from(flat(nested)), shape) });
  }
}

function flat(nested: unknown): number[] {
  return Array.isArray(nested) ? nested.flat(Infinity).map(Number) : [Number(nested)];
}

function assertNear(actual: ArrayLike<number>, expected: number[], atol: number, what: string): void {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((e, i) =>
    assert(
      Math.abs(actual[i]! - e) <= 1e-6 * Math.abs(e) + atol,
      `${what}[${i}]: ${actual[i]}, expected ${e}`,
    )
  );
}

const options: AdamWOptions = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 };
// Two blocks of the same tensors, and one outside of blocks.
const start = {
  "model.layers.0.a.weight": [[1, -2, 3], [0.5, 0.25, -0.125]],
  "model.layers.1.a.weight": [[0, 1, 0], [2, -1, 4]],
  "model.norm.weight": [1, 1, 1],
};
const gradient = (t: number) =>
  Object.fromEntries(
    Object.entries(start).map(([name, nested], n) => [
      name,
      Array.isArray(nested[0])
        ? (nested as number[][]).map((row, r) => row.map((_, c) => Math.sin(t + n + 2 * r + 3 * c)))
        : nested.map((_, c) => Math.cos(t + c)),
    ]),
  );

for (const { name: on, ignore, make } of await orExit(() => testBackends())) {
  for (const [name, c] of Object.entries<typeof cases[string]>(cases)) {
    Deno.test({
      name: `DeviceOptimizer equals torch's AdamW over 20 steps: ${name}, ${on}`,
      ignore,
      fn: async () => {
        const backend = await make(), tensors = new Tensors(backend, c.start);
        const { betas, eps: epsilon, weight_decay: weightDecay } = c;
        const optimizer = new DeviceOptimizer(backend, tensors, { betas, epsilon, weightDecay });
        for (const [t, step] of c.steps.entries()) {
          tensors.setGradients(step.grads);
          await optimizer.step(step.lr, 0);
          for (const [parameter, { tensor }] of tensors.trained) {
            const expected = flat(step.params_after[parameter]);
            assertNear(await backend.download(tensor), expected, 1e-7, `${parameter} at ${t}`);
          }
        }
        const state = await optimizer.state();
        assertEquals(state.step![0], 20);
        for (const parameter of Object.keys(c.start)) {
          const { exp_avg, exp_avg_sq } = c.state_after[parameter];
          assertNear(state[`exp_avg.${parameter}`]!, flat(exp_avg), 1e-7, `exp_avg.${parameter}`);
          assertNear(state[`exp_avg_sq.${parameter}`]!, flat(exp_avg_sq), 1e-12, `exp_avg_sq.${parameter}`);
        }
        await backend.dispose();
      },
    });
  }

  Deno.test({
    name: `DeviceOptimizer clips as the host's optimizer does, and continues from a saved state: ${on}`,
    ignore,
    fn: async () => {
      const backend = await make();
      let tensors = new Tensors(backend, start);
      let optimizer = new DeviceOptimizer(backend, tensors, options);
      const values = Object.fromEntries(
        Object.entries(start).map(([n, v]) => [n, Float32Array.from(flat(v))]),
      );
      const host = new AdamW(
        Object.entries(values).map(([n, v]) => ({ name: n, values: v, decay: !n.includes("norm") })),
        options,
      );
      for (let t = 0; t < 6; t++) {
        if (t === 3) {
          const state = await optimizer.state();
          const nested = await Promise.all(
            [...tensors.trained].map(async ([name, { shape, tensor }]) => {
              const all = [...await backend.download(tensor)];
              const rows = shape.length === 1 ? all : [all.slice(0, shape[1]), all.slice(shape[1])];
              return [name, rows] as const;
            }),
          );
          tensors = new Tensors(backend, Object.fromEntries(nested));
          optimizer = new DeviceOptimizer(backend, tensors, options);
          optimizer.restore(state);
        }
        const gradients = gradient(t),
          lists = Object.values(gradients).map((g) => Float32Array.from(flat(g)));
        const norm = Math.hypot(...lists.flatMap((g) => [...g]));
        tensors.setGradients(gradients);
        assertNear([await optimizer.step(0.01, 0.5)], [norm], 0, "norm");
        host.step(lists, 0.01, 0.5 / (norm + 1e-6));
        for (const [name, { tensor }] of tensors.trained) {
          assertNear(await backend.download(tensor), [...values[name]!], 1e-7, `${name} at ${t}`);
        }
      }
      await backend.dispose();
    },
  });

  Deno.test({
    name: `DeviceOptimizer steps B as AdamW of the ratio times the rate does, all else at the rate: ${on}`,
    ignore,
    fn: async () => {
      const b = "model.layers.0.up_proj.lora_B.weight", a = b.replace("lora_B", "lora_A");
      const nested = [[1, -2, 3], [0.5, 0.25, -0.125]];
      const backend = await make(), tensors = new Tensors(backend, { [a]: nested, [b]: nested });
      const optimizer = new DeviceOptimizer(backend, tensors, { ...options, ratioOfB: 4 });
      // The definition of LoRA+: groups of their own rates, each an AdamW.
      const host = [1, 4].map((ratio) => {
        const values = Float32Array.from(flat(nested));
        const adamw = new AdamW([{ name: "w", values, decay: true }], options);
        return { values, step: (g: Float32Array, factor: number) => adamw.step([g], ratio * 0.01, factor) };
      });
      for (let t = 0; t < 6; t++) {
        const rows = nested.map((row, r) => row.map((_, c) => Math.sin(t + 2 * r + 3 * c)));
        tensors.setGradients({ [a]: rows, [b]: rows });
        const g = Float32Array.from(flat(rows)), norm = Math.hypot(...g, ...g);
        if (t % 2 === 0) await optimizer.step(0.01, 0.5);
        else {
          await optimizer.stepAhead(0.01, 0.5);
          await optimizer.lateNorm();
        }
        for (const { step } of host) step(g, 0.5 / (norm + 1e-6));
        for (const [i, name] of [a, b].entries()) {
          const { tensor } = tensors.trained.get(name)!;
          assertNear(await backend.download(tensor), [...host[i]!.values], 2e-7, `${name} at ${t}`);
        }
      }
      await backend.dispose();
    },
  });

  Deno.test({
    name: `DeviceOptimizer names a gradient that isn't finite and changes nothing: ${on}`,
    ignore,
    fn: async () => {
      const backend = await make(), tensors = new Tensors(backend, start);
      const optimizer = new DeviceOptimizer(backend, tensors, options);
      const bad = gradient(0), rows = bad["model.layers.1.a.weight"] as number[][];
      rows[1]![2] = NaN;
      tensors.setGradients(bad);
      await assertRejects(
        () => optimizer.step(0.01, 1),
        RangeError,
        'gradient of "model.layers.1.a.weight" as it needs finite numbers: current value at index 5 is NaN',
      );
      // Squares of 1e25 overflow in float32, the numbers don't.
      rows[1]![2] = 1e25;
      tensors.setGradients(bad);
      const norm = await optimizer.step(0.01, 1);
      assertNear([norm], [Math.fround(1e25)], 0, "norm");
      assertEquals((await optimizer.state()).step![0], 1);
      assertThrows(() => optimizer.restore({ step: [1] as unknown as Float32Array }), TypeError, "exp_avg.");
      await backend.dispose();
    },
  });

  if (on !== "webgpu") continue;
  Deno.test({
    name: "DeviceOptimizer: the number of buffers is flat over steps",
    ignore,
    fn: async () => {
      const backend = await make() as WebGpuBackend, tensors = new Tensors(backend, start);
      const optimizer = new DeviceOptimizer(backend, tensors, options), counts: number[] = [];
      for (let t = 0; t < 6; t++) {
        tensors.setGradients(gradient(t));
        await optimizer.step(0.01, 1);
        counts.push(backend.stats().buffers);
      }
      assertEquals(counts.slice(2), Array(4).fill(counts[2]));
      await backend.dispose();
    },
  });
}
