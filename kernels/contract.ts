/**
 * Running one kernel alone on inputs of a sample, for the contract test, `doctor` and self-tests.
 * @module
 */
import { f64 } from "../formats/elements.ts";
import { type Backend, elements, type HostArray } from "./backend.ts";
import { type Graph, GraphBuilder, type Value } from "./graph.ts";
import { concreteShape } from "./sizes.ts";
import type { Arrays, Axes, Kernel, Sample, Tolerance } from "./kernel.ts";

/**
 * Inputs of a sample: ramps with an irrational step, which any language can make, rounded to float32.
 * @throws {TypeError} If an integer input has no data, or an axis no size
 */
export function sampleInputs<In extends Axes, Out extends Axes>(
  kernel: Kernel<In, Out>,
  sample: Sample,
): { -readonly [Name in keyof In]: Float64Array } {
  const arrays: Arrays = Object.fromEntries(
    Object.entries(kernel.inputs).map(([name, axes], index) => {
      const given = sample.data?.[name];
      if (given) return [name, Float64Array.from(given)];
      if (kernel.integers?.includes(name)) {
        throw new TypeError(`Sample of ${kernel.name} needs data for integer input "${name}"`);
      }
      const [low, high] = sample.range?.[name] ?? [-1, 1];
      const values = new Float64Array(elements(shapeOf(axes, sample)));
      for (let i = 0; i < values.length; i++) {
        const place = (i + 1) * 0.6180339887 + (index + 1) * 0.3141592653;
        // exactly `place % 1`, which takes several times as long
        values[i] = Math.fround(low + (high - low) * (place - Math.floor(place)));
      }
      return [name, values];
    }),
  );
  return arrays as { -readonly [Name in keyof In]: Float64Array };
}

/** Sizes of axes in a sample. */
export function shapeOf(axes: readonly string[], sample: Sample): number[] {
  return axes.map((axis) => sizeOf(axis, sample));
}

function sizeOf(axis: string, { dims, note }: Sample): number {
  const size = dims[axis];
  if (size === undefined) throw new TypeError(`Sample "${note}" doesn't size axis "${axis}"`);
  return size;
}

/** A graph of one application of the kernel, with symbolic sizes for `symbolicAxes`. */
export function kernelGraph(kernel: Kernel, sample: Sample, symbolicAxes: readonly string[] = []): Graph {
  const g = new GraphBuilder();
  const inputs = Object.fromEntries(
    Object.entries(kernel.inputs).map(([name, axes]) => {
      const shape = axes.map((axis) => symbolicAxes.includes(axis) ? axis : sizeOf(axis, sample));
      return [name, g.input(name, shape, kernel.integers?.includes(name) ? "i32" : "f32")];
    }),
  );
  return g.finish(g.run(kernel, inputs, sample.attrs));
}

/** How {@linkcode runOnce} runs a graph. */
export interface RunOnceOptions {
  /** Of the graph's symbolic axes. */
  sizes?: Record<string, number>;
  /** Inputs that are uploaded as weights that stay. */
  frozen?: readonly string[];
}

/** Runs a graph once on a backend from float64 values. */
export async function runOnce(
  backend: Backend,
  graph: Graph,
  inputs: Arrays,
  { sizes = {}, frozen = [] }: RunOnceOptions = {},
): Promise<Arrays> {
  const program = await backend.compile(graph, "once");
  const tensors = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, value]) => {
      const values = hostArray(value, inputs[name]);
      const shape = concreteShape(value, new Map(Object.entries(sizes)));
      return [name, backend.upload(values, shape, { frozen: frozen.includes(name) })];
    }),
  );
  const results = await program.run(tensors);
  const arrays: Arrays = {};
  for (const [name, tensor] of Object.entries(results)) {
    arrays[name] = Float64Array.from(await backend.download(tensor));
  }
  for (const tensor of [...Object.values(results), ...Object.values(tensors)]) tensor.dispose();
  await program.dispose();
  return arrays;
}

/** Values of a graph input as a backend takes them. @throws {TypeError} If there are none. */
export function hostArray({ type, shape }: Value, values: Float64Array | undefined): HostArray {
  if (!values) throw new TypeError(`Cannot upload an input of shape [${shape}]: its values are missing`);
  return type === "i32" ? Int32Array.from(values) : Float32Array.from(values);
}

/** The worst element by |a − b| / (atol + rtol |b|); above 1 it is outside. NaN and infinities count as infinitely wrong unless equal. */
export function worst(
  actual: Float64Array,
  expected: Float64Array,
  { atol, rtol }: Tolerance,
): { ratio: number; index: number } {
  let ratio = actual.length === expected.length ? 0 : Infinity, index = -1;
  for (let i = 0; i < expected.length && ratio < Infinity; i++) {
    const a = f64(actual, i), b = f64(expected, i);
    const r = Object.is(a, b) || a === b ? 0 : Math.abs(a - b) / (atol + rtol * Math.abs(b));
    if (!(r <= ratio)) [ratio, index] = [Number.isNaN(r) ? Infinity : r, i];
  }
  return { ratio, index };
}
