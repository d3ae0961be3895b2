/**
 * Names of a graph's values in its ONNX model.
 * @module
 */
import { type Graph, type Value, ValueMap } from "../../graph.ts";

/**
 * Names for a graph's values: inputs keep their own, and so do outputs that only one node makes and no other output shares, so that
 * runs write them where they are wanted.
 * @param late Outputs that a branch gives.
 * @returns The names, and keys of the outputs that have theirs.
 */
export function valueNames(
  graph: Graph,
  outputs: readonly [key: string, value: Value][],
  late: readonly [key: string, value: Value][],
): { names: ValueMap<string>; made: ReadonlySet<string> } {
  const names = new ValueMap<string>(), made = new Set<string>();
  for (const node of graph.nodes) {
    for (const value of Object.values(node.outputs)) names.set(value, `v${value.id}`);
  }
  const wanted = [...outputs, ...late].map(([, { id }]) => id);
  for (const [key, value] of outputs) {
    if (names.find(value) === undefined || wanted.filter((id) => id === value.id).length > 1) continue;
    names.set(value, `out.${key}`);
    made.add(key);
  }
  for (const [name, value] of Object.entries(graph.inputs)) names.set(value, name);
  return { names, made };
}
