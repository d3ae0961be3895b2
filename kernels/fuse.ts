/**
 * Sums of products as one kernel: `add(before, product)` writes the product to memory, reads it again and writes the sum;
 * a product that begins with `before` does neither. In the backward pass of a block with LoRA 24 of 27 sums are such.
 * @module
 */
import { type Graph, type Node, prune, type Value, ValueMap } from "./graph.ts";
import type { Kernel } from "./kernel.ts";
import { add } from "./ops/arithmetic/add.ts";
import { linear, matmul, matmulTn } from "./ops/products/products.ts";
import { loraUp, matmulAdd, matmulTnAdd } from "./ops/products/product_sums.ts";

/** A product, the product that adds to a base, and the names there of its inputs. */
interface Fusion {
  product: Kernel;
  sum: Kernel;
  inputs: Readonly<Record<string, string>>;
}

const FUSIONS: readonly Fusion[] = [
  { product: linear, sum: loraUp, inputs: { x: "h", w: "b" } },
  { product: matmul, sum: matmulAdd, inputs: { a: "a", b: "b" } },
  { product: matmulTn, sum: matmulTnAdd, inputs: { a: "a", b: "b" } },
];

/**
 * Puts a product with a base instead of every `add` of a product that nothing else uses. Values, inputs and outputs are
 * those of the given graph.
 */
export function fuseSums(graph: Graph): Graph {
  const uses = new ValueMap<number>(), producer = new ValueMap<Node>();
  const count = (value: Value) => uses.set(value, (uses.find(value) ?? 0) + 1);
  for (const node of graph.nodes) {
    Object.values(node.inputs).forEach(count);
    for (const value of Object.values(node.outputs)) producer.set(value, node);
  }
  Object.values(graph.outputs).forEach(count);
  const fused = (node: Node, term: Value | undefined, base: Value | undefined): Node | null => {
    const made = term && producer.find(term),
      fusion = FUSIONS.find(({ product }) => product === made?.kernel);
    if (!base || !made || !fusion || uses.find(term) !== 1) return null;
    const inputs: Record<string, Value> = { base };
    for (const [name, value] of Object.entries(made.inputs)) inputs[fusion.inputs[name] ?? name] = value;
    return { kernel: fusion.sum, inputs, outputs: node.outputs, attrs: made.attrs };
  };
  const nodes = graph.nodes.map((node): Node => {
    if (node.kernel !== add) return node;
    const { a, b } = node.inputs;
    return fused(node, b, a) ?? fused(node, a, b) ?? node;
  });
  return prune({ ...graph, nodes });
}
