/** `add_tokens` and `add_special_tokens` from the YAML to the answers: ids as transformers gives them, rows that are trained, saved, resumed, merged and asked. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { openModel } from "../../formats/hf_model/mod.ts";
import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { openGenerator } from "../../kernels/engine/generate/open.ts";
import type { GeneratorOptions } from "../../kernels/engine/generate/options.ts";
import { silentProgress } from "./outputs/mod.ts";
import { decoderIn, readTensors } from "../../tests/helpers/tiny_model.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { exportModel } from "../export.ts";
import { TINY_QWEN, trainAddingTokens, writeRowsWithTokens } from "./_added_tokens_run.ts";

const WEIGHTS = "adapter_model.safetensors";

Deno.test("added tokens get rows of both embeddings, which are trained, saved and gone on from; whatever reads the adapter has them", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  const said = await trainAddingTokens(folder, "out");
  assert(said.some((line) => line.includes("zwei (304), <plan> (305), </plan> (306)")), said.join("\n"));
  const tokenizer = loadTokenizerSync(join(folder, "out"));
  // transformers 5.17: AutoTokenizer.from_pretrained(out).encode("a zwei <plan>b</plan>")
  const ids = [64, 220, 304, 220, 305, 65, 306];
  assertEquals(tokenizer.encode("a zwei <plan>b</plan>", { special: true }), ids);
  assertEquals(tokenizer.specialIds.has(304), false);
  const tensors = readTensors(join(folder, "out", WEIGHTS)), width = decoderIn(TINY_QWEN).hiddenSize;
  // LLaMA-Factory pads to multiples of 64
  for (const module of ["model.embed_tokens", "lm_head"]) {
    assertEquals(tensors[`base_model.model.${module}.weight`]!.length, 320 * width);
  }

  await trainAddingTokens(folder, "again", { resume_from_checkpoint: join(folder, "out", "checkpoint-2") });
  assertEquals(readTensors(join(folder, "again", WEIGHTS)), tensors);

  // trained on with the same tokens, and refused without
  await trainAddingTokens(folder, "on", { adapter_name_or_path: join(folder, "out"), max_steps: 1 });
  await assertRejects(
    () =>
      trainAddingTokens(folder, "off", {
        adapter_name_or_path: join(folder, "out"),
        add_tokens: "",
        add_special_tokens: "",
      }),
    RangeError,
    "its embeddings have 320 rows: current value is 304",
  );

  const merged = join(folder, "merged");
  await exportModel(undefined, [
    `model_name_or_path=${TINY_QWEN}`,
    `adapter_name_or_path=${join(folder, "out")}`,
    `export_dir=${merged}`,
  ], { say: () => {}, progress: silentProgress() });
  const whole = await openModel(merged);
  assertEquals([whole.config.vocab_size, whole.config.tie_word_embeddings], [320, false]);
  assertEquals(whole.weights.read("lm_head.weight"), tensors["base_model.model.lm_head.weight"]!);
  whole.weights.close();

  const [beside, apart] = [
    await promptLogprobs(
      { model: TINY_QWEN, adapter: join(folder, "out"), decoder: decoderIn(TINY_QWEN) },
      ids,
    ),
    await promptLogprobs({ model: merged, decoder: decoderIn(merged) }, ids),
  ];
  assertEquals(beside.length, ids.length - 1);
  beside.forEach((value, i) => assertAlmostEquals(value, apart[i]!, 1e-5, `token ${i + 1}`));
});

async function promptLogprobs(options: GeneratorOptions, ids: number[]): Promise<number[]> {
  const { generator, info } = await openGenerator(options);
  try {
    assertEquals(info.vocabSize, 320);
    const [answer] = await generator.generateAll(ids, { max_tokens: 0, prompt_logprobs: 0 });
    return answer!.promptLogprobs!.map(({ logprob }) => logprob);
  } finally {
    await generator.close();
  }
}

Deno.test("finetuning_type: full trains and saves a larger embedding, and its config.json says so", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  await trainAddingTokens(folder, "full", { finetuning_type: "full", learning_rate: 1e-3, max_steps: 1 });
  const { config, weights } = await openModel(join(folder, "full"));
  assertEquals([config.vocab_size, config.tie_word_embeddings], [320, true]);
  assertEquals(weights.shape("model.embed_tokens.weight"), [320, decoderIn(TINY_QWEN).hiddenSize]);
  weights.close();
});

Deno.test("a name of additional_target that fits no module, or one with an adapter, is refused with what there is", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  const refused = async (target: string, text: string) => {
    await assertRejects(
      () => trainAddingTokens(folder, "no", { additional_target: target }),
      RangeError,
      text,
    );
  };
  await refused(
    "embed_token",
    'Cannot train module "embed_token" whole - did you mean "embed_tokens"?: with weights of their own the model has embed_tokens',
  );
  await refused(
    "down_proj",
    'Cannot train module "down_proj" whole as model.layers.0.mlp.down_proj gets an adapter as well',
  );
});
