/**
 * Outputs of a graph that are written where an input stands, as sums of gradients and an optimizer's tensors are: what is changed step by step
 * keeps its buffer, so that the bindings of the step before serve the next one, too.
 * @module
 */
import type { Graph, Node } from "../../../graph.ts";

/** An output whose kernel can write it where the input stands. */
interface Place {
  output: string;
  node: Node;
  /** The kernel's name of it. */
  own: string;
}

/**
 * Of outputs that are asked for in place, those whose kernel can do it and whose input nothing needs afterwards. The others need memory of their
 * own and a copy.
 * @param wanted Input by output, names of the graph
 */
export function inPlaceOutputs(graph: Graph, wanted: ReadonlyMap<string, string>): Place[] {
  return [...wanted].flatMap(([output, input]) => {
    const made = graph.outputs[output], given = graph.inputs[input];
    const index = graph.nodes.findIndex(({ outputs }) =>
      Object.values(outputs).some(({ id }) => id === made?.id)
    );
    const node = graph.nodes[index],
      [own] = Object.entries(node?.outputs ?? {}).find(([, { id }]) => id === made?.id) ?? [];
    if (!made || !given || !node || own === undefined) return [];
    const from = node.kernel.inPlace?.[own],
      uses = (other: Node) => Object.values(other.inputs).filter(({ id }) => id === given.id).length;
    const free = from !== undefined && node.inputs[from]?.id === given.id && uses(node) === 1 &&
      !graph.nodes.slice(index + 1).some(uses);
    const once = Object.values(graph.outputs).filter(({ id }) =>
      id === made.id || id === given.id
    ).length === 1;
    return free && once ? [{ output, node, own }] : [];
  });
}
