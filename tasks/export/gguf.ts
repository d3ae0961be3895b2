/**
 * A model as a GGUF file for llama.cpp.
 * Source of keys and rules: llama.cpp's converters, src/llama-model.cpp.
 * @module
 */
import { basename, join } from "@std/path";

import { item } from "../../formats/elements.ts";
import {
  gemmaPeriod,
  gemmaScoreWidth,
  type GgufEncoding,
  ggufName,
  type GgufTensorToWrite,
  type GgufTyped,
  interleave,
  NO_ROPE_INTERVAL,
  WINDOW_PERIOD,
  WINDOWED_EXAONE4,
  writingGguf,
} from "../../formats/gguf/mod.ts";
import { type DecoderConfig, scoreScale } from "../../kernels/engine/decoder/decoder_config.ts";
import { shown } from "../../formats/message.ts";
import { isCalledPhi3 } from "../../formats/tokenizer/mod.ts";
import type { ExportDtype } from "./config.ts";
import { ropeKeys, sectionKeys } from "./gguf_rope.ts";
import { tokenizerKeys } from "./gguf_tokenizer.ts";
import { ENCODINGS, FILE_TYPES, fileTypeName, ggufEncodingOf } from "./gguf_types.ts";
import { holding } from "./holding.ts";
import type { ExportSource } from "./source/source.ts";

/** Architectures in llama.cpp of families whose names differ: Mistral is a Llama there. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  mistral: "llama",
  qwen2_vl: "qwen2vl",
  qwen2_5_vl: "qwen2vl",
  qwen3_vl: "qwen3vl",
  gemma3_text: "gemma3",
  olmo3: "olmo2",
  hunyuan_v1_dense: "hunyuan-dense",
};

/** Architectures whose layers have no window in llama.cpp, whatever a file says. */
const KNOWS_NO_WINDOW: readonly string[] = ["llama", "phi3"];

/** Architectures whose output head is always, or never, the embedding in llama.cpp, which refuses to load a file of the other kind; it takes both of others. */
const TIED: Readonly<Record<string, boolean>> = { gemma: true, gemma2: true, olmo2: false };

/** Architecture in llama.cpp. */
export function architectureOf({ modelType }: DecoderConfig): string {
  return ARCHITECTURES[modelType] ?? modelType;
}

/** Name of the file in the folder. */
function ggufFileName(format: "gguf" | "gguf-adapter", dtype: ExportDtype): string {
  return `${format === "gguf" ? "model" : "adapter"}-${fileTypeName(dtype)}.gguf`;
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
    const { name: target, interleavedHeads, normOffset } = ggufName(
      name,
      architecture,
      decoder.numHeads,
      decoder.numKeyValueHeads,
    );
    const used = ggufEncodingOf(target, shape, dtype, decoder);
    return {
      name: target,
      shape,
      encoding: used,
      data: () => {
        onTensor();
        const read = source.read(name);
        const values = holding(name, normOffset === 0 ? read : read.map((value) => value + normOffset), used);
        return interleavedHeads === null ? values : interleave(values, item(shape, 0), interleavedHeads);
      },
    };
  });
  const tokenizer = tokenizerKeys(source), { needsPhi3Name } = tokenizer;
  const given = ggufModelName(source), called = nameFor(source, needsPhi3Name);
  notes.push(...otherTypes(tensors, encoding), ...tokenizer.notes);
  if (called !== given) {
    notes.push(
      `general.name is ${shown(called)}, not ${
        shown(given)
      }: llama.cpp drops white space behind special tokens in a file whose name has phi-3, ` +
        `and the tokenizer ${needsPhi3Name ? "does that" : "keeps it"}`,
    );
  }
  for (const [name, divisors] of rope.divisors) {
    tensors.push({ name, shape: [divisors.length], encoding: "F32", data: () => divisors });
  }
  const window = Math.min(...decoder.slidingWindow.filter((size) => size !== null));
  if (KNOWS_NO_WINDOW.includes(architecture) && window < decoder.maxPositionEmbeddings) {
    notes.push(
      `llama.cpp knows no sliding window for architecture ${architecture}: texts longer than ${window} tokens are seen whole there`,
    );
  }
  const metadata = new Map<string, GgufTyped>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: called }],
    ["general.alignment", { type: "u32", value: 32 }],
    ...modelKeys(decoder, architecture),
    ...rope.keys,
    ...sectionKeys(source.model.config, architecture),
    ["general.file_type", { type: "u32", value: FILE_TYPES[dtype] }],
    ["general.quantization_version", { type: "u32", value: 2 }],
    ...tokenizer.keys,
  ]);
  yield* writingGguf(path, metadata, tensors);
  return notes;
}

