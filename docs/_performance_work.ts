/**
 * Work of programs and kernels, and the time that it should take, for docs/performance_webgpu.md.
 * @module
 */
import { entryOf, item } from "../formats/elements.ts";
import { differentiate } from "../kernels/autodiff.ts";
import { countDispatches } from "../kernels/backends/webgpu/programs/without_device.ts";
import { concreteSize } from "../kernels/sizes.ts";
import { type Cost, kernelCost } from "../kernels/cost.ts";
import { fuseSums } from "../kernels/fuse.ts";
import { fused } from "../kernels/fuse_lora.ts";
import { type Graph, type Node, nodeSizes } from "../kernels/graph.ts";
import type { Dims } from "../kernels/kernel.ts";
import { labelChunkOn } from "../kernels/engine/head/head.ts";
import { accumulating } from "../kernels/engine/programs/compiled.ts";
import { blockGraph } from "../kernels/engine/decoder/block_graph.ts";
import { embedGraph, linearModules, loraShapes } from "../kernels/engine/decoder/decoder.ts";
import { headBackwardGraph, headGraph } from "../kernels/engine/decoder/head_graph.ts";
import { attentionOf } from "../kernels/engine/decoder/decoder_config.ts";

import { TABLE_DEVICES, type TableDevice, type TableModel } from "./_performance_devices.ts";

/** Limits that WebGPU guarantees on every device; those that allow more need fewer dispatches. */
export const DEVICE_LIMITS = { bindingBytes: 2 ** 27 };
/** Adapters of the tables. */
export const TABLE_LORA = { rank: 8, scale: 2 };

/** Shares of peak: attention's arithmetic, and the bandwidth of what is bound by memory. */
export const ATTENTION_SHARE = 0.15, MEMORY_SHARE = 0.8;
/** Seconds that a dispatch takes at least: what encoding one took on this project's machine. */
export const LAUNCH_SECONDS = 5e-6;

/** Operations and bytes of a piece of work. */
export interface DeviceWork extends Cost {
  dispatches: number;
  /** Seconds on each of {@linkcode TABLE_DEVICES}. */
  seconds: number[];
}

/** Share of arithmetic peak: a product's tile is chosen as ops/wgsl/product.ts does. */
function arithmeticShare(name: string, dims: Dims, device: TableDevice): number {
  if (name.includes("attention")) return ATTENTION_SHARE;
  const m = name.startsWith("matmul_tn") ? dims.left! : dims.rows ?? dims.labels ?? 1;
  const n = dims.out ?? dims.right ?? dims.vocab ?? 1;
  return Math.ceil(m / 128) * Math.ceil(n / 128) >= 64 && m > 64 ? device.large : device.small;
}

/** Work of one kernel, in so many dispatches. */
export function deviceWork(name: string, dims: Dims, cost: Cost, dispatches: number): DeviceWork {
  const seconds = TABLE_DEVICES.map((device) =>
    Math.max(
      cost.flops / (arithmeticShare(name, dims, device) * device.peak * 1e12),
      cost.bytes / (MEMORY_SHARE * device.bandwidth * 1e9),
      dispatches * LAUNCH_SECONDS,
    )
  );
  return { ...cost, dispatches, seconds };
}

/** No work. */
export const NO_WORK: DeviceWork = { flops: 0, bytes: 0, dispatches: 0, seconds: TABLE_DEVICES.map(() => 0) };

/** Both. */
export function bothWork(a: DeviceWork, b: DeviceWork): DeviceWork {
  return {
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    dispatches: a.dispatches + b.dispatches,
    seconds: a.seconds.map((s, i) => s + item(b.seconds, i)),
  };
}

/** A frozen weight's input among a product's, if it has one. */
export function frozenInput(node: Node, frozen: ReadonlySet<number>): string | undefined {
  return node.kernel.halves?.find((name) => frozen.has(entryOf(node.inputs, name).id));
}

/** Work of a program. */
export interface ProgramWork {
  /** Each product for itself: LoRA's are counted as such. */
  work: DeviceWork;
  /** Nodes and dispatches as WebGPU runs it, LoRA's products part of those beside them. */
  nodes: number;
  dispatches: number;
  /** By what the work is about. */
  groups: Map<string, DeviceWork>;
}

/** Work of a program as the WebGPU backend runs it. `half`: frozen matrices as float16. */
export function partOf(given: Graph, sizes: ReadonlyMap<string, number>, half: boolean): ProgramWork {
  const graph = fuseSums(given), groups = new Map<string, DeviceWork>();
  const frozen = new Set(
    Object.entries(graph.inputs)
      .filter(([name, { shape }]) =>
        shape.length === 2 && (name === "w" || (name.endsWith("_proj.weight") && !name.startsWith("acc.")))
      )
      .map(([, { id }]) => id),
  );
  let work = NO_WORK;
  for (const node of graph.nodes) {
    const dims = Object.fromEntries(
      Object.entries(nodeSizes(node)).map(([k, v]) => [k, concreteSize(v, sizes)]),
    );
    const weight = frozenInput(node, frozen);
    const cost = kernelCost(node.kernel, dims, half && weight ? { half: new Set([weight]) } : {});
    const outputs = node.outputs, alone: Graph = { inputs: {}, nodes: [node], outputs };
    const own = deviceWork(node.kernel.name, dims, cost, countDispatches(alone, sizes, DEVICE_LIMITS));
    const group = weight && !node.kernel.name.startsWith("label")
      ? "products with a frozen weight"
      : /attention/.test(node.kernel.name)
      ? "attention"
      : /^(linear|matmul|lora)/.test(node.kernel.name)
      ? "LoRA"
      : "norms, RoPE, SwiGLU, sums, biases";
    groups.set(group, bothWork(groups.get(group) ?? NO_WORK, own));
    work = bothWork(work, own);
  }
  const { length } = fused(given).nodes;
  return { work, nodes: length, dispatches: countDispatches(given, sizes, DEVICE_LIMITS), groups };
}

/** The programs of a model with LoRA of rank 8 on every module. */
export function programWork({ config, rows }: TableModel, half: boolean) {
  const lora = Object.fromEntries(linearModules(config).map((name) => [name, TABLE_LORA]));
  const trained = [...loraShapes(config, lora).keys()],
    block = blockGraph(config, attentionOf(config, 0), lora);
  const kept = differentiate(block, ["y"], ["x", ...trained], "activations");
  const again = differentiate(block, ["y"], ["x", ...trained], "inputs");
  // The tables' packs have 256.
  const labels = Math.min(256, labelChunkOn({ fewSizes: true }, config.vocabSize)),
    sizes = new Map([["T", rows], ["L", labels]]);
  const part = (graph: Graph) => partOf(graph, sizes, half);
  return {
    labels,
    embed: part(embedGraph(config)),
    forward: part(kept.forward),
    backward: part(accumulating(kept.backward, trained)),
    again: part(accumulating(again.backward, trained)),
    head: part(headGraph(config, true)),
    headBackward: part(headBackwardGraph(config)),
  };
}
