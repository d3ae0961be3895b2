/**
 * Integer inputs that choose rows are checked before a program runs: a shader would read or leave the memory of something
 * else without a word, and ONNX takes −1 for the last row. Every index is among a program's inputs, where its values are known;
 * of tokens that a device chose (`choose_token`) it is known that they are in range, or −1 behind logits that aren't numbers, whose answer ends by an error.
 * @module
 */
import type { Tensor } from "../backend.ts";
import { type Graph, nodeSizes, type Size } from "../graph.ts";
import type { Dims, IndexRange } from "../kernel.ts";
import { concreteSize } from "../sizes.ts";

/** Smallest and largest of an integer tensor's values; null of none. */
export interface Extent {
  least: number;
  most: number;
}

/** The extent of integers. */
export function extentOf(values: Iterable<number>): Extent | null {
  let least = Infinity, most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? { least, most } : null;
}

/** An index input of a graph, and its range by the sizes of the kernel that takes it. */
interface IndexInput {
  key: string;
  kernel: string;
  sizes: Readonly<Record<string, Size>>;
  range(dims: Dims): IndexRange;
}

function indexInputs(graph: Graph): IndexInput[] {
  const keys = new Map(Object.entries(graph.inputs).map(([key, { id }]) => [id, key]));
  return graph.nodes.flatMap((node) =>
    Object.entries(node.kernel.indices ?? {}).flatMap(([input, range]) => {
      const value = node.inputs[input], key = value && keys.get(value.id);
      return key === undefined || range === undefined
        ? []
        : [{ key, kernel: node.kernel.name, sizes: nodeSizes(node), range }];
    })
  );
}

/**
 * A function that refuses indices that are out of range in a run.
 * @param extent Gives the smallest and largest value of a tensor; null where the backend doesn't know them.
 * @throws {RangeError} The function it gives, if an index is out of its kernel's range: with the input and the range
 */
export function indexCheck<T extends Tensor>(
  name: string,
  graph: Graph,
  extent: (tensor: T) => Extent | null,
): (inputs: Readonly<Record<string, Tensor>>, sizes: ReadonlyMap<string, number>) => void {
  const checked = indexInputs(graph);
  return (inputs, sizes) => {
    for (const { key, kernel, sizes: own, range } of checked) {
      const found = extent(inputs[key] as T);
      if (!found) continue;
      const dims = Object.fromEntries(
        Object.entries(own).map(([axis, size]) => [axis, concreteSize(size, sizes)]),
      );
      const { least, below } = range(dims), wrong = found.least < least ? found.least : found.most;
      if (wrong >= least && wrong < below) continue;
      throw new RangeError(
        `Cannot run program ${name}: input "${key}" needs indices from ${least} to ${below - 1} for kernel ` +
          `${kernel}: current value is ${wrong}`,
      );
    }
  };
}
