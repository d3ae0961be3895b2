/**
 * Models and devices of the tables of docs/performance_webgpu.md.
 * @module
 */
import type { DecoderConfig } from "../kernels/engine/decoder/decoder_config.ts";

const common = {
  rmsNormEps: 1e-5,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
  slidingWindow: [],
  maxPositionEmbeddings: 0,
  eosTokenIds: [],
};

/** A model, and the rows of its packs. */
export interface TableModel {
  name: string;
  rows: number;
  config: DecoderConfig;
}

/** In the tables' order. */
export const TABLE_MODELS: readonly TableModel[] = [
  {
    name: "SmolLM2-135M",
    rows: 680,
    config: {
      ...common,
      modelType: "llama",
      hiddenSize: 576,
      intermediateSize: 1536,
      numLayers: 30,
      numHeads: 9,
      numKeyValueHeads: 3,
      headDim: 64,
      inverseFrequencies: new Float64Array(32),
      vocabSize: 49_152,
      qkvBias: false,
      tieWordEmbeddings: true,
    },
  },
  {
    name: "Qwen2-7B",
    rows: 2048,
    config: {
      ...common,
      modelType: "qwen2",
      hiddenSize: 3584,
      intermediateSize: 18_944,
      numLayers: 28,
      numHeads: 28,
      numKeyValueHeads: 4,
      headDim: 128,
      inverseFrequencies: new Float64Array(64),
      vocabSize: 152_064,
      qkvBias: true,
      tieWordEmbeddings: false,
    },
  },
];

/** A device, by its maker's figures. */
export interface TableDevice {
  name: string;
  /** TFLOP/s of float32 and GB/s, as its maker says. */
  peak: number;
  bandwidth: number;
  /** Shares of `peak` that the two tiles of a product should reach. */
  small: number;
  large: number;
}

/** In the tables' order. */
export const TABLE_DEVICES: readonly TableDevice[] = [
  { name: "RTX 4060 Laptop", peak: 14.6, bandwidth: 256, small: 0.4, large: 0.5 },
  { name: "M2, 10 cores", peak: 3.6, bandwidth: 100, small: 0.35, large: 0.45 },
  { name: "A100", peak: 19.5, bandwidth: 1555, small: 0.45, large: 0.55 },
];
