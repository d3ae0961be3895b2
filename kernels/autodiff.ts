/**
 * Reverse mode: a graph becomes the graph of its gradients, written with the kernels' own `grad`.
 * @module
 */
import {
  type Graph,
  GraphBuilder,
  mapValues,
  type Node,
  prune,
  type Value,
  ValueMap,
  withUsedInputs,
} from "./graph.ts";
import type { Axes, Gradients, Kernel } from "./kernel.ts";
import { addOfRank } from "./ops/arithmetic/add.ts";
import { matmulTn } from "./ops/products/products.ts";

/** A forward graph and the backward graph that belongs to it. */
export interface Differentiated {
  /** The given outputs, and those values the backward graph wants kept, named `saved.N`. */
  forward: Graph;
  /** Inputs: those of the forward graph it still needs, `saved.N`, and `d.OUTPUT`. Outputs: `d.INPUT` for each of `wrt`. */
  backward: Graph;
}

/**
 * Activations kept from the forward pass: `inputs` none but those of {@linkcode Kernel.ofWeights} kernels, the rest is recomputed (gradient
 * checkpointing), `dear` those of {@linkcode Kernel.dear} kernels as well and narrow factors of weights' gradients (LoRA's), `activations` all but those
 * of {@linkcode Kernel.cheap} ones.
 */
export type Keep = "inputs" | "dear" | "activations";

const KEPT: Readonly<Record<Keep, (kernel: Kernel) => boolean>> = {
  inputs: ({ ofWeights = false }) => ofWeights,
  dear: ({ dear = false, ofWeights = false }) => dear || ofWeights,
  activations: ({ cheap = false }) => !cheap,
};

/**
 * Differentiates a graph.
 * @param graph The forward graph.
 * @param seeds Names of outputs that have a gradient.
 * @param wrt Names of inputs whose gradients are wanted.
 * @throws {TypeError} If a kernel on the way has no gradient, or an input isn't reached.
 */
export function differentiate(
  graph: Graph,
  seeds: readonly string[],
  wrt: readonly string[],
  keep: Keep = "activations",
): Differentiated {
  const g = new GraphBuilder(graph);
  const depends = dependents(graph, wrt);
  const gradients = new ValueMap<Value>();
  const accumulate = (value: Value, gradient: Value) => {
    const before = gradients.find(value);
    gradients.set(
      value,
      before ? g.run(addOfRank(value.shape.length), { a: before, b: gradient }).y : gradient,
    );
  };
  for (const name of seeds) {
    const output = graph.outputs[name];
    if (!output) throw new TypeError(`Cannot differentiate: there is no output "${name}"`);
    accumulate(output, g.input(`d.${name}`, output.shape));
  }
  for (const node of graph.nodes.toReversed()) {
    const outputGradients = Object.fromEntries(
      Object.entries(node.outputs).map(([name, v]) => [name, gradients.find(v) ?? null]),
    );
    if (Object.values(outputGradients).every((v) => v === null)) continue;
    const wanted = Object.entries(node.inputs).filter(([, value]) => depends.has(value.id));
    if (wanted.length === 0) continue;
    const needs = new Set(wanted.map(([name]) => name));
    const made = inputGradients(g, node, outputGradients, needs);
    for (const [name, value] of wanted) {
      const gradient = made[name];
      if (gradient) accumulate(value, gradient);
    }
  }
  const outputs: Record<string, Value> = {};
  for (const name of wrt) {
    const input = graph.inputs[name], gradient = input && gradients.find(input);
    if (!gradient) throw new TypeError(`Cannot differentiate by input "${name}": no output depends on it`);
    outputs[`d.${name}`] = gradient;
  }
  return split(graph, prune({ inputs: g.inputs, nodes: g.nodes, outputs }), keep);
}

function inputGradients(
  g: GraphBuilder,
  node: Node,
  gradients: Record<string, Value | null>,
  needs: ReadonlySet<string>,
): Gradients<Axes> {
  if (!node.kernel.grad) {
    throw new TypeError(`Cannot differentiate kernel ${node.kernel.name}: it has no gradient`);
  }
  return node.kernel.grad(g, {
    inputs: node.inputs,
    outputs: node.outputs,
    gradients,
    attrs: node.attrs,
    needs,
  });
}

/** Ids of values that depend on any of the named inputs. */
function dependents(graph: Graph, names: readonly string[]): Set<number> {
  const ids = new Set(names.map((name) => {
    const value = graph.inputs[name];
    if (!value) throw new TypeError(`Cannot differentiate by input "${name}": the graph has no such input`);
    return value.id;
  }));
  for (const node of graph.nodes) {
    if (Object.values(node.inputs).some((v) => ids.has(v.id))) {
      Object.values(node.outputs).forEach((v) => ids.add(v.id));
    }
  }
  return ids;
}

