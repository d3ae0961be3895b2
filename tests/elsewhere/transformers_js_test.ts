/** An export to ONNX in transformers.js: the greedy ids of this project's engine, alone and beside a longer prompt. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { item } from "../../formats/elements.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { ONNX_FAMILIES } from "../../tasks/export/onnx/model.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { greedyIds } from "../helpers/greedy.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { ARCHITECTURES } from "../helpers/tiny_model.ts";

const root = new URL("../../", import.meta.url).pathname;
const COUNT = 10;

/** Greedy ids of a model's folder. */
async function greedy(path: string, prompt: readonly number[]): Promise<number[]> {
  const model = await openModel(path), decoder = decoderOf(builtinRegistry(), model);
  const { ids } = await greedyIds(decoder, (name) => model.weights.read(name), prompt, COUNT);
  model.weights.close();
  return ids;
}

interface Answer {
  version: string;
  alone: number[][];
  together: number[][];
  ids: number[] | null;
  text: string | null;
}

Deno.test({
  name: `transformers.js gives the engine's greedy ids from an ONNX export of each family${ELSEWHERE.why}`,
  ignore: ELSEWHERE.ignore,
  fn: async () => {
    const folder = temporaryFolder(), bundled = join(root, "fixtures/constraints/model");
    const paths: Record<string, string> = { bundled };
    for (const name of ARCHITECTURES) {
      const path = join(root, `fixtures/goldens/tiny/${name}/model`);
      if (ONNX_FAMILIES.includes(String(readJsonFile(`${path}/config.json`).model_type))) paths[name] = path;
    }
    // longer than mistral's window; the second is padded when both are asked together
    const prompts = [[3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43], [27, 18, 28, 18]];
    const questions = [];
    for (const [name, path] of Object.entries(paths)) {
      const target = join(folder, name);
      await exportModel(undefined, [
        `model_name_or_path=${path}`,
        `export_dir=${target}`,
        "export_format=onnx",
        "export_check=false",
      ], { say: () => {} });
      const chat = [{ role: "user", content: "Write a short note about rain." }];
      questions.push({ folder: target, prompts, count: COUNT, ...(name === "bundled" && { chat }) });
    }
    const answers = await askElsewhere<typeof questions, Answer[]>("deno", "transformers_js.mjs", questions);
    for (const [i, [name, path]] of Object.entries(paths).entries()) {
      const { version, alone, together, ids, text } = item(answers, i);
      assertEquals(version, "4.3.2");
      const expected: number[][] = [];
      for (const prompt of prompts) expected.push(await greedy(path, prompt));
      assertEquals(alone, expected, name);
      // transformers.js goes on behind an end token as long as another row does
      assertEquals(
        together.map((row, i) => row.slice(0, item(expected, i).length)),
        expected,
        `${name}, together`,
      );
      if (name !== "bundled") continue;
      const { tokenizer, weights } = await openModel(path);
      const prompt = "<|im_start|>user\nWrite a short note about rain.<|im_end|>\n<|im_start|>assistant\n";
      assertEquals(ids, tokenizer.encode(prompt, { special: true }));
      const answer = await greedy(path, ids ?? []);
      assertEquals(text, tokenizer.decode(answer, { skipSpecial: true }));
      assert(answer.length > 3);
      assertEquals(readJsonFile(join(folder, name, "config.json"))["transformers.js_config"], {
        dtype: "fp32",
        use_external_data_format: { "model.onnx": 1 },
      });
      weights.close();
    }
  },
});
