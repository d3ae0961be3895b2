/**
 * LoRA's narrow products as part of the product beside them: forward `lora_up(linear(x, w), linear(x, a), b)`, backward
 * `(base +) matmul(dh, a) + matmul(dy, w)` with `dh = matmul(dy, b)`. Where dropout gives the adapter another x, nothing is fused.
 * @module
 */
import { fuseSums } from "./fuse.ts";
import { type Graph, type Node, type Value, ValueMap } from "./graph.ts";
import { addBias } from "./ops/arithmetic/add_bias.ts";
import { loraLinear, loraMatmul, loraMatmulAdd } from "./ops/products/lora_products.ts";
import { linear, matmul } from "./ops/products/products.ts";
import { loraUp, matmulAdd } from "./ops/products/product_sums.ts";

/** A graph with every fusion that WebGPU gains by: sums, then LoRA. */
export function fused(graph: Graph): Graph {
  return fuseLora(fuseSums(graph));
}

/** Nodes that one node takes the place of: the narrow product, whose place it gets, and those that it makes superfluous. */
interface Match {
  narrow: Node;
  others: readonly Node[];
  nodes: readonly Node[];
}

/** Fuses LoRA's products. Values, inputs and outputs are those of the given graph. */
export function fuseLora(graph: Graph): Graph {
  const uses = new ValueMap<number>(), places = new ValueMap<number>();
  const count = (value: Value) => uses.set(value, (uses.find(value) ?? 0) + 1);
  graph.nodes.forEach((node, place) => {
    Object.values(node.inputs).forEach(count);
    Object.values(node.outputs).forEach((value) => places.set(value, place));
  });
  Object.values(graph.outputs).forEach(count);
  const madeBy = (value: Value | undefined) => {
    const place = value && places.find(value);
    return place === undefined ? undefined : graph.nodes[place];
  };
  const once = (value: Value | undefined) => value !== undefined && uses.find(value) === 1;
  const matches = graph.nodes.flatMap((last) => {
    const match = last.kernel === loraUp
      ? forward(last, madeBy, once)
      : last.kernel === matmulAdd
      ? backward(last, madeBy, once)
      : null;
    if (!match) return [];
    const place = graph.nodes.indexOf(match.narrow);
    const own = new Set(match.nodes.flatMap(({ outputs }) => Object.values(outputs).map(({ id }) => id)));
    const given = match.nodes.flatMap(({ inputs }) => Object.values(inputs)).filter(({ id }) => !own.has(id));
    return given.every((value) => (places.find(value) ?? -1) < place) ? [match] : [];
  });
  const put = new Map(matches.map(({ narrow, nodes }) => [narrow, nodes]));
  const gone = new Set(matches.flatMap(({ others }) => others));
  const nodes = graph.nodes.flatMap((node) => gone.has(node) ? [] : put.get(node) ?? [node]);
  return matches.length ? { ...graph, nodes } : graph;
}

type MadeBy = (value: Value | undefined) => Node | undefined;
type Once = (value: Value | undefined) => boolean;

/** True if a node is a kernel's application without a factor. */
function isPlain(node: Node | undefined, kernel: Node["kernel"]): node is Node {
  return node?.kernel === kernel && (node.attrs.alpha ?? 1) === 1;
}

function forward(up: Node, madeBy: MadeBy, once: Once): Match | null {
  const { base, h, b } = up.inputs, before = madeBy(base), narrow = madeBy(h);
  // A bias is added behind both.
  const biased = before?.kernel === addBias && once(base) ? before : null;
  const plain = biased ? biased.inputs.x : base, wide = madeBy(plain), bias = biased?.inputs.bias;
  if (!isPlain(wide, linear) || !isPlain(narrow, linear) || wide === narrow || !once(plain)) return null;
  const y = biased ? plain : up.outputs.y;
  const { x, w } = wide.inputs, { x: other, w: a } = narrow.inputs;
  if (!b || !h || !x || !w || !a || !y || x.id !== other?.id) return null;
  const node = { kernel: loraLinear, inputs: { x, w, a, b }, outputs: { y, h }, attrs: up.attrs };
  if (!biased || !bias) return { narrow, others: [wide, up], nodes: [node] };
  const sum = { kernel: addBias, inputs: { x: y, bias }, outputs: up.outputs, attrs: biased.attrs };
  return { narrow, others: [wide, biased, up], nodes: [node, sum] };
}

function backward(wide: Node, madeBy: MadeBy, once: Once): Match | null {
  const { base: sum, a, b } = wide.inputs, low = madeBy(sum), y = wide.outputs.y;
  if (!isPlain(wide, matmulAdd) || !once(sum)) return null;
  if (!isPlain(low, matmul) && !isPlain(low, matmulAdd)) return null;
  const { base, a: h, b: up } = low.inputs, narrow = madeBy(h);
  if (narrow?.kernel !== matmul) return null;
  const { a: other, b: down } = narrow.inputs;
  if (!a || !b || !y || !h || !up || !down || a.id !== other?.id) return null;
  const inputs = { a, b, down, up, ...(base && { base }) };
  const kernel = base ? loraMatmulAdd : loraMatmul;
  const node = { kernel, inputs, outputs: { y, h }, attrs: narrow.attrs };
  return { narrow, others: [low, wide], nodes: [node] };
}
