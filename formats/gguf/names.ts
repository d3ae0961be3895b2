/**
 * Names of tensors: GGUF's (llama.cpp's) to those of transformers' state dict, and what has to be done to the rows.
 * @module
 */
import { shown } from "../message.ts";

/** Where a tensor of transformers' state dict comes from. */
export interface GgufSource {
  /** Name in the GGUF file. */
  readonly name: string;
  /**
   * Heads over which llama.cpp's converter interleaved the rows (row `h·D + 2i + s` of the file is row
   * `h·D + s·D/2 + i` of transformers); null = rows as they are. Only q and k of architectures {@linkcode INTERLEAVED}.
   */
  readonly interleavedHeads: number | null;
  /** What llama.cpp's converter added to the values: 1 to Gemma's norms, which transformers keeps less 1; 0 to all others. */
  readonly normOffset: 0 | 1;
}

const WHOLE: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

const MODULES: Readonly<Record<string, string>> = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Norms behind the halves of a block. */
const BEHIND = {
  post_attention_norm: "post_attention_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

const BLOCK: Readonly<Record<string, string>> = {
  ...MODULES,
  attn_norm: "input_layernorm",
  ffn_norm: "post_attention_layernorm",
};

/** Blocks that are normed before their halves and behind them. */
const AROUND = {
  ...MODULES,
  ...BEHIND,
  attn_norm: "input_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
};

/** Architectures whose blocks aren't normed before their halves alone, or have fused matrices. */
const OTHER_BLOCKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  olmo2: { ...MODULES, ...BEHIND },
  exaone4: { ...MODULES, ...BEHIND },
  "hunyuan-dense": {
    ...BLOCK,
    attn_q_norm: "self_attn.query_layernorm",
    attn_k_norm: "self_attn.key_layernorm",
  },
  glm4: {
    ...MODULES,
    attn_norm: "input_layernorm",
    post_attention_norm: "post_self_attn_layernorm",
    ffn_norm: "post_attention_layernorm",
    // as Phi-3's
    ffn_up: "mlp.gate_up_proj",
    post_ffw_norm: "post_mlp_layernorm",
  },
  gemma2: AROUND,
  gemma3: AROUND,
  phi3: {
    attn_norm: "input_layernorm",
    attn_qkv: "self_attn.qkv_proj",
    attn_output: "self_attn.o_proj",
    ffn_norm: "post_attention_layernorm",
    // gates in front of what they let through, as in transformers
    ffn_up: "mlp.gate_up_proj",
    ffn_down: "mlp.down_proj",
  },
};

/** Names of a block's tensors by those of transformers' modules. */
function blockNames(architecture: string): Readonly<Record<string, string>> {
  return OTHER_BLOCKS[architecture] ?? BLOCK;
}

/** What is added to a tensor. @param target Its name in transformers */
function normOffset(architecture: string, target: string): 0 | 1 {
  return architecture.startsWith("gemma") && target.endsWith("norm.weight") ? 1 : 0;
}

/** Architectures whose q and k llama.cpp rotates by neighbouring pairs, layers of smollm3 that it doesn't rotate among them. */
const INTERLEAVED: ReadonlySet<string> = new Set(["llama", "smollm3", "granite"]);

/** Tensors with a divisor for each rotary frequency: at every length, or of texts up to the length that a model was trained on first and behind it. */
export const ROPE_DIVISORS = {
  all: "rope_freqs.weight",
  short: "rope_factors_short.weight",
  long: "rope_factors_long.weight",
} as const;

/** Tensors that hold no weights: the rotary factors become part of config.json. */
const NO_WEIGHTS = new Set<string>(Object.values(ROPE_DIVISORS));

/** A model whose tensors are named. */
export interface NamedModel {
  /** llama.cpp's name of its architecture. */
  architecture: string;
  /** Attention heads. */
  heads: number;
  /** Heads of keys and values. */
  keyValueHeads: number;
  /** Of the file, for messages. */
  path: string;
}

