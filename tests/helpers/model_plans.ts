/** Plans of whole models' programs for WebGPU without a device: what a large one would be given. */
import { differentiate } from "../../kernels/autodiff.ts";
import type { Device } from "../../kernels/backends/webgpu/device/device.ts";
import { makePlan, type PlannedDispatch } from "../../kernels/backends/webgpu/programs/plan.ts";
import { blockGraph } from "../../kernels/engine/decoder/block_graph.ts";
import { blockShapes, embedGraph, linearModules, loraShapes } from "../../kernels/engine/decoder/decoder.ts";
import { headBackwardGraph, headGraph } from "../../kernels/engine/decoder/head_graph.ts";
import { attentionOf, type DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import {
  arrangeGraph,
  chooseGraph,
  generationBlock,
  generationBlockInPlace,
  logitsGraph,
} from "../../kernels/engine/generate/blocks/graph.ts";
import { labelChunkOn } from "../../kernels/engine/head/head.ts";
import { accumulating } from "../../kernels/engine/programs/compiled.ts";
import type { Graph } from "../../kernels/graph.ts";
import { fused } from "../../kernels/fuse_lora.ts";
import type { WgslDispatch, WgslSubgroups } from "../../kernels/wgsl_program.ts";

type Sizes = readonly [
  type: "llama" | "qwen2" | "mistral",
  hidden: number,
  inner: number,
  heads: number,
  kv: number,
  head: number,
  vocabulary: number,
];

/** Shapes as in the models' config.json. */
const SIZES: Readonly<Record<string, Sizes>> = {
  "SmolLM2-135M": ["llama", 576, 1536, 9, 3, 64, 49_152],
  "Llama-3.2-1B": ["llama", 2048, 8192, 32, 8, 64, 128_256],
  "Qwen2-1.5B": ["qwen2", 1536, 8960, 12, 2, 128, 151_936],
  "Qwen2-7B": ["qwen2", 3584, 18_944, 28, 4, 128, 152_064],
  "Mistral-7B": ["mistral", 4096, 14_336, 32, 8, 128, 32_768],
};

/** One block of each model. */
export const LARGE_MODELS: Readonly<Record<string, DecoderConfig>> = Object.fromEntries(
  Object.entries(SIZES).map(([name, [modelType, hidden, inner, heads, kv, head, vocabulary]]) => [name, {
    modelType,
    hiddenSize: hidden,
    intermediateSize: inner,
    numLayers: 1,
    numHeads: heads,
    numKeyValueHeads: kv,
    headDim: head,
    vocabSize: vocabulary,
    qkvBias: modelType === "qwen2",
    tieWordEmbeddings: modelType !== "mistral",
    inverseFrequencies: new Float64Array(head / 2),
    rmsNormEps: 1e-6,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
    slidingWindow: modelType === "mistral" ? [4096] : [],
    maxPositionEmbeddings: 32_768,
    eosTokenIds: [],
  }]),
);

/** A model of so many of SmolLM2-135M's blocks and a twelfth of its vocabulary. */
export function blocksOfSmolLM2(numLayers: number): DecoderConfig {
  return {
    ...LARGE_MODELS["SmolLM2-135M"]!,
    numLayers,
    vocabSize: 4096,
    slidingWindow: Array(numLayers).fill(null),
  };
}

/** Programs of training with LoRA of rank 8 and of generating, with sizes. */
function programs(config: DecoderConfig, rows: number): [string, Graph, Record<string, number>][] {
  const lora = Object.fromEntries(linearModules(config).map((name) => [name, { rank: 8, scale: 2 }]));
  const trained = [...loraShapes(config, lora).keys()], attention = attentionOf(config, 0);
  const block = blockGraph(config, attention, lora);
  const kept = differentiate(block, ["y"], ["x", ...trained], "activations");
  const again = differentiate(block, ["y"], ["x", ...trained], "inputs");
  const train = { T: rows, L: Math.min(rows, labelChunkOn({ fewSizes: true }, config.vocabSize)) };
  // Keys and values are bound whole: eight sequences of 8,192 rows don't fit into 128 MiB.
  const past = Math.min(rows, 1024);
  const generate = { T: 8, S: 8, F: 8 * 32, P: past, L: 8, A: 8, R: past + 32, N: 8 * 32 };
  return [
    ["embedding", embedGraph(config), train],
    ["block", kept.forward, train],
    ["block backward", accumulating(kept.backward, trained), train],
    ["block backward from inputs", accumulating(again.backward, trained), train],
    ["head", headGraph(config, true), train],
    ["head without gradients", headGraph(config, false), train],
    ["head backward", headBackwardGraph(config), train],
    ["generating", generationBlock(config, attention, lora), generate],
    ["generating in place", generationBlockInPlace(config, attention, lora), { ...generate, F: 0 }],
    ["logits", logitsGraph(config), generate],
    ["choice", chooseGraph(config), generate],
    ["cache", arrangeGraph(config), generate],
  ];
}

/** Limits of a device. */
export interface PlanLimits {
  bindingBytes: number;
  workgroupBytes?: number;
  subgroups?: WgslSubgroups;
}

/** A dispatch of a model's program, as written and as planned. */
export interface ModelDispatch {
  where: string;
  given: WgslDispatch;
  planned: PlannedDispatch;
}

/**
 * Every dispatch of a model's programs at so many rows.
 * @param half True if frozen matrices lie in float16.
 * @throws {RangeError} If an operand is larger than a binding.
 */
export async function modelDispatches(
  config: DecoderConfig,
  rows: number,
  half: boolean,
  { bindingBytes, workgroupBytes = 2 ** 14, subgroups }: PlanLimits,
): Promise<ModelDispatch[]> {
  const given: WgslDispatch[] = [], found: ModelDispatch[] = [];
  const device = {
    gpu: { limits: { maxComputeWorkgroupsPerDimension: 65_535 } },
    bindingBytes,
    workgroupBytes,
    subgroups,
    pipeline: (dispatch: WgslDispatch) => {
      given.push(dispatch);
      return Promise.resolve({});
    },
    memory: { take: () => ({}) },
    write: () => {},
  } as unknown as Device;
  const matrices = new Set(
    [...blockShapes(config)].filter(([, shape]) => shape.length === 2).map(([name]) => name),
  );
  for (const [name, graph, sizes] of programs(config, rows)) {
    const halves = new Set(
      half ? Object.keys(graph.inputs).filter((key) => key === "w" || matrices.has(key)) : [],
    );
    const plan = await makePlan(device, {
      graph: fused(graph),
      name,
      sizes: new Map(Object.entries(sizes)),
      halves,
    });
    for (const planned of plan.steps.flatMap(({ dispatches }) => dispatches)) {
      const own = given[found.length];
      if (own === undefined) throw new Error(`Cannot pair dispatches of ${name}`);
      found.push({ where: `${name}, ${rows} rows, ${own.label}`, given: own, planned });
    }
  }
  return found;
}
