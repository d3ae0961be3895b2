/** Exports in transformers and PEFT: the merged model computes what PEFT computes with the adapter beside its base. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { greedyIds } from "../helpers/greedy.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { TORCH_PYTHON } from "../helpers/torch_python.ts";

const root = new URL("../../", import.meta.url).pathname;
const golden = (path: string) => join(root, "fixtures/goldens", path);
const PROMPT = [3, 14, 15, 92, 65, 35], COUNT = 8;
/** Where an adapter doesn't change the greedy answer to that one. */
const PROMPTS: Readonly<Record<string, number[]>> = { "tiny/gemma2": [100, 90, 80, 70, 60, 50] };
const promptOf = (path: string) => PROMPTS[path] ?? PROMPT;
const TEXT = "Name 3 <|im_end|> colours, naïve one!";

interface Answer {
  versions: Record<string, string>;
  models: { dtype: string; difference: number; merged: number[]; adapter: number[]; base: number[] }[];
  text: number[];
  chat: string;
  ends: number[];
}

const CASES = [
  ["tiny/llama", "tiny/llama"],
  ["tiny/qwen3", "tiny/qwen3"],
  ["tiny/smollm3", "tiny/smollm3"],
  [
    "tiny/granite",
    "tiny/granite",
  ],
  ["tiny/gemma", "tiny/gemma"],
  ["tiny/gemma2", "tiny/gemma2"],
  ["tiny/gemma3", "tiny/gemma3"],
  ["tiny/olmo2", "tiny/olmo2"],
  ["tiny/olmo3", "tiny/olmo3"],
  ["tiny/exaone4", "tiny/exaone4"],
  ["tiny/ernie45", "tiny/ernie45"],
  ["tiny/hunyuan", "tiny/hunyuan"],
  ["tiny/glm4", "tiny/glm4"],
  ["tiny/phi3", "tiny/phi3"],
  ["tiny/phi4mini", "tiny/phi4mini"],
  [
    "peft/rslora",
    "tiny/qwen2",
  ],
] as const;

Deno.test({
  name:
    `transformers loads merged exports with PEFT's logits and the engine's greedy ids, and their tokenizer${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder(), quiet = { say: () => {} };
    const models = [];
    for (const [i, [path, model]] of CASES.entries()) {
      const base = golden(`${model}/model`),
        adapter = golden(`${path}/adapter`),
        merged = join(folder, `${i}`);
      await exportModel(undefined, [
        `model_name_or_path=${base}`,
        `adapter_name_or_path=${adapter}`,
        `export_dir=${merged}`,
        "export_check=false",
      ], quiet);
      models.push({ base, adapter, merged, prompt: promptOf(path) });
    }
    const bundled = join(root, "fixtures/constraints/model"), tokenizer = join(folder, "tokenizer");
    await exportModel(undefined, [
      `model_name_or_path=${bundled}`,
      `export_dir=${tokenizer}`,
      "export_check=false",
    ], quiet);
    const question = { models, count: COUNT, tokenizer, text: TEXT };
    const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON") ?? "", {
      args: [join(root, "tests/elsewhere/transformers_peft.py"), JSON.stringify(question)],
      env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
    }).output();
    assert(code === 0, new TextDecoder().decode(stderr));
    const answer = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "") as Answer;
    for (const [i, [path]] of CASES.entries()) {
      const { dtype, difference, merged, adapter, base } = item(answer.models, i);
      assertEquals(dtype, "torch.float32", path);
      // float32 in another order of sums: logits of 10, 2⁻²⁴ each, some dozens of them
      assert(difference < 1e-4, `${path}: ${difference}`);
      assertEquals(merged, adapter, path);
      assert(base.join() !== merged.join(), `${path}: the adapter changes the answer`);
      const opened = await openModel(item(models, i).merged), decoder = decoderOf(builtinRegistry(), opened);
      const { ids } = await greedyIds(decoder, (name) => opened.weights.read(name), promptOf(path), COUNT);
      assertEquals(merged, ids, path);
      opened.weights.close();
    }
    const source = await openModel(bundled);
    assertEquals(answer.text, source.tokenizer.encode(TEXT, { special: true }));
    assertEquals(answer.chat, `<|im_start|>user\n${TEXT}<|im_end|>\n<|im_start|>assistant\n`);
    assertEquals(answer.ends, [1535, 1533]);
    source.weights.close();
  },
});
