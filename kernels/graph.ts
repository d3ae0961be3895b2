/**
 * Graphs: lists of kernel applications over values with symbolic sizes.
 * @module
 */
import type { Attributes, Axes, GraphWriter, Kernel, PerTensor, SymbolicDims } from "./kernel.ts";
import { type Size, type Value, ValueMap } from "./value.ts";

export { type Size, type Value, ValueMap };

/** One application of a kernel. */
export interface Node {
  /** The kernel that is applied. */
  readonly kernel: Kernel;
  /** To which values, by the kernel's names. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Values that come out, by the kernel's names. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Attributes of the application. */
  readonly attrs: Attributes;
}

/** A graph in execution order. */
export interface Graph {
  /** Values that a run is given. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Applications, each behind those that it needs. */
  readonly nodes: readonly Node[];
  /** Values that a run gives. */
  readonly outputs: Readonly<Record<string, Value>>;
}

/** Builds a graph; a kernel's `grad` gets one to write into. */
export class GraphBuilder implements GraphWriter {
  #next: number;
  /** Inputs so far. */
  readonly inputs: Record<string, Value> = {};
  /** Applications so far. */
  readonly nodes: Node[] = [];

  /** Starts empty, or with the inputs and nodes of a graph, to append to. */
  constructor(base?: Graph) {
    this.#next = 0;
    if (!base) return;
    Object.assign(this.inputs, base.inputs);
    this.nodes.push(...base.nodes);
    const ids = [...Object.values(base.inputs), ...base.nodes.flatMap((n) => Object.values(n.outputs))].map((
      v,
    ) => v.id);
    this.#next = ids.reduce((max, id) => Math.max(max, id + 1), 0);
  }

  /** Declares an input. @throws {RangeError} If the name is taken. */
  input(name: string, shape: readonly Size[], type: "f32" | "i32" = "f32"): Value {
    if (this.inputs[name]) throw new RangeError(`Cannot declare graph input "${name}": the name is taken`);
    return this.inputs[name] = { id: this.#next++, shape, type };
  }

  /**
   * Applies a kernel.
   * @throws {TypeError} If an input is missing, or its rank, size or type doesn't fit; kernel, input, axis and sizes are named.
   * @throws {RangeError} If attributes don't fit the inputs' sizes
   */
  run<In extends Axes, Out extends Axes>(
    kernel: Kernel<In, Out>,
    inputs: PerTensor<NoInfer<In>, Value>,
    attrs: Attributes = {},
  ): PerTensor<Out, Value> {
    const sizes = bindAxes(kernel, inputs);
    Object.assign(sizes, kernel.outputSizes?.(symbolic(sizes), attrs));
    const outputs = mapEntries(kernel.outputs, (axes, name): Value => {
      const shape = axes.map((axis) => {
        const size = sizes[axis];
        if (size === undefined) {
          throw new TypeError(`Cannot size axis "${axis}" of output "${name}" of kernel ${kernel.name}`);
        }
        return size;
      });
      const type = kernel.integerOutputs?.includes(name) ? "i32" : "f32";
      return { id: this.#next++, shape, type };
    });
    this.nodes.push({ kernel, inputs, outputs, attrs });
    return outputs;
  }

  /**
   * Appends another graph.
   * @param given Values for its inputs; those that aren't given become inputs here, under the name that `rename` makes of theirs.
   * @returns Its outputs.
   */
  include(
    graph: Graph,
    given: Readonly<Record<string, Value>>,
    rename: (name: string) => string,
  ): Record<string, Value> {
    const here = new ValueMap<Value>();
    for (const [name, value] of Object.entries(graph.inputs)) {
      here.set(value, given[name] ?? this.input(rename(name), value.shape, value.type));
    }
    for (const { kernel, inputs, outputs, attrs } of graph.nodes) {
      const made = this.run(kernel, mapValues(inputs, (v) => here.of(v)), attrs);
      for (const [name, value] of Object.entries(made)) {
        const output = outputs[name];
        if (output) here.set(output, value);
      }
    }
    return mapValues(graph.outputs, (v) => here.of(v));
  }

  /** The graph of what `outputs` need; other nodes are left out. Inputs all stay. */
  finish(outputs: Readonly<Record<string, Value>>): Graph {
    return prune({ inputs: { ...this.inputs }, nodes: this.nodes, outputs });
  }
}

/** Leaves out nodes that no output needs. Inputs all stay. */
export function prune(graph: Graph): Graph {
  const needed = new Set(Object.values(graph.outputs).map((v) => v.id));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!Object.values(node.outputs).some((v) => needed.has(v.id))) continue;
    for (const input of Object.values(node.inputs)) needed.add(input.id);
    nodes.push(node);
  }
  return { ...graph, nodes: nodes.reverse() };
}

