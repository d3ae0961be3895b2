/**
 * Number types of a GGUF file's tensors. Those of a mixture, and what takes the place of a type whose blocks a row doesn't fill, are `llama-quantize`'s
 * (llama.cpp's src/llama-quant.cpp).
 * @module
 */
import { item } from "../../formats/elements.ts";
import type { GgufEncoding } from "../../formats/gguf/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { ExportDtype } from "./config.ts";

/** Type of a file's matrices, of most of them in a mixture. */
export const ENCODINGS: Readonly<Record<ExportDtype, GgufEncoding>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  q8_0: "Q8_0",
  q6_k: "Q6_K",
  q5_k_m: "Q5_K",
  q5_k_s: "Q5_K",
  q4_k_m: "Q4_K",
  q4_k_s: "Q4_K",
  q4_0: "Q4_0",
};

/** `general.file_type`. */
export const FILE_TYPES: Readonly<Record<ExportDtype, number>> = {
  float32: 0,
  float16: 1,
  q4_0: 2,
  q8_0: 7,
  q4_k_s: 14,
  q4_k_m: 15,
  q5_k_s: 16,
  q5_k_m: 17,
  q6_k: 18,
  bfloat16: 32,
};

/** A file's type as llama.cpp names it, such as `F16` or `Q4_K_M`. */
export function fileTypeName(dtype: ExportDtype): string {
  return /^q\d_k/.test(dtype) ? dtype.toUpperCase() : ENCODINGS[dtype];
}

/** Values a block. */
const BLOCK: Readonly<Record<GgufEncoding, number>> = {
  F32: 1,
  F16: 1,
  BF16: 1,
  Q8_0: 32,
  Q4_0: 32,
  Q5_0: 32,
  Q5_1: 32,
  Q4_K: 256,
  Q5_K: 256,
  Q6_K: 256,
};

/** For rows that aren't whole blocks of 256. */
const OTHERWISE: Readonly<Partial<Record<GgufEncoding, GgufEncoding>>> = {
  Q4_K: "Q5_0",
  Q5_K: "Q5_1",
  Q6_K: "Q8_0",
};

/** Choices that decide about a tensor's type beside its name and shape. */
export type TypedModel = Pick<
  DecoderConfig,
  "modelType" | "numLayers" | "numHeads" | "numKeyValueHeads" | "tieWordEmbeddings"
>;

/**
 * Type of a tensor. 1-D tensors and norms stay float32; in a file of Q4_0 embedding and output are Q8_0, as they are the most sensitive to
 * rounding; rows that aren't whole blocks of 32 become F16, as gguf's writer does it.
 * @param name In the file
 */
export function ggufEncodingOf(
  name: string,
  shape: readonly number[],
  dtype: ExportDtype,
  model: TypedModel,
): GgufEncoding {
  if (shape.length < 2 || name.endsWith("_norm.weight")) return "F32";
  const columns = item(shape, shape.length - 1), fits = (type: GgufEncoding) => columns % BLOCK[type] === 0;
  const wanted = /^q\d_k/.test(dtype)
    ? mixed(name, dtype, model, fits(ENCODINGS[dtype]))
    : isOuter(name) && dtype === "q4_0"
    ? "Q8_0"
    : ENCODINGS[dtype];
  const type = fits(wanted) ? wanted : OTHERWISE[wanted] ?? "F16";
  return fits(type) ? type : "F16";
}

function isOuter(name: string): boolean {
  return name === "token_embd.weight" || name === "output.weight";
}

function mixed(name: string, dtype: ExportDtype, model: TypedModel, fits: boolean): GgufEncoding {
  const { numLayers: layers } = model, standard = ENCODINGS[dtype];
  if (name === "output.weight" || name === "token_embd.weight" && model.tieWordEmbeddings) {
    return fits ? "Q6_K" : "Q8_0";
  }
  const [, number, part] = /^blk\.(\d+)\.(attn_v|ffn_down)\.weight$/.exec(name) ?? [];
  if (part === undefined) return standard;
  const layer = Number(number), eighth = Math.floor(layers / 8);
  const isSensitive = layer < eighth || layer >= Math.floor(7 * layers / 8) || (layer - eighth) % 3 === 2;
  const type = dtype.endsWith("_m") && isSensitive
    ? "Q6_K"
    : dtype === "q4_k_s" && layer < (part === "attn_v" ? 4 : eighth)
    ? "Q5_K"
    : standard;
  return part === "attn_v" && type === "Q4_K" && isSeventyBillion(model) ? "Q5_K" : type;
}

/** Eight heads share a value head there, which makes that matrix small. */
function isSeventyBillion({ modelType, numLayers, numHeads, numKeyValueHeads }: TypedModel): boolean {
  return numLayers === 80 &&
    (modelType === "qwen2" || ["llama", "mistral"].includes(modelType) && numHeads !== numKeyValueHeads);
}
