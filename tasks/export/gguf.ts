/**
 * An export as a GGUF file for llama.cpp: the model, or the adapter alone.
 * Source of keys and rules: llama.cpp's converters, src/llama-model.cpp, src/llama-adapter.cpp.
 * @module
 */
import { basename, join } from "@std/path";

import { item } from "../../formats/elements.ts";
import {
  type GgufEncoding,
  ggufName,
  type GgufTensorToWrite,
  type GgufTyped,
  interleave,
  writingGguf,
} from "../../formats/gguf/mod.ts";
import type { Adapter, LoraTensors } from "../../formats/peft/mod.ts";
import { narrowed, widened } from "../../formats/subnormal.ts";
import { ggufTokenizerKeys, type Tokenizer } from "../../formats/tokenizer/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import type { ExportDtype } from "./config.ts";
import { ropeKeys, sectionKeys } from "./gguf_rope.ts";
import { holding } from "./holding.ts";
import type { ExportSource } from "./source.ts";

/** Number types as llama.cpp names them. */
export const ENCODINGS: Readonly<Record<ExportDtype, GgufEncoding>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  q8_0: "Q8_0",
  q4_0: "Q4_0",
};

/** `general.file_type` of a file whose matrices have one type. */
const FILE_TYPES: Readonly<Record<GgufEncoding, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32 };

/** Values a block of the quantised types. */
const BLOCK = 32;

/** Architectures in llama.cpp of families whose names differ: Mistral is a Llama there. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  mistral: "llama",
  qwen2_vl: "qwen2vl",
  qwen2_5_vl: "qwen2vl",
  qwen3_vl: "qwen3vl",
};

/** Architecture in llama.cpp. */
export function architectureOf({ modelType }: DecoderConfig): string {
  return ARCHITECTURES[modelType] ?? modelType;
}

/** Name of the file in the folder. */
export function ggufFileName(format: "gguf" | "gguf-adapter", dtype: ExportDtype): string {
  return `${format === "gguf" ? "model" : "adapter"}-${ENCODINGS[dtype]}.gguf`;
}

/**
 * Writes the model.
 * @param onTensor Called in front of each tensor
 * @returns Remarks: differences of llama.cpp from the model
 * @throws {RangeError} If the format has no place for something of the model; named
 */
export function* exportGguf(
  path: string,
  source: ExportSource,
  dtype: ExportDtype,
  onTensor: () => void,
): Generator<void, string[]> {
  const { decoder, shapes } = source;
  const architecture = checkArchitecture(decoder);
  const rope = ropeKeys(source.model.config, decoder, architecture);
  const encoding = ENCODINGS[dtype], notes: string[] = [];
  const tensors: GgufTensorToWrite[] = [...shapes].map(([name, shape]) => {
    const { name: target, interleavedHeads } = ggufName(
      name,
      architecture,
      decoder.numHeads,
      decoder.numKeyValueHeads,
    );
    const used = ggufEncodingOf(target, shape, encoding);
    return {
      name: target,
      shape,
      encoding: used,
      data: () => {
        onTensor();
        const values = holding(name, source.read(name), used);
        return interleavedHeads === null ? values : interleave(values, item(shape, 0), interleavedHeads);
      },
    };
  });
  const narrow = tensors.filter(({ shape, encoding: used }) =>
    shape.length > 1 && used === "F16" && encoding !== "F16"
  );
  if (narrow.length > 0) {
    notes.push(
      `${narrow.length} matrices are F16, as their rows of ${
        item(narrow, 0).shape.at(-1)
      } aren't whole blocks of ${BLOCK} values`,
    );
  }
  if (rope.divisors !== null) {
    const { divisors } = rope;
    tensors.push({
      name: "rope_freqs.weight",
      shape: [divisors.length],
      encoding: "F32",
      data: () => divisors,
    });
  }
  if (decoder.slidingWindow.some((window) => window !== null)) {
    notes.push(
      `llama.cpp knows no sliding window for architecture llama: texts longer than ${
        Math.min(...decoder.slidingWindow.filter((window) => window !== null))
      } tokens are seen whole there`,
    );
  }
  const metadata = new Map<string, GgufTyped>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: nameOf(source) }],
    ["general.alignment", { type: "u32", value: 32 }],
    ...modelKeys(decoder, architecture),
    ...rope.keys,
    ...sectionKeys(source.model.config, architecture),
    ["general.file_type", { type: "u32", value: FILE_TYPES[encoding] }],
    ["general.quantization_version", { type: "u32", value: 2 }],
    ...tokenizerKeys(source),
  ]);
  yield* writingGguf(path, metadata, tensors);
  return notes;
}

function nameOf({ model, adapters }: ExportSource): string {
  const base = model.hubId ?? basename(model.path).replace(/\.gguf$/, "");
  return adapters.length === 0 ? base : `${base} with adapter`;
}

