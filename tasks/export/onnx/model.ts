/**
 * An export as a folder for transformers.js: the model with its cache as ONNX, its configuration, tokenizer and chat template.
 * Source of names: transformers.js 4.3.2, src/utils/dtypes.js and src/utils/model-loader.js.
 * @module
 */
import { join } from "@std/path";

import { writeError, writeFileAtomicSync } from "../../../formats/atomic.ts";
import { toSortedJson } from "../../../formats/hf_model/json.ts";
import { portableConfigText } from "../../../formats/hf_model/portable_config.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { ExportDtype } from "../config.ts";
import { generationConfig, sourceTokenizerFiles } from "../safetensors.ts";
import type { ExportSource } from "../source/source.ts";
import { onnxDecoder } from "./graph.ts";
import { writeOnnxWeights } from "./weights.ts";

/** Number types of an ONNX export. */
export type OnnxDtype = Extract<ExportDtype, "float32" | "q8_0" | "q4_0">;

/** In transformers.js: the name of a number type, and what it puts behind a model's name. */
const DTYPES: Readonly<Record<OnnxDtype, { name: string; suffix: string; bits: 4 | 8 | null }>> = {
  float32: { name: "fp32", suffix: "", bits: null },
  q8_0: { name: "q8", suffix: "_quantized", bits: 8 },
  q4_0: { name: "q4", suffix: "_q4", bits: 4 },
};

/** Families that transformers.js has this decoder for. */
export const ONNX_FAMILIES: readonly string[] = [
  "llama",
  "mistral",
  "qwen2",
  "qwen3",
  "smollm3",
  "granite",
  "olmo2",
  "olmo3",
  "ernie4_5",
  "hunyuan_v1_dense",
  "gemma",
  "gemma2",
  "gemma3_text",
  "phi3",
];

/** Path of the model in a folder. */
export function onnxPath(folder: string, dtype: OnnxDtype): string {
  return join(folder, "onnx", `model${DTYPES[dtype].suffix}.onnx`);
}

/**
 * Makes sure that the format has a place for a model.
 * @throws {RangeError} If transformers.js doesn't know the family, or ONNX Runtime's attention can't have its heads
 */
export function checkOnnxDecoder({ modelType, headDim }: Pick<DecoderConfig, "modelType" | "headDim">): void {
  if (!ONNX_FAMILIES.includes(modelType)) {
    throw new RangeError(
      `Cannot write a ${modelType} model as ONNX as transformers.js is to know its family, which is one of ` +
        `${ONNX_FAMILIES.join(", ")}: use export_format: safetensors`,
    );
  }
  if (headDim % 8 !== 0) {
    throw new RangeError(
      `Cannot write this ${modelType} model as ONNX as ONNX Runtime's attention takes heads of a multiple of 8: ` +
        `current value of head_dim is ${headDim}; use export_format: safetensors`,
    );
  }
}

/**
 * Writes the folder; a tensor at a time is in memory.
 * @param limit Bytes of a data file at most
 * @param onTensor Called in front of each tensor
 * @throws {RangeError} As {@linkcode checkOnnxDecoder}
 */
export function* exportOnnx(
  folder: string,
  source: ExportSource,
  { dtype, limit, onTensor }: { dtype: OnnxDtype; limit: number; onTensor: () => void },
): Generator<void, void> {
  const { decoder, model } = source, { name: dtypeName, bits } = DTYPES[dtype];
  checkOnnxDecoder(decoder);
  const path = onnxPath(folder, dtype), name = path.slice(path.lastIndexOf("/") + 1);
  Deno.mkdirSync(join(folder, "onnx"));
  const file = (index: number) => `${name}_data${index === 0 ? "" : `_${index}`}`;
  const weights = yield* writeOnnxWeights(join(folder, "onnx"), { ...source, bits }, {
    file,
    limit,
    onTensor,
  });
  for (let i = 0; i < weights.files; i++) flush(join(folder, "onnx", file(i)));
  writeFileAtomicSync(path, onnxDecoder(decoder, weights));
  const js = { dtype: dtypeName, use_external_data_format: { [name]: weights.files } };
  const files = {
    "generation_config.json": toSortedJson(generationConfig(source)),
    ...sourceTokenizerFiles(source),
    "config.json": portableConfigText(model.config, "float32", { "transformers.js_config": js }),
  };
  for (const [file, text] of Object.entries(files)) writeFileAtomicSync(join(folder, file), text);
}

/** Here a disk that writes late says that it is full. */
function flush(path: string): void {
  try {
    using file = Deno.openSync(path, { write: true });
    file.syncSync();
  } catch (error) {
    throw writeError(error, path);
  }
}
