/** AdamW on a device against torch's tables, on every backend. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { orExit } from "../../testing/aim.ts";
import { testBackends } from "../../testing/backends.ts";
import type { Backend } from "../../backend.ts";
import type { WebGpuBackend } from "../../backends/webgpu/mod.ts";
import { type AdamWOptions, adamwRule } from "./adamw.ts";
import { TensorStepper } from "./tensor_stepper.ts";
import { DeviceOptimizer } from "./device_optimizer.ts";
import { TrainedTensors } from "../weights/trained_tensors.ts";
import { readJson } from "../../../tests/helpers/tiny_model.ts";

const { cases } = readJson(new URL("../../../fixtures/goldens/optim/adamw.json", import.meta.url).pathname);

/** Trained tensors without a model; nested lists as torch prints them. */
class Tensors extends TrainedTensors {
  constructor(backend: Backend, start: Record<string, unknown>) {
    super(backend, new Map(Object.entries(start).map(([name, nested]) => [name, shapeOf(nested)])));
    for (const [name, nested] of Object.entries(start)) this.put(name, Float32Array.from(flat(nested)));
  }

  setGradients(nested: Record<string, unknown>): void {
    this.zeroGradients();
    for (const [name, given] of Object.entries(nested)) {
      const values = Float32Array.from(flat(given)), place = this.gradientPlace(name);
      if (place) this.backend.write(place, values);
      this.setGradient(name, place ?? this.backend.upload(values, shapeOf(given)));
    }
  }
}

function shapeOf(nested: unknown): number[] {
  const rows = nested as number[] | number[][];
  return Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
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
          for (const [parameter, { tensor }] of tensors.all) {
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
      const host = new TensorStepper(
        Object.entries(values).map(([n, v]) => ({ name: n, values: v, decay: !n.includes("norm") })),
        adamwRule(options),
        options.weightDecay,
      );
      for (let t = 0; t < 6; t++) {
        if (t === 3) {
          const state = await optimizer.state();
          const nested = await Promise.all(
            [...tensors.all].map(async ([name, { shape, tensor }]) => {
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
        for (const [name, { tensor }] of tensors.all) {
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
        const adamw = new TensorStepper(
          [{ name: "w", values, decay: true }],
          adamwRule(options),
          options.weightDecay,
        );
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
          const { tensor } = tensors.all.get(name)!;
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
    name:
      "DeviceOptimizer steps tensors that lie side by side to the bits that each gets alone, in a few dispatches",
    ignore,
    fn: async () => {
      const lora = (layer: number, module: string) => `model.layers.${layer}.${module}.weight`;
      // Sizes that fill no row, one that fills some, and more than a workgroup sums.
      const shapes = new Map(
        [0, 1, 2].flatMap((layer): [string, number[]][] => [
          [lora(layer, "up_proj.lora_A"), [8, 3001]],
          [lora(layer, "up_proj.lora_B"), [3001 + layer, 8]],
          [lora(layer, "down_proj.lora_A"), [3, 5]],
          [lora(layer, "down_proj.lora_B"), [64, 1]],
        ]),
      );
      const backend = await make() as WebGpuBackend, { parts: _, ...apart } = backend;
      const all: Float32Array[][] = [], norms: number[][] = [], counts: number[] = [];
      for (const on of [backend, apart]) {
        const tensors = new TrainedTensors(on, shapes);
        const wave = (at: number, count: number) =>
          Float32Array.from({ length: count }, (_, i) => Math.sin(at + i));
        [...shapes].forEach(([name, shape], at) => tensors.put(name, wave(at, shape[0]! * shape[1]!)));
        const optimizer = new DeviceOptimizer(on, tensors, { ...options, ratioOfB: 4 });
        for (let t = 0; t < 3; t++) {
          [...shapes].forEach(([name, shape], at) => {
            const values = wave(7 * t + at, shape[0]! * shape[1]!), place = tensors.gradientPlace(name);
            if (place) on.write(place, values);
            tensors.setGradient(name, place ?? on.upload(values, shape));
          });
          const { dispatches } = backend.work;
          await optimizer.stepAhead(0.01, 0);
          counts.push(backend.work.dispatches - dispatches);
          (norms[t] ??= []).push((await optimizer.lateNorm())!);
        }
        const state = await optimizer.state();
        const values = [...tensors.all.values()].map(({ tensor }) => on.download(tensor));
        all.push([
          ...await Promise.all(values) as Float32Array[],
          ...[...shapes.keys()].flatMap((name) => [state[`exp_avg.${name}`]!, state[`exp_avg_sq.${name}`]!])
            .map((moments) => Float32Array.from(moments)),
        ]);
        // Gradients are zero again.
        const gradients = await Promise.all(
          [...shapes.keys()].map((name) => on.download(tensors.gradient(name))),
        );
        assert(gradients.every((values) => values.every((value) => value === 0)));
      }
      assertEquals(all[0], all[1]);
      // Squares are summed in another order: the norm's last bits differ.
      for (const [together, alone] of norms) assertNear([together!], [alone!], 0, "norm");
      // Clipping gives two sets of hyperparameters here, and squares and steps two of each kind.
      assertEquals([...new Set(counts)], [2 * 2 + 2 + 2, 2 + 2 * shapes.size]);
      await backend.dispose();
    },
  });

  Deno.test({
    name: "a part of a tensor is a tensor of its own that begins at a multiple of 64 elements",
    ignore,
    fn: async () => {
      const backend = await make(), { parts } = backend, whole = parts!.zeros([3, 64]);
      const part = parts!.of(whole, 64, [5, 2]);
      backend.write(part, Float32Array.from({ length: 10 }, (_, i) => i + 1));
      assertEquals([...await backend.download(part)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      const all = [...await backend.download(whole)];
      assertEquals([all.indexOf(1), all.reduce((a, b) => a + b)], [64, 55]);
      assertThrows(() => parts!.of(whole, 32, [2]), RangeError, "parts begin at multiples of 64");
      assertThrows(() => parts!.of(whole, 128, [65]), RangeError, "elements 128 to 193");
      parts!.clear(whole);
      assert((await backend.download(part)).every((value) => value === 0));
      await backend.dispose();
    },
  });

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
