/**
 * One node of a graph as dispatches, for its sizes and a device's limits.
 * @module
 */
import { type Node, nodeSizes, type Value } from "../../../graph.ts";
import { concreteSize } from "../../../sizes.ts";
import type { WgslLimits, WgslProgram } from "../../../wgsl_program.ts";

/** Sizes of a node's axes. */
export function dimsOf(node: Node, sizes: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(nodeSizes(node)).map(([k, v]) => [k, concreteSize(v, sizes)]));
}

/**
 * The dispatches of a node.
 * @param isHalf True of values that lie in memory as float16
 * @throws {TypeError} If its kernel needs float32 of such a one
 */
export function lower(
  { bindingBytes, workgroupBytes, subgroups, inPlace }: Omit<WgslLimits, "half">,
  node: Node,
  sizes: ReadonlyMap<string, number>,
  isHalf: (value: Value) => boolean,
): WgslProgram {
  const dims = dimsOf(node, sizes);
  const halves = Object.entries(node.inputs).filter(([, value]) => isHalf(value)).map(([name]) => name);
  for (const name of halves) {
    if (node.kernel.halves?.includes(name)) continue;
    throw new TypeError(
      `Cannot run kernel ${node.kernel.name}: input "${name}" needs float32 storage: current value is float16; ` +
        `upload it without frozen`,
    );
  }
  return node.kernel.wgsl(dims, node.attrs, {
    bindingBytes,
    ...(workgroupBytes !== undefined && { workgroupBytes }),
    subgroups,
    half: new Set(halves),
    ...(inPlace && { inPlace }),
  });
}