/** @throws {RangeError} If llama.cpp's architecture of that name can't compute the model */
function checkArchitecture(decoder: DecoderConfig): string {
  const architecture = architectureOf(decoder);
  const refuse = (what: string) =>
    new RangeError(
      `Cannot write a ${decoder.modelType} model as GGUF as llama.cpp's architecture ${architecture} has no ${what}: ` +
        "use export_format: safetensors",
    );
  if (!["llama", "qwen2", "qwen3", "qwen2vl", "qwen3vl"].includes(architecture)) {
    throw refuse("counterpart here");
  }
  if (architecture !== "llama" && decoder.slidingWindow.some((window) => window !== null)) {
    throw refuse("sliding window");
  }
  if (architecture !== "llama" && decoder.mlpBias) throw refuse("biases in its MLP");
  if (architecture.startsWith("qwen3") && (decoder.qkvBias || decoder.outputBias)) throw refuse("biases");
  return architecture;
}

/**
 * 1-D tensors and norms stay float32; in a file of Q4_0 embedding and output are Q8_0, as they are the most sensitive to
 * rounding (llama-quantize gives them more bits too); rows that aren't whole blocks become F16, as
 * gguf's writer does it.
 */
export function ggufEncodingOf(name: string, shape: readonly number[], encoding: GgufEncoding): GgufEncoding {
  if (shape.length < 2 || name.endsWith("_norm.weight")) return "F32";
  const isOuter = name === "token_embd.weight" || name === "output.weight";
  if (isOuter && encoding === "Q4_0") return ggufEncodingOf(name, shape, "Q8_0");
  return encoding.startsWith("Q") && item(shape, shape.length - 1) % BLOCK !== 0 ? "F16" : encoding;
}

function modelKeys(decoder: DecoderConfig, architecture: string): [string, GgufTyped][] {
  const u32 = (
    key: string,
    value: number,
  ): [string, GgufTyped] => [`${architecture}.${key}`, { type: "u32", value }];
  const window = decoder.slidingWindow.find((size) => size !== null);
  return [
    u32("context_length", decoder.maxPositionEmbeddings),
    u32("embedding_length", decoder.hiddenSize),
    u32("block_count", decoder.numLayers),
    u32("feed_forward_length", decoder.intermediateSize),
    u32("attention.head_count", decoder.numHeads),
    u32("attention.head_count_kv", decoder.numKeyValueHeads),
    u32("attention.key_length", decoder.headDim),
    u32("attention.value_length", decoder.headDim),
    u32("rope.dimension_count", decoder.headDim),
    u32("vocab_size", decoder.vocabSize),
    ...(window === undefined ? [] : [u32("attention.sliding_window", window)]),
    [`${architecture}.attention.layer_norm_rms_epsilon`, { type: "f32", value: decoder.rmsNormEps }],
  ];
}

/** The base's own keys where it is a GGUF file, else those of tokenizer.json; template and end token are what is written. */
function tokenizerKeys(source: ExportSource): [string, GgufTyped][] {
  const { model, chatTemplate, decoder } = source, tokenizer = writtenTokenizer(source);
  const keys = new Map<string, GgufTyped>(
    model.metadata === null ? madeTokenizer(source) : copiedTokenizer(model.metadata),
  );
  for (
    const [key, id] of [["bos", tokenizer.bosId], ["eos", tokenizer.eosId], [
      "padding",
      tokenizer.padId,
    ]] as const
  ) {
    if (id !== null && id < decoder.vocabSize) {
      keys.set(`tokenizer.ggml.${key}_token_id`, { type: "u32", value: id });
    }
  }
  if (chatTemplate !== null) keys.set("tokenizer.chat_template", { type: "string", value: chatTemplate });
  return [...keys];
}

/** There is one: `openSource` refuses this format otherwise. */
function writtenTokenizer({ tokenizer }: ExportSource): Tokenizer {
  if (tokenizer === null) throw new TypeError("Cannot write a GGUF model without a tokenizer");
  return tokenizer;
}

function madeTokenizer(source: ExportSource): [string, GgufTyped][] {
  const { decoder } = source, tokenizer = writtenTokenizer(source);
  const made = ggufTokenizerKeys(tokenizer, decoder.vocabSize);
  const key = (name: string, value: GgufTyped): [string, GgufTyped] => [`tokenizer.ggml.${name}`, value];
  return [
    key("model", { type: "string", value: made.model }),
    ...(made.pre === null ? [] : [key("pre", { type: "string", value: made.pre })]),
    key("tokens", { type: "strings", value: made.tokens }),
    ...(made.scores === null ? [] : [key("scores", { type: "f32s", value: made.scores })]),
    key("token_type", { type: "i32s", value: made.types }),
    ...(made.merges === null ? [] : [key("merges", { type: "strings", value: made.merges })]),
    ...(tokenizer.unkId === null ? [] : [key("unknown_token_id", { type: "u32", value: tokenizer.unkId })]),
    key("add_bos_token", { type: "bool", value: made.addBos }),
    key("add_eos_token", { type: "bool", value: false }),
    ...(made.model === "llama"
      ? [key("add_space_prefix", { type: "bool", value: made.addSpacePrefix })]
      : []),
  ];
}

