/**
 * What a graph's program would need, reckoned without a device: dispatches, and memory at its peak.
 * @module
 */
import { elements } from "../../../backend.ts";
import { fused } from "../../../fuse_lora.ts";
import type { Graph, Value } from "../../../graph.ts";
import { concreteShape } from "../../../sizes.ts";
import type { WgslLimits } from "../../../wgsl_program.ts";
import { sizeClass } from "../../onnx/memory.ts";
import { lower } from "./lower.ts";
import { Lifetimes } from "./slots.ts";

/** Dispatches that a program of a graph makes in one run, without a device. */
export function countDispatches(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
  limits: Pick<WgslLimits, "bindingBytes">,
): number {
  const dispatches = fused(graph).nodes.flatMap((node) => lower(limits, node, sizes, () => false).dispatches);
  return dispatches.filter(({ workgroups }) => workgroups > 0).length;
}

/** Most bytes of values and temporaries, inputs left out, that exist at once while a graph runs, each as large as its buffer. */
export function peakBytes(graph: Graph, sizes: ReadonlyMap<string, number>): number {
  const whole = fused(graph), lifetimes = new Lifetimes(whole);
  const bytes = (value: Value) => sizeClass(4 * elements(concreteShape(value, sizes)));
  let now = 0, most = 0;
  for (const node of whole.nodes) {
    const { temporaries = {} } = lower({ bindingBytes: Infinity }, node, sizes, () => false);
    const passing = Object.values(temporaries).reduce((sum, count) => sum + sizeClass(4 * count), 0);
    now += Object.values(node.outputs).reduce((sum, value) => sum + bytes(value), 0);
    most = Math.max(most, now + passing);
    const values = new Set([...Object.values(node.inputs), ...Object.values(node.outputs)]);
    for (const value of values) if (lifetimes.endAt(value, node)) now -= bytes(value);
  }
  return most;
}
