/**
 * Graphs: lists of kernel applications over values with symbolic sizes.
 * @module
 */
import type { Attributes, Kernel, SymbolicDims } from "./kernel.ts";

/** Size of an axis: a number, or the name of a size that is known only when the program runs, such as "T". */
export type Size = number | string;

/** A tensor in a graph. */
export interface Value {
  readonly id: number;
  readonly shape: readonly Size[];
  readonly type: "f32" | "i32";
}

/** One application of a kernel. */
export interface Node {
  readonly kernel: Kernel;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly attrs: Attributes;
}

/** A graph in execution order. */
export interface Graph {
  readonly inputs: Readonly<Record<string, Value>>;
  readonly nodes: readonly Node[];
  readonly outputs: Readonly<Record<string, Value>>;
}

/** Builds a graph; a kernel's `grad` gets one to write into. */
export class GraphBuilder {
  #next: number;
  readonly inputs: Record<string, Value> = {};
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
   */
  run(
    kernel: Kernel,
    inputs: Readonly<Record<string, Value>>,
    attrs: Attributes = {},
  ): Record<string, Value> {
    const sizes = bindAxes(kernel, inputs, attrs);
    const outputs: Record<string, Value> = {};
    for (const [name, axes] of Object.entries(kernel.outputs)) {
      const shape = axes.map((axis) => {
        const size = sizes[axis];
        if (size === undefined) {
          throw new TypeError(`Cannot size axis "${axis}" of output "${name}" of kernel ${kernel.name}`);
        }
        return size;
      });
      outputs[name] = { id: this.#next++, shape, type: "f32" };
    }
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
    const here = new Map<number, Value>();
    for (const [name, value] of Object.entries(graph.inputs)) {
      here.set(value.id, given[name] ?? this.input(rename(name), value.shape, value.type));
    }
    for (const { kernel, inputs, outputs, attrs } of graph.nodes) {
      const made = this.run(kernel, mapValues(inputs, (v) => here.get(v.id)!), attrs);
      for (const [name, value] of Object.entries(outputs)) here.set(value.id, made[name]!);
    }
    return mapValues(graph.outputs, (v) => here.get(v.id)!);
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

/** Sizes of a kernel's axes from its inputs' shapes. */
function bindAxes(
  kernel: Kernel,
  inputs: Readonly<Record<string, Value>>,
  attrs: Attributes,
): Record<string, Size> {
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
    axes.forEach((axis, i) => {
      const size = value.shape[i]!;
      const bound = sizes[axis] ??= size;
      if (bound !== size) {
        throw new TypeError(
          `Cannot run kernel ${kernel.name}: input "${name}" needs axis "${axis}" of size ${bound}: current value is ${size}`,
        );
      }
    });
  }
  for (const name of Object.keys(inputs)) {
    if (!kernel.inputs[name]) {
      throw new TypeError(`Cannot run kernel ${kernel.name}: it has no input "${name}"`);
    }
  }
  const extra = kernel.axes?.(symbolic(sizes), attrs) ?? {};
  for (const [axis, size] of Object.entries(extra)) sizes[axis] = size ?? axis;
  return sizes;
}

/** Sizes as a lowering takes them: numbers, or null where symbolic. */
export function symbolic(sizes: Readonly<Record<string, Size>>): SymbolicDims {
  return Object.fromEntries(Object.entries(sizes).map(([k, v]) => [k, typeof v === "number" ? v : null]));
}

/** Axis sizes of one node. */
export function nodeSizes(node: Node): Record<string, Size> {
  const sizes: Record<string, Size> = {};
  const collect = (
    axes: Readonly<Record<string, readonly string[]>>,
    values: Readonly<Record<string, Value>>,
  ) => {
    for (const [name, list] of Object.entries(axes)) {
      list.forEach((axis, i) => sizes[axis] ??= values[name]!.shape[i]!);
    }
  };
  collect(node.kernel.inputs, node.inputs);
  collect(node.kernel.outputs, node.outputs);
  return sizes;
}