function copiedTokenizer(metadata: ReadonlyMap<string, unknown>): [string, GgufTyped][] {
  return [...metadata].filter(([key]) => key.startsWith("tokenizer.")).map(([key, value]) => {
    if (typeof value === "string") return [key, { type: "string", value }];
    if (typeof value === "boolean") return [key, { type: "bool", value }];
    if (typeof value === "number") return [key, { type: Number.isInteger(value) ? "u32" : "f32", value }];
    if (Array.isArray(value) && value.every((part) => typeof part === "string")) {
      return [key, { type: "strings", value: value as string[] }];
    }
    const numbers = Array.from(value as ArrayLike<number>, Number);
    return [key, { type: key.endsWith(".scores") ? "f32s" : "i32s", value: numbers }];
  });
}

/** A module of an adapter as a file with one α holds it: its update is scaled by that α / rank. */
export interface ModuleOfOneAlpha extends LoraTensors {
  /** By which B differs; 1: it is B itself. */
  readonly factor: number;
  /** B as the file has it, `[out, r]`. */
  scaledB(): Float32Array<ArrayBuffer>;
}

/** An adapter under one α, that of its first module; where the modules' own scales don't come out so, B carries the difference. */
export function withOneAlpha(
  { modules }: Pick<Adapter, "modules">,
): { alpha: number; modules: Map<string, ModuleOfOneAlpha> } {
  const [first] = modules.values(), alpha = first === undefined ? 1 : first.scale * first.r;
  return {
    alpha,
    modules: new Map([...modules].map(([name, module]) => {
      const factor = module.scale * module.r / alpha;
      const scaledB = () =>
        factor === 1 ? module.b : narrowed(widened(module.b).map((value) => value * factor));
      return [name, { ...module, factor, scaledB }];
    })),
  };
}

/**
 * Writes the adapter alone, in llama.cpp's format: A and B as PEFT has them, the rows of B of q and k interleaved for
 * architecture llama, and one α for the file, by which each module's update is scaled as α / rank of its B. Where the
 * modules' own scales don't come out so, B carries the difference.
 * @throws {RangeError} If the format has no place for something of the model; named
 */
export function* exportGgufAdapter(
  path: string,
  source: ExportSource,
  adapter: Adapter,
  dtype: ExportDtype,
  onTensor: () => void,
): Generator<void, string[]> {
  const { decoder } = source, architecture = checkArchitecture(decoder);
  const encoding = ENCODINGS[dtype], notes: string[] = [];
  const { alpha, modules } = withOneAlpha(adapter);
  if ([...modules.values()].some(({ factor }) => factor !== 1)) {
    notes.push(
      `llama.cpp has one alpha a file (${alpha}): the matrices B of modules with another carry the difference`,
    );
  }
  const tensors = [...modules].flatMap(([module, { a, b, r, scaledB }]): GgufTensorToWrite[] => {
    const { name, interleavedHeads } = ggufName(
      `${module}.weight`,
      architecture,
      decoder.numHeads,
      decoder.numKeyValueHeads,
    );
    const inputs = a.length / r, outputs = b.length / r;
    return [
      {
        name: `${name}.lora_a`,
        shape: [r, inputs],
        encoding,
        data: () => (onTensor(), holding(`${module}.lora_A`, a, encoding)),
      },
      {
        name: `${name}.lora_b`,
        shape: [outputs, r],
        encoding,
        data: () => {
          onTensor();
          const values = holding(`${module}.lora_B`, scaledB(), encoding);
          return interleavedHeads === null ? values : interleave(values, outputs, interleavedHeads);
        },
      },
    ];
  });
  yield* writingGguf(
    path,
    new Map<string, GgufTyped>([
      ["general.architecture", { type: "string", value: architecture }],
      ["general.type", { type: "string", value: "adapter" }],
      ["general.name", { type: "string", value: nameOf(source) }],
      ["adapter.type", { type: "string", value: "lora" }],
      ["adapter.lora.alpha", { type: "f32", value: alpha }],
      ["general.file_type", { type: "u32", value: FILE_TYPES[encoding] }],
    ]),
    tensors,
  );
  return notes;
}

/** Path of the file in a folder. */
export function ggufPath(folder: string, format: "gguf" | "gguf-adapter", dtype: ExportDtype): string {
  return join(folder, ggufFileName(format, dtype));
}