function own(names: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/**
 * Sources by transformers' name, in file order.
 * @param names Of the file's tensors.
 * @throws {RangeError} If a tensor has no place in the decoder; names it.
 */
export function mapNames(
  names: Iterable<string>,
  { architecture, heads, keyValueHeads, path }: NamedModel,
): Map<string, GgufSource> {
  const sources = new Map<string, GgufSource>();
  for (const name of names) {
    if (NO_WEIGHTS.has(name)) continue;
    const block = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
    const part = block ? own(blockNames(architecture), block[2]!) : undefined;
    const target = block && part ? `model.layers.${block[1]}.${part}.${block[3]}` : own(WHOLE, name);
    if (target === undefined) {
      throw new RangeError(
        `Cannot read ${path} as a ${architecture} model: tensor ${shown(name)} has no place in it. ` +
          `Mixtures of experts and multimodal models aren't supported`,
      );
    }
    const interleaved = INTERLEAVED.has(architecture) && (block?.[2] === "attn_q" || block?.[2] === "attn_k");
    const interleavedHeads = interleaved ? (block![2] === "attn_q" ? heads : keyValueHeads) : null;
    sources.set(target, { name, interleavedHeads, normOffset: normOffset(architecture, target) });
  }
  return sources;
}

/**
 * Undoes the interleaving of rows: `[heads * headDim, columns]`, into a fresh array.
 * @throws {TypeError} If the rows don't split into `heads` heads of even size.
 */
export function deinterleave(
  values: Float32Array<ArrayBuffer>,
  rows: number,
  heads: number,
): Float32Array<ArrayBuffer> {
  const columns = values.length / rows, out = new Float32Array(values.length);
  deinterleavedRows(rows, heads).forEach((from, row) =>
    out.set(values.subarray(from * columns, (from + 1) * columns), row * columns)
  );
  return out;
}

/**
 * The file's row of every row of transformers' matrix.
 * @throws {TypeError} If the rows don't split into `heads` heads of even size.
 */
export function deinterleavedRows(rows: number, heads: number): Int32Array<ArrayBuffer> {
  const size = rows / heads, half = size / 2;
  if (!Number.isInteger(half)) {
    throw new TypeError(
      `Cannot split ${rows} rows into ${heads} heads of even size: each would have ${size} rows`,
    );
  }
  return Int32Array.from({ length: rows }, (_, row) => {
    const inHead = row % size;
    return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
  });
}

/**
 * Name in a GGUF file of a tensor of transformers' state dict, and its heads where q or k rows are interleaved.
 * @throws {RangeError} If the format has no place for it
 */
export function ggufName(
  name: string,
  architecture: string,
  heads: number,
  keyValueHeads: number,
): GgufSource {
  const block = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  const names = blockNames(architecture);
  const part = block && Object.keys(names).find((key) => names[key] === block[2]);
  const whole = Object.keys(WHOLE).find((key) => WHOLE[key] === name);
  if (block && part) {
    const interleaved = INTERLEAVED.has(architecture) && (part === "attn_q" || part === "attn_k");
    return {
      name: `blk.${block[1]}.${part}.${block[3]}`,
      interleavedHeads: interleaved ? (part === "attn_q" ? heads : keyValueHeads) : null,
      normOffset: normOffset(architecture, name),
    };
  }
  if (whole !== undefined) {
    return { name: whole, interleavedHeads: null, normOffset: normOffset(architecture, name) };
  }
  throw new RangeError(`Cannot name tensor ${shown(name)} in a GGUF file of architecture ${architecture}`);
}

/**
 * Interleaves rows as llama.cpp's converter does, `[heads * headDim, columns]` into a fresh array; undone by
 * {@linkcode deinterleave}.
 * @throws {TypeError} If the rows don't split into `heads` heads of even size.
 */
export function interleave(
  values: Float32Array<ArrayBuffer>,
  rows: number,
  heads: number,
): Float32Array<ArrayBuffer> {
  const columns = values.length / rows, out = new Float32Array(values.length);
  deinterleavedRows(rows, heads).forEach((to, row) =>
    out.set(values.subarray(row * columns, (row + 1) * columns), to * columns)
  );
  return out;
}
