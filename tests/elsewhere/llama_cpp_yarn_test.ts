/** Models with scaled rotations in llama.cpp: the engine's greedy ids and probabilities, from files that an export wrote and that are read again. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { openModel, saveModel } from "../../formats/hf_model/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { greedyIds } from "../helpers/greedy.ts";
import { rampModel } from "../helpers/ramp_model.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { writeByteTokenizer } from "./_byte_tokenizer.ts";

const COUNT = 4;
const YARN = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 128, rope_theta: 10000 };
const LLAMA3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
  rope_theta: 10000,
};

/** Scaling, and what is in the file. */
const CASES: Record<string, [scaling: Record<string, unknown>, model?: string]> = {
  plain: [{ rope_type: "default", rope_theta: 10000 }],
  yarn: [YARN],
  "yarn of qwen2": [YARN, "qwen2"],
  "attention factor": [{ ...YARN, attention_factor: 1.5 }],
  mscale: [{ ...YARN, mscale: 2, mscale_all_dim: 0.5 }],
  betas: [{ ...YARN, beta_fast: 4, beta_slow: 0.5 }],
  "ends that aren't rounded": [{ ...YARN, beta_fast: 4, truncate: false }],
  "yarn behind its original length": [{ ...YARN, original_max_position_embeddings: 32 }],
  linear: [{ rope_type: "linear", factor: 4, rope_theta: 10000 }],
  "linear of qwen2": [{ rope_type: "linear", factor: 4, rope_theta: 10000 }, "qwen2"],
  "llama3 behind its original length": [{ ...LLAMA3, original_max_position_embeddings: 32 }],
  "llama3 with bounds of its own": [{ ...LLAMA3, low_freq_factor: 2, high_freq_factor: 16 }],
};

Deno.test({
  name:
    `llama.cpp turns queries and keys by YaRN, linear and Llama 3's scaling as the engine does, from files of ours${ELSEWHERE.why}`,
  ignore: ELSEWHERE.ignore,
  fn: async () => {
    const folder = temporaryFolder(), prompt = Array.from({ length: 70 }, (_, i) => (5 * i + 3 + i * i) % 96);
    const questions: { model: string; adapter: null; prompt: number[]; count: number }[] = [];
    const ours: Awaited<ReturnType<typeof greedyIds>>[] = [];
    for (const [i, [rope_parameters, modelType = "llama"]] of Object.values(CASES).entries()) {
      const base = join(folder, `base${i}`),
        { config, tensors } = rampModel({ rope_parameters, eos_token_id: null }, modelType);
      saveModel(base, tensors, { config, dtype: "float32" });
      writeByteTokenizer(base);
      const out = join(folder, `out${i}`);
      await exportModel(
        undefined,
        [`model_name_or_path=${base}`, `export_dir=${out}`, "export_format=gguf"],
        { say: () => {} },
      );
      const file = join(out, "model-F32.gguf");
      questions.push({ model: file, adapter: null, prompt, count: COUNT });
      const [first, again] = [await openModel(base), await openModel(file)];
      const decoder = decoderOf(builtinRegistry(), first), read = decoderOf(builtinRegistry(), again);
      assertAlmostEquals(read.attentionFactor ?? 1, decoder.attentionFactor ?? 1, 1e-6);
      decoder.inverseFrequencies.forEach((frequency, k) =>
        assertAlmostEquals(read.inverseFrequencies[k]!, frequency, 1e-6 * frequency)
      );
      ours.push(await greedyIds(decoder, (name) => first.weights.read(name), prompt, COUNT));
      first.weights.close();
      again.weights.close();
    }
    const theirs = await askElsewhere<unknown, { ids: number[]; probabilities: number[] }[]>(
      "node",
      "llama_cpp.mjs",
      questions,
    );
    Object.keys(CASES).forEach((label, i) => {
      const { ids, probabilities } = ours[i]!;
      assertEquals(theirs[i]!.ids, ids, label);
      // llama.cpp keeps keys and values in float16
      probabilities.forEach((p, k) => assertAlmostEquals(theirs[i]!.probabilities[k]!, p, 5e-4, label));
      const moved = probabilities.map((p, k) => Math.abs(p - ours[0]!.probabilities[k]!));
      assert(i === 0 || Math.max(...moved) > 2e-3, `${label} changes the answer by ${moved}`);
    });
  },
});