/** Leaves out inputs that nothing uses. */
export function withUsedInputs(graph: Graph): Graph {
  const used = new Set(graph.nodes.flatMap((n) => Object.values(n.inputs).map((v) => v.id)));
  Object.values(graph.outputs).forEach((v) => used.add(v.id));
  return {
    ...graph,
    inputs: Object.fromEntries(Object.entries(graph.inputs).filter(([, v]) => used.has(v.id))),
  };
}

/** The same names with other values. */
export function mapValues(
  values: Readonly<Record<string, Value>>,
  change: (value: Value) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

/** The same names with something made from each entry. */
function mapEntries<A extends Axes, T>(
  axes: A,
  make: (axes: readonly string[], name: string) => T,
): PerTensor<A, T> {
  const entries = Object.entries(axes).map(([name, list]) => [name, make(list, name)]);
  return Object.fromEntries(entries) as PerTensor<A, T>;
}

/** Sizes of a kernel's axes from its inputs' shapes. */
function bindAxes(kernel: Kernel, inputs: Readonly<Record<string, Value>>): Record<string, Size> {
  const sizes: Record<string, Size> = {};
  for (const [name, axes] of Object.entries(kernel.inputs)) {
    const value = inputs[name];
    if (!value) throw new TypeError(`Cannot run kernel ${kernel.name}: input "${name}" is missing`);
    const type = kernel.integers?.includes(name) ? "i32" : "f32";
    if (value.type !== type) {
      throw new TypeError(
        `Cannot run kernel ${kernel.name}: input "${name}" needs ${type}: current value is ${value.type}`,
      );
    }
    if (value.shape.length !== axes.length) {
      throw new TypeError(
        `Cannot run kernel ${kernel.name}: input "${name}" needs axes [${axes}]: current value is [${value.shape}]`,
      );
    }
    for (const [axis, size] of axisSizes(axes, value)) {
      const bound = sizes[axis] ??= size;
      if (bound !== size) {
        throw new TypeError(
          `Cannot run kernel ${kernel.name}: input "${name}" needs axis "${axis}" of size ${bound}: current value is ${size}`,
        );
      }
    }
  }
  for (const name of Object.keys(inputs)) {
    if (!kernel.inputs[name]) {
      throw new TypeError(`Cannot run kernel ${kernel.name}: it has no input "${name}"`);
    }
  }
  return sizes;
}

/** Axis names beside their sizes, in order. */
function axisSizes(axes: readonly string[], { shape }: Value): [axis: string, size: Size][] {
  return shape.flatMap((size, i) => {
    const axis = axes[i];
    return axis === undefined ? [] : [[axis, size]];
  });
}

/** Sizes as a lowering takes them: numbers, or null where symbolic. */
export function symbolic(sizes: Readonly<Record<string, Size>>): SymbolicDims {
  return Object.fromEntries(Object.entries(sizes).map(([k, v]) => [k, typeof v === "number" ? v : null]));
}

/** Axis sizes of one node. */
export function nodeSizes(node: Node): Record<string, Size> {
  const sizes: Record<string, Size> = {};
  for (const [name, value] of [...Object.entries(node.inputs), ...Object.entries(node.outputs)]) {
    const axes = node.kernel.inputs[name] ?? node.kernel.outputs[name] ?? [];
    for (const [axis, size] of axisSizes(axes, value)) sizes[axis] ??= size;
  }
  return sizes;
}
