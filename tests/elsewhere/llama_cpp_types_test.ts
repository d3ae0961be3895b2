/** Exports of each number type in llama.cpp: the probabilities that the file's own values give here, of each family and at every place of a text. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { referenceBackend } from "../../kernels/backends/reference/mod.ts";
import { layeredLogits } from "../../kernels/engine/layerwise/layered_logits.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { FILE_TYPES } from "../../tasks/export/gguf_types.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { drawnModel } from "./_drawn_model.ts";

const SIZES = { hidden_size: 256, intermediate_size: 256, tie_word_embeddings: false };

const divisors = (slope: number) => Array.from({ length: 24 }, (_, i) => 1 + slope * i);

/** Made-up models of each family that llama.cpp has, rows of whole blocks of 256. */
const MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  llama: { ...SIZES, num_hidden_layers: 2, attention_bias: true, mlp_bias: true },
  mistral: { ...SIZES, num_hidden_layers: 2, head_dim: 32, sliding_window: null },
  qwen2: { ...SIZES, num_hidden_layers: 2, tie_word_embeddings: true },
  qwen3: { ...SIZES, num_hidden_layers: 2, head_dim: 128 },
  // its fourth layer isn't rotated
  smollm3: { ...SIZES, num_hidden_layers: 5, tie_word_embeddings: true },
  olmo2: { ...SIZES, num_hidden_layers: 2 },
  // its fourth layer has no window, and YaRN
  olmo3: {
    ...SIZES,
    num_hidden_layers: 4,
    sliding_window: 6,
    rope_theta: 5e5,
    rope_scaling: { rope_type: "yarn", factor: 8, original_max_position_embeddings: 32 },
  },
  exaone4: {
    ...SIZES,
    num_hidden_layers: 2,
    sliding_window: null,
    tie_word_embeddings: true,
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    },
  },
  ernie4_5: { ...SIZES, num_hidden_layers: 2, head_dim: 32, tie_word_embeddings: true },
  // half of each head is rotated
  glm4: { ...SIZES, num_hidden_layers: 2 },
  hunyuan_v1_dense: {
    ...SIZES,
    num_hidden_layers: 2,
    head_dim: 32,
    rope_scaling: { type: "dynamic", alpha: 50, factor: 1 },
  },
  phi3: { ...SIZES, num_hidden_layers: 2 },
  // 48 of a head's 64 elements are rotated; llama.cpp takes the short divisors, as its context is no longer than the first length
  phi4mini: {
    ...SIZES,
    model_type: "phi3",
    num_hidden_layers: 2,
    tie_word_embeddings: true,
    partial_rotary_factor: 0.75,
    max_position_embeddings: 4096,
    original_max_position_embeddings: 2048,
    rope_scaling: { type: "longrope", short_factor: divisors(0.1), long_factor: divisors(1) },
  },
  granite: {
    ...SIZES,
    num_hidden_layers: 2,
    attention_bias: true,
    mlp_bias: true,
    embedding_multiplier: 3,
    attention_multiplier: 0.05,
    residual_multiplier: 0.6,
    logits_scaling: 2,
  },
  gemma: {
    ...SIZES,
    num_hidden_layers: 2,
    head_dim: 32,
    hidden_act: "gelu_pytorch_tanh",
    tie_word_embeddings: true,
  },
  // its second layer has no window; scores and logits of some units
  gemma2: {
    ...SIZES,
    num_hidden_layers: 3,
    head_dim: 32,
    query_pre_attn_scalar: 32,
    sliding_window: 6,
    attn_logit_softcapping: 3,
    final_logit_softcapping: 5,
    tie_word_embeddings: true,
  },
  // its sixth layer has no window
  gemma3_text: {
    ...SIZES,
    num_hidden_layers: 7,
    head_dim: 32,
    query_pre_attn_scalar: 32,
    rope_theta: 1e6,
    sliding_window: 6,
    tie_word_embeddings: true,
  },
};

/**
 * Largest difference of a probability: llama.cpp's cache is float16 (0.0015 seen), it rounds inputs of bfloat16 matrices to bfloat16 (0.0075), and those of
 * quantised ones to 8 bits (0.044). Rows of q and k in the other order give 0.28 and more.
 */
const BOUNDS: Readonly<Record<string, number>> = { float32: 5e-3, float16: 5e-3, bfloat16: 2e-2 };

/** Of drawn weights: so large that attention chooses, so small that roundings of llama.cpp's don't grow from layer to layer. */
const SPREAD = 0.2;

const IDS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 14, 15, 92];

/** Probabilities of all tokens behind each of the ids, by the file's values in float64. */
async function ours(path: string): Promise<number[][]> {
  const model = await openModel(path), decoder = decoderOf(builtinRegistry(), model);
  const backend = referenceBackend(), read = (name: string) => model.weights.read(name);
  const logits = await layeredLogits(backend, decoder, { read, ids: IDS });
  model.weights.close();
  await backend.dispose();
  const size = decoder.vocabSize;
  return IDS.map((_, t) => {
    const row = [...logits.subarray(t * size, (t + 1) * size)], most = Math.max(...row);
    const sum = row.reduce((total, x) => total + Math.exp(x - most), 0);
    return row.map((x) => Math.exp(x - most) / sum);
  });
}

Deno.test({
  name:
    `llama.cpp gives the probabilities of the file's own values, of each family and number type${ELSEWHERE.why}`,
  ignore: ELSEWHERE.ignore,
  fn: async () => {
    const folder = temporaryFolder(), asked: { label: string; model: string }[] = [];
    for (const [family, sizes] of Object.entries(MODELS)) {
      const base = join(folder, family);
      drawnModel(base, { model_type: family, ...sizes }, SPREAD);
      for (const dtype of Object.keys(FILE_TYPES)) {
        const out = join(folder, `${family}-${dtype}`);
        const keys = [`model_name_or_path=${base}`, `export_dir=${out}`, "export_format=gguf"];
        await exportModel(undefined, [...keys, `export_dtype=${dtype}`, "export_check=false"], {
          say: () => {},
        });
        const name = [...Deno.readDirSync(out)].find(({ name }) => name.endsWith(".gguf"))?.name ?? "";
        asked.push({ label: `${family} ${dtype}`, model: join(out, name) });
      }
    }
    const answers = await askElsewhere<unknown, number[][][]>(
      "node",
      "llama_cpp_probabilities.mjs",
      asked.map(({ model }) => ({ model, ids: IDS })),
    );
    const worst: Record<string, number> = {};
    for (const [i, { label, model }] of asked.entries()) {
      const found = item(answers, i);
      assertEquals(found.length, IDS.length, label);
      let most = 0;
      for (const [t, row] of (await ours(model)).entries()) {
        row.forEach((p, id) => most = Math.max(most, Math.abs(p - (found[t]?.[id] ?? NaN))));
      }
      worst[label] = most;
    }
    for (const [label, most] of Object.entries(worst)) {
      assert(most <= (BOUNDS[label.replace(/.* /, "")] ?? 8e-2), `${label}: ${most}`);
    }
  },
});