/** Cuts the joint graph in two: what the backward part takes from the forward pass becomes `saved.N`, or is recomputed. */
function split(forward: Graph, joint: Graph, keep: Keep): Differentiated {
  const forwardNodes = new Set(forward.nodes);
  const producer = new Map<number, Node>();
  for (const node of forward.nodes) Object.values(node.outputs).forEach((v) => producer.set(v.id, node));
  const own = joint.nodes.filter((n) => !forwardNodes.has(n)),
    wanted = own.flatMap((n) => Object.values(n.inputs));
  const narrow = new Set<Node>();
  let { saved, recomputed } = shared(wanted, producer, ({ kernel }) => KEPT[keep](kernel));
  if (keep === "dear") {
    const readers = [...recomputed, ...own];
    for (const node of recomputed) if (isNarrowFactor(node, readers)) narrow.add(node);
    ({ saved, recomputed } = shared(wanted, producer, (node) => KEPT[keep](node.kernel) || narrow.has(node)));
  }
  const nodes = joint.nodes.filter((n) => !forwardNodes.has(n) || recomputed.has(n));
  const backward = withUsedInputs({ inputs: { ...joint.inputs, ...saved }, nodes, outputs: joint.outputs });
  return { forward: { ...forward, outputs: { ...forward.outputs, ...saved } }, backward };
}

/** Of values that the backward part takes from the forward pass: those that are kept as `saved.N`, and nodes that make the others again. */
function shared(
  wanted: readonly Value[],
  producer: ReadonlyMap<number, Node>,
  isKept: (node: Node) => boolean,
): { saved: Record<string, Value>; recomputed: Set<Node> } {
  const saved = new Map<number, Value>(), recomputed = new Set<Node>();
  const want = (value: Value) => {
    const node = producer.get(value.id);
    if (!node || recomputed.has(node)) return;
    if (isKept(node)) {
      saved.set(value.id, value);
    } else {
      recomputed.add(node);
      Object.values(node.inputs).forEach(want);
    }
  };
  wanted.forEach(want);
  return {
    saved: Object.fromEntries([...saved.values()].map((value, i) => [`saved.${i}`, value])),
    recomputed,
  };
}

/** True if gradients of weights alone are made of what a node gives, and each row of that is at most half as wide as one of its inputs. */
function isNarrowFactor({ inputs, outputs }: Node, readers: readonly Node[]): boolean {
  return Object.values(outputs).every((y) =>
    Object.values(inputs).some((x) => x.shape[0] === y.shape[0] && 2 * width(y) <= width(x)) &&
    readers.every(({ kernel, inputs }) =>
      kernel === matmulTn || !Object.values(inputs).some(({ id }) => id === y.id)
    )
  );
}

/** Elements of a row; NaN where only a run knows them. */
function width({ shape }: Value): number {
  return shape.slice(1).reduce<number>((product, size) => typeof size === "number" ? product * size : NaN, 1);
}

/**
 * Both graphs of a pair as one that keeps everything itself: the outputs of the forward graph and those of the backward
 * graph, without `saved.N`. What the backward graph computes again is computed twice here too.
 */
export function joined({ forward, backward }: Differentiated): Graph {
  const twice = new Set(forward.nodes), fresh = new Map<number, Value>();
  const all = [...forward.nodes, ...backward.nodes].flatMap((n) => Object.values(n.outputs));
  let next = [...all, ...Object.values(forward.inputs), ...Object.values(backward.inputs)]
    .reduce((max, v) => Math.max(max, v.id + 1), 0);
  const renamed = (value: Value) => fresh.get(value.id) ?? value;
  const nodes = backward.nodes.map((node) => {
    if (twice.has(node)) {
      for (const v of Object.values(node.outputs)) fresh.set(v.id, { ...v, id: next++ });
    }
    return {
      ...node,
      inputs: mapValues(node.inputs, renamed),
      outputs: twice.has(node) ? mapValues(node.outputs, renamed) : node.outputs,
    };
  });
  const isSaved = ([name]: [string, Value]) => name.startsWith("saved.");
  const rest = (values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(values).filter((entry) => !isSaved(entry)));
  return {
    inputs: { ...forward.inputs, ...rest(backward.inputs) },
    nodes: [...forward.nodes, ...nodes],
    outputs: { ...rest(forward.outputs), ...mapValues(backward.outputs, renamed) },
  };
}