/** Note about matrices whose rows the type's blocks don't fill. */
function otherTypes(tensors: readonly GgufTensorToWrite[], encoding: GgufEncoding): string[] {
  return (["F16", "Q5_0", "Q5_1"] as const).flatMap((type) => {
    const found = tensors.filter(({ shape, encoding: used }) => shape.length > 1 && used === type);
    if (type === encoding || found.length === 0) return [];
    const columns = item(found, 0).shape.at(-1), block = type === "F16" ? 32 : 256;
    return [
      `${found.length} matrices are ${type}, as their rows of ${columns} aren't whole blocks of ${block} values`,
    ];
  });
}

/** `general.name` of a file. */
export function ggufModelName({ model, adapters }: ExportSource): string {
  const base = model.hubId ?? basename(model.path).replace(/\.gguf$/, "");
  return adapters.length === 0 ? base : `${base} with adapter`;
}

/** `general.name`, by which llama.cpp chooses whether it drops white space behind special tokens. */
function nameFor(source: ExportSource, needsPhi3Name: boolean): string {
  const name = ggufModelName(source);
  if (needsPhi3Name === isCalledPhi3(name)) return name;
  return needsPhi3Name ? `${name}-phi-3` : name.replace(/(phi)-?(3)/gi, "$1 $2");
}

/**
 * The architecture that computes a model in llama.cpp.
 * @throws {RangeError} If that of its name can't
 */
export function checkArchitecture(decoder: DecoderConfig): string {
  const architecture = architectureOf(decoder);
  const refuse = (what: string) =>
    new RangeError(
      `Cannot write a ${decoder.modelType} model as GGUF as llama.cpp's architecture ${architecture} has no ${what}: ` +
        "use export_format: safetensors",
    );
  if (
    ![
      "llama",
      "qwen2",
      "qwen3",
      "qwen2vl",
      "qwen3vl",
      "smollm3",
      "granite",
      "gemma",
      "gemma2",
      "gemma3",
      "olmo2",
      "exaone4",
      "ernie4_5",
      "glm4",
      "hunyuan-dense",
      "phi3",
    ]
      .includes(architecture)
  ) {
    throw refuse("counterpart here");
  }
  const period = gemmaPeriod(architecture);
  if (period !== null) checkGemma(decoder, { architecture, period, refuse });
  else if (architecture === "olmo2" || architecture === "exaone4") checkFourLayers(decoder, refuse);
  else if (
    !KNOWS_NO_WINDOW.includes(architecture) && decoder.slidingWindow.some((window) => window !== null)
  ) {
    throw refuse("sliding window");
  }
  if (architecture !== "llama" && architecture !== "granite" && decoder.mlpBias) {
    throw refuse("biases in its MLP");
  }
  if (architecture === "smollm3" && !rotatesAsLlamaCpp(decoder)) {
    throw refuse(`choice of layers that don't rotate (it is every ${NO_ROPE_INTERVAL}th)`);
  }
  if (
    (architecture === "phi3" || architecture === "olmo2") &&
    decoder.numHeads * decoder.headDim !== decoder.hiddenSize
  ) {
    throw refuse("head_dim of its own");
  }
  const tied = TIED[architecture];
  if (tied !== undefined && decoder.tieWordEmbeddings !== tied) {
    throw refuse(
      tied
        ? "output head beside the embedding (tie_word_embeddings: false)"
        : "output head that is the embedding (tie_word_embeddings: true)",
    );
  }
  if (
    /^(qwen3|smollm3|gemma|olmo2|exaone4|ernie4_5|hunyuan|phi3)/.test(architecture) &&
    (decoder.qkvBias || decoder.outputBias)
  ) {
    throw refuse("biases");
  }
  return architecture;
}

