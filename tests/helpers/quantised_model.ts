/** A tiny model as a GGUF file of ggml's blocks, whole tiles of 16 rows. */
import { elements } from "../../kernels/backend.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import { scattered } from "../../kernels/testing/scattered.ts";
import { type GgufEncoding, GgufFile, ggufName, writeGguf } from "../../formats/gguf/mod.ts";
import { ggufWeights } from "../../formats/hf_model/gguf_weights.ts";
import type { WeightSource } from "../../formats/hf_model/mod.ts";
import { readJson, TINY, tinyModel } from "./tiny_model.ts";

const EMBEDDING = "model.embed_tokens.weight";

/** Types of a file's matrices by their names. */
const MIXTURES = {
  /** Embedding Q8_0, modules Q4_0. */
  plain: (name: string): GgufEncoding => name === EMBEDDING ? "Q8_0" : "Q4_0",
  /** As of a narrow model in Q4_K_M or Q5_K_M: rows of 32 have types of 32, those of 256 K-quants. */
  k: (name: string): GgufEncoding => {
    if (name === EMBEDDING) return "Q8_0";
    if (name.includes("down_proj")) return name.includes("layers.0.") ? "Q6_K" : "Q4_K";
    if (name.includes("up_proj")) return "Q5_1";
    return "Q5_0";
  },
  /** All rows are of 256. */
  wide: (name: string): GgufEncoding => {
    if (name === EMBEDDING) return "Q6_K";
    return name.includes("down_proj") ? "Q5_K" : "Q4_K";
  },
} as const;

/** A kind of file that {@linkcode quantisedModel} makes. */
export type Mixture = keyof typeof MIXTURES;

/** Sizes beside those of the tiny model that give a mixture its rows. */
const SIZES: Readonly<Record<Mixture, Readonly<Record<string, number>>>> = {
  plain: {},
  k: { intermediate_size: 256 },
  wide: { hidden_size: 256, intermediate_size: 256 },
};

/** A model of a mixture, with numbers of a matrix by their bytes; closing its weights removes the file. */
export async function quantisedModel(mixture: Mixture = "plain"): Promise<{
  config: DecoderConfig;
  weights: WeightSource;
}> {
  const folder = await Deno.makeTempDir(), path = `${folder}/model.gguf`;
  const { config: tiny, weights: own } = tinyModel("qwen2");
  const stored = { ...readJson(`${TINY}qwen2/model/config.json`), ...SIZES[mixture] };
  const config: DecoderConfig = {
    ...tiny,
    hiddenSize: stored.hidden_size,
    intermediateSize: stored.intermediate_size,
    headDim: stored.hidden_size / tiny.numHeads,
  };
  const tensors = [...tensorShapes(config)].map(([name, shape], seed) => ({
    name: ggufName(name, "qwen2", 4, 2).name,
    shape: [...shape],
    encoding: shape.length < 2 ? "F32" as const : MIXTURES[mixture](name),
    data: () => {
      const values = own[name];
      if (values?.length === elements(shape)) return values;
      return Float32Array.from(scattered(elements(shape), seed), (value) => value / 8);
    },
  }));
  writeGguf(path, new Map([["general.architecture", { type: "string", value: "qwen2" }]]), tensors);
  const source = ggufWeights(new GgufFile(path), stored);
  const close = () => {
    source.close();
    Deno.removeSync(folder, { recursive: true });
  };
  return { config, weights: { ...source, close } };
}

/** Bytes of a number of a mixture's matrix, by llama.cpp's sizes of blocks. */
export function bytesOfNumber(mixture: Mixture, name: string): number {
  const bytes: Partial<Record<GgufEncoding, number>> = {
    Q4_0: 18 / 32,
    Q5_0: 22 / 32,
    Q5_1: 24 / 32,
    Q8_0: 34 / 32,
    Q4_K: 144 / 256,
    Q5_K: 176 / 256,
    Q6_K: 210 / 256,
  };
  return bytes[MIXTURES[mixture](name)]!;
}
