/**
 * A model as the engine sees it: one decoder, described by data.
 * @module
 */

/** How queries and keys are rotated. */
export interface Rotation {
  /**
   * Rotary frequencies, `[headDim / 2]`, radians per position, scaling (linear, llama3, yarn) applied; fewer, where what stands behind the first
   * two times as many elements of a head isn't rotated (Phi-4-mini).
   */
  inverseFrequencies: Float64Array;
  /** Queries and keys become so many times as long when they are turned (YaRN), > 0; 1 where it's missing. */
  attentionFactor?: number;
}

/** A decoder described by data; everything the graphs need. Sizes are counts. */
export interface DecoderConfig extends Rotation {
  /** `model_type` of config.json. */
  modelType: string;
  /** Width of the residual stream. */
  hiddenSize: number;
  /** Width of the MLP. */
  intermediateSize: number;
  /** Number of blocks, ≥ 1. */
  numLayers: number;
  /** Query heads. */
  numHeads: number;
  /** Key and value heads; divides `numHeads`. */
  numKeyValueHeads: number;
  /** Width of a head, even. */
  headDim: number;
  /** Rows of the embedding. */
  vocabSize: number;
  /** RMSNorm's ε, > 0. */
  rmsNormEps: number;
  /** Rotation of layers that have a window (Gemma 3); as that of the others where it's missing. */
  windowRotation?: Rotation;
  /** Per layer: false where queries and keys aren't rotated (SmolLM3); all are where it's missing. */
  rotatedLayers?: readonly boolean[];
  /** Neighbouring elements of queries and keys are turned together (ERNIE 4.5); element i and that half of the rotated ones behind it where it's missing. */
  rotatesPairs?: boolean;
  /** Positions from 0 for which the frequencies hold, > 0 (dynamic scaling, longrope); all where it's missing. */
  rotaryLimit?: number;
  /** The embedding's rows are multiplied by it, NEFTune's noise among them (Granite), > 0; 1 where it's missing. */
  embeddingScale?: number;
  /** NEFTune's noise is added to multiplied rows (Gemma, whose embedding multiplies its rows itself); to the others before where it's missing. */
  noiseBehindScale?: boolean;
  /** Attention's scores are multiplied by it (Granite), > 0; {@linkcode scoreScale} where it's missing. */
  attentionScale?: number;
  /** Attention's scores become cap · tanh(score / cap) (Gemma 2), > 0; they stay as they are where it's missing. */
  scoreCap?: number;
  /** What attention and MLP add to the residual stream is multiplied by it (Granite), > 0; 1 where it's missing. */
  residualScale?: number;
  /** Logits are multiplied by it (Granite), > 0; 1 where it's missing. */
  logitScale?: number;
  /** Logits become cap · tanh(logit / cap) (Gemma 2), > 0; they stay as they are where it's missing. */
  logitCap?: number;
  /** q, k and v are one matrix, and gate and up another (Phi-3), or ("mlp") gate and up alone are one (GLM-4); each is its own where it's missing. */
  fusedProjections?: boolean | "mlp";
  /** Biases on q, k, v (Qwen2). */
  qkvBias: boolean;
  /** Bias on o_proj (llama `attention_bias` puts it on all four). */
  outputBias: boolean;
  /** Biases on gate, up, down. */
  mlpBias: boolean;
  /** RMSNorm on q and k per head before the rotation (Qwen3). */
  qkNorm: boolean;
  /** With `qkNorm`: the norm stands behind the rotation (Hunyuan), and its tensors are called `query_layernorm` and `key_layernorm`. */
  qkNormBehind?: boolean;
  /** With `qkNorm`: the norm is of all heads' values together, before they are parted (OLMo 2); of each head by itself where it's missing. */
  qkNormWhole?: boolean;
  /** Where a block is normed: its halves' inputs (default), what they give (OLMo 2), or both (Gemma 2 and 3; GLM-4 under names of its own). */
  normPlaces?: "before" | "after" | "both" | "both_glm4";
  /** Added to the weights of every norm (Gemma keeps them less 1); 0 where it's missing. */
  normOffset?: number;
  /** What the MLP's gate is put through; SiLU where it's missing, GELU by its tanh approximation in Gemma. */
  gateActivation?: "silu" | "gelu_tanh";
  /** Per layer: tokens a token can look back, itself included; null = all. */
  slidingWindow: readonly (number | null)[];
  /** The output head is the embedding. */
  tieWordEmbeddings: boolean;
  /** Longest sequence that the model was made for, in tokens. */
  maxPositionEmbeddings: number;
  /** Ids that end generation. */
  eosTokenIds: readonly number[];
  /** In front of its modules in transformers' class of the model, where that isn't `model.`, such as `model.language_model.`. */
  moduleRoot?: string;
}

/** Factor of attention's scores: the model's own, else 1 / √headDim. */
export function scoreScale(
  { attentionScale, headDim }: Pick<DecoderConfig, "attentionScale" | "headDim">,
): number {
  return attentionScale ?? 1 / Math.sqrt(headDim);
}

/** Attribute of kernels that cap values; none where there is no cap. */
export function capAttributes(cap: number | undefined): { cap?: number } {
  return cap === undefined ? {} : { cap };
}

/** True if a part of each head isn't rotated. */
export function rotatesPart(
  { inverseFrequencies, headDim }: Pick<DecoderConfig, "inverseFrequencies" | "headDim">,
): boolean {
  return 2 * inverseFrequencies.length < headDim;
}

/** What the attention of one layer has of its own; layers that are alike share programs. */
export interface LayerAttention {
  /** Tokens a token can look back, itself included; null = all. */
  readonly window: number | null;
  /** Angles by which queries and keys are rotated: of all layers, or of those that have a window; null: none. */
  readonly angles: Angles | null;
}

/** Which of a decoder's rotations. */
export type Angles = "all" | "window";

/** The part of a decoder that its layers' attention is read from. */
type OfLayers = Pick<DecoderConfig, "slidingWindow" | "rotatedLayers" | "windowRotation">;

/** The attention of one layer. */
export function attentionOf(
  { slidingWindow, rotatedLayers, windowRotation }: OfLayers,
  layer: number,
): LayerAttention {
  const window = slidingWindow[layer] ?? null, rotates = rotatedLayers?.[layer] ?? true;
  const angles = windowRotation !== undefined && window !== null ? "window" : "all";
  return { window, angles: rotates ? angles : null };
}

/** The attention of each layer, one object for all that are alike. */
export function layerAttentions(config: OfLayers & Pick<DecoderConfig, "numLayers">): LayerAttention[] {
  const kinds = new Map<string, LayerAttention>();
  return Array.from({ length: config.numLayers }, (_, layer) => {
    const attention = attentionOf(config, layer), key = JSON.stringify(attention);
    const kind = kinds.get(key) ?? attention;
    kinds.set(key, kind);
    return kind;
  });
}