/** llama.cpp has the layers with a window of OLMo 3 and EXAONE 4 in its code. */
function checkFourLayers({ slidingWindow, numLayers, modelType }: DecoderConfig, refuse: Refuse): void {
  const [window = null] = slidingWindow;
  const isTheirs = slidingWindow.every((size, layer) =>
    size === ((layer + 1) % WINDOW_PERIOD === 0 ? null : window)
  );
  const isOpen = slidingWindow.every((size) => size === null);
  if (modelType === "olmo2") return;
  const hasWindows = modelType === "olmo3" || numLayers === WINDOWED_EXAONE4;
  if (!hasWindows && !isOpen) {
    throw refuse(`sliding window in a model of other than ${WINDOWED_EXAONE4} layers`);
  }
  if (hasWindows && (isOpen || !isTheirs)) {
    throw refuse(`choice of layers with a window (all but every ${WINDOW_PERIOD}th have the same)`);
  }
}

/** llama.cpp has windows, their rotation and the scale of scores of architectures gemma2 and gemma3 in its code, and caps those of gemma2 always. */
function checkGemma(
  decoder: DecoderConfig,
  { architecture, period, refuse }: {
    architecture: string;
    period: number;
    refuse: Refuse;
  },
): void {
  const { slidingWindow, windowRotation, headDim, scoreCap, logitCap } = decoder, [window] = slidingWindow;
  const isTheirs = slidingWindow.every((size, layer) =>
    size === ((layer + 1) % period === 0 ? null : window)
  );
  const isOpen = slidingWindow.every((size) => size === null), isSecond = architecture === "gemma2";
  if (isOpen ? isSecond : !isTheirs) {
    throw refuse(
      `choice of layers with a window (all but every ${period}${isSecond ? "nd" : "th"} have the same)`,
    );
  }
  if (isSecond && (scoreCap === undefined || logitCap === undefined)) {
    throw refuse("scores or logits that aren't capped (attn_logit_softcapping, final_logit_softcapping)");
  }
  if (!isSecond && logitCap !== undefined) {
    throw refuse("counterpart here for logits that are capped (final_logit_softcapping)");
  }
  const { inverseFrequencies = decoder.inverseFrequencies, attentionFactor = 1 } = windowRotation ?? {};
  const isPlain = inverseFrequencies.every((frequency, i) =>
    Math.abs(frequency * 10000 ** (2 * i / headDim) - 1) < 1e-9
  );
  if (!isSecond && window !== null && !(isPlain && attentionFactor === 1)) {
    throw refuse("rotation of layers with a window other than that of base 10000");
  }
  const width = gemmaScoreWidth(architecture, decoder);
  if (Math.abs(scoreScale(decoder) * Math.sqrt(width) - 1) > 1e-6) {
    throw refuse(`scale of scores (query_pre_attn_scalar) other than ${width}`);
  }
}

/** Makes the error about what an architecture has no place for. */
type Refuse = (what: string) => RangeError;

function rotatesAsLlamaCpp({ rotatedLayers = [] }: DecoderConfig): boolean {
  return rotatedLayers.every((rotates, layer) => rotates === ((layer + 1) % NO_ROPE_INTERVAL !== 0));
}

function modelKeys(decoder: DecoderConfig, architecture: string): [string, GgufTyped][] {
  const u32 = (
    key: string,
    value: number,
  ): [string, GgufTyped] => [`${architecture}.${key}`, { type: "u32", value }];
  const f32 = (
    key: string,
    value: number,
  ): [string, GgufTyped] => [`${architecture}.${key}`, { type: "f32", value }];
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
    u32("rope.dimension_count", 2 * decoder.inverseFrequencies.length),
    u32("vocab_size", decoder.vocabSize),
    ...(window === undefined ? [] : [u32("attention.sliding_window", window)]),
    f32("attention.layer_norm_rms_epsilon", decoder.rmsNormEps),
    ...(architecture === "gemma2"
      ? [
        f32("attn_logit_softcapping", decoder.scoreCap ?? 0),
        f32("final_logit_softcapping", decoder.logitCap ?? 0),
      ]
      : []),
    ...(architecture === "granite"
      ? [
        f32("embedding_scale", decoder.embeddingScale ?? 1),
        f32("attention.scale", scoreScale(decoder)),
        f32("residual_scale", decoder.residualScale ?? 1),
        f32("logit_scale", 1 / (decoder.logitScale ?? 1)),
      ]
      : []),
  ];
}

/** Path of the file in a folder. */
export function ggufPath(folder: string, format: "gguf" | "gguf-adapter", dtype: ExportDtype): string {
  return join(folder, ggufFileName(format, dtype));
}
