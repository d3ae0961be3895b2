/**
 * Sums of products as one kernel: `add(before, product)` writes the product to memory, reads it again and writes the sum;
 * a product that begins with `before` does neither. In the backward pass of a block with LoRA 24 of 27 sums are such.
 * @module
 */
import type { Graph, Node, Value } from "./graph.ts";
import { prune } from "./graph.ts";
import type { Kernel } from "./kernel.ts";
import { add } from "./ops/add.ts";
import { linear } from "./ops/linear.ts";
import { loraUp } from "./ops/lora_up.ts";
import { matmulAdd, matmulTnAdd } from "./ops/matmul_add.ts";
import { matmul } from "./ops/matmul.ts";
import { matmulTn } from "./ops/matmul_tn.ts";

/** A product, what adds it to a base, and how its inputs are named there. */
const SUMS: readonly [Kernel, Kernel, Readonly<Record<string, string>>][] = [
  [linear, loraUp, { x: "h", w: "b" }],
  [matmul, matmulAdd, { a: "a", b: "b" }],
  [matmulTn, matmulTnAdd, { a: "a", b: "b" }],
];

/**
 * Puts a product with a base in place of every `add` of a product that nothing else uses. Values, inputs and outputs are
 * those of the given graph.
 */
export function fuseSums(graph: Graph): Graph {
  const uses = new Map<number, number>(), producer = new Map<number, Node>();
  const count = ({ id }: Value) => uses.set(id, (uses.get(id) ?? 0) + 1);
  for (const node of graph.nodes) {
    Object.values(node.inputs).forEach(count);
    for (const { id } of Object.values(node.outputs)) producer.set(id, node);
  }
  Object.values(graph.outputs).forEach(count);
  const nodes = graph.nodes.map((node): Node => {
    if (node.kernel !== add) return node;
    for (const [side, other] of [["b", "a"], ["a", "b"]] as const) {
      const value = node.inputs[side]!, made = producer.get(value.id);
      const sum = made && SUMS.find(([kernel]) => kernel === made.kernel);
      if (!sum || uses.get(value.id) !== 1) continue;
      const [, kernel, names] = sum, inputs: Record<string, Value> = { base: node.inputs[other]! };
      for (const [name, value] of Object.entries(made.inputs)) inputs[names[name]!] = value;
      return { kernel, inputs, outputs: node.outputs, attrs: made.attrs };
    }
    return node;
  });
  return prune({ ...graph, nodes });
}
