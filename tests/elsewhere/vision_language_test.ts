/**
 * Merges of models that see, by files like LLaMA-Factory's: what transformers computes of them is what PEFT computes with the adapter beside its base, and
 * llama.cpp what the engine does of the language part.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { item } from "../../formats/elements.ts";
import { besideShapes, openModel } from "../../formats/hf_model/mod.ts";
import { mergedWeights, readAdapter, writeAdapter } from "../../formats/peft/mod.ts";
import { SafetensorsFile } from "../../formats/safetensors/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { greedyIds } from "../helpers/greedy.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { TORCH_PYTHON } from "../helpers/torch_python.ts";

const root = new URL("../../", import.meta.url).pathname;
const golden = (path: string) => join(root, "fixtures/goldens/vision_language", path);
const FAMILIES = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"] as const;
const PROMPT = [3, 14, 15, 92, 65, 35], COUNT = 8, quiet = { say: () => {} };

/** A file as LLaMA-Factory's examples/merge_lora has them, with other paths. */
function mergeFile(folder: string, family: string, dir: string, more = ""): string {
  const path = join(folder, `${family}_lora_sft.yaml`);
  Deno.writeTextFileSync(
    path,
    `### model
model_name_or_path: ${golden(`${family}/model`)}
adapter_name_or_path: ${golden(`${family}/adapter`)}
trust_remote_code: true

### export
export_dir: ${dir}
export_size: 5
export_device: cpu  # choices: [cpu, auto]
export_legacy_format: false
${more}`,
  );
  return path;
}

Deno.test("a merge keeps what lies beside the decoder byte for byte, its names, and the processor's files", async () => {
  const folder = temporaryFolder(), base = join(folder, "base"), out = join(folder, "out");
  Deno.mkdirSync(base);
  for (const { name } of Deno.readDirSync(golden("qwen2_vl/model"))) {
    Deno.copyFileSync(golden(`qwen2_vl/model/${name}`), join(base, name));
  }
  for (const name of ["preprocessor_config.json", "video_preprocessor_config.json"]) {
    Deno.writeTextFileSync(join(base, name), `{"name": "${name}"}\n`);
  }
  await exportModel(undefined, [
    `model_name_or_path=${base}`,
    `adapter_name_or_path=${golden("qwen2_vl/adapter")}`,
    `export_dir=${out}`,
  ], quiet);
  using before = new SafetensorsFile(join(base, "model.safetensors"));
  using after = new SafetensorsFile(join(out, "model.safetensors"));
  assertEquals([...after.tensors.keys()].sort(), [...before.tensors.keys()].sort());
  for (const name of before.tensors.keys()) {
    const isSame = /^visual\.|norm|embed|bias|lm_head/.test(name);
    const equal = before.readFloat32(name).every((value, i) => value === item(after.readFloat32(name), i));
    assertEquals(equal, isSame, name);
  }
  for (const name of ["preprocessor_config.json", "video_preprocessor_config.json"]) {
    assertEquals(Deno.readTextFileSync(join(out, name)), `{"name": "${name}"}\n`);
  }
  const config = JSON.parse(Deno.readTextFileSync(join(out, "config.json"))), mrope_section = [1, 1, 2];
  assertEquals(config.architectures, ["Qwen2VLForConditionalGeneration"]);
  assertEquals(config.text_config.rope_scaling, { type: "mrope", mrope_section });
  assertEquals(config.text_config.rope_theta, 10000);
  assertEquals([config.tie_word_embeddings, config.text_config.tie_word_embeddings], [false, false]);
  assertEquals(config.text_config.rope_parameters, {
    rope_type: "default",
    rope_theta: 10000,
    mrope_section,
  });
  const narrow = join(folder, "narrow");
  await exportModel(
    undefined,
    [`model_name_or_path=${base}`, `export_dir=${narrow}`, "infer_dtype=bfloat16"],
    quiet,
  );
  using rounded = new SafetensorsFile(join(narrow, "model.safetensors"));
  assertEquals([...new Set([...rounded.tensors.values()].map(({ dtype }) => dtype))], ["BF16"]);
  await assertRejects(
    () =>
      exportModel(
        undefined,
        [`model_name_or_path=${base}`, `export_dir=${narrow}`, "export_format=onnx"],
        quiet,
      ),
    RangeError,
    "Cannot ",
  );
});

Deno.test({
  name:
    `transformers loads merges of models that see with PEFT's logits of text and its weights, and PEFT the adapters that are written here${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder();
    const models = [];
    for (const family of FAMILIES) {
      const base = golden(`${family}/model`),
        adapter = golden(`${family}/adapter`),
        merged = join(folder, family);
      await exportModel(mergeFile(folder, family, merged), [], quiet);
      const model = await openModel(base), decoder = decoderOf(builtinRegistry(), model);
      const shapes = moduleShapes(decoder),
        ours = family === "qwen2_5_vl" ? null : join(folder, `${family}_adapter`);
      if (ours !== null) {
        const given = readAdapter(adapter, shapes, decoder.moduleRoot);
        writeAdapter(ours, given, shapes, decoder.moduleRoot);
      }
      model.weights.close();
      models.push({ base, adapter, merged, ours });
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON") ?? "", {
      args: [
        join(root, "tests/elsewhere/vision_language.py"),
        JSON.stringify({ models, prompt: PROMPT, count: COUNT }),
      ],
      env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
    }).output();
    assert(code === 0, new TextDecoder().decode(stderr));
    const answers = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "") as {
      class: string;
      dtype: string;
      difference: number;
      range: number;
      change: number;
      ours: number | null;
      weights: number;
      greedy: number[];
    }[];
    const classes = ["Qwen2VL", "Qwen2_5_VL", "Qwen3VL"].map((name) => `${name}ForConditionalGeneration`);
    for (const [i, family] of FAMILIES.entries()) {
      const answer = item(answers, i);
      const { text_config } = JSON.parse(Deno.readTextFileSync(join(item(models, i).merged, "config.json")));
      assertEquals(text_config.tie_word_embeddings, family === "qwen2_5_vl");
      assertEquals([answer.class, answer.dtype], [classes[i], "torch.float32"]);
      assert(answer.change > 0.5, "the adapter changes logits");
      // sums in float64: what is left is the merged weights' own rounding, and norms and rotation, which transformers has in float32
      assert(answer.difference <= 1e-6 * answer.range, `${family}: ${answer.difference} of ${answer.range}`);
      assert((answer.ours ?? 0) === 0, `${family}: ${answer.ours}`);
      assert(answer.weights <= 5e-7, `${family}: ${answer.weights}`);
      const opened = await openModel(item(models, i).merged), decoder = decoderOf(builtinRegistry(), opened);
      const { ids } = await greedyIds(decoder, (name) => opened.weights.read(name), PROMPT, COUNT);
      assertEquals(answer.greedy, ids, family);
      assertEquals(besideShapes(opened)?.size, opened.beside?.names.length);
      opened.weights.close();
    }
  },
});

type Greedy = Awaited<ReturnType<typeof greedyIds>>;

/** Greedy ids of the language part in a GGUF file, with an adapter beside it. */
async function answerOf(path: string, adapter: string | null = null): Promise<Greedy> {
  const { weights, ...model } = await openModel(path), decoder = decoderOf(builtinRegistry(), model);
  const read = (name: string) => weights.read(name);
  const modules = adapter && readAdapter(adapter, moduleShapes(decoder), decoder.moduleRoot);
  const answer = await greedyIds(decoder, modules ? mergedWeights(read, modules) : read, PROMPT, COUNT);
  weights.close();
  return answer;
}

/** A model of that family with the bundled tokenizer's first ids, which a GGUF file needs. */
function withTokenizer(folder: string, family: string): string {
  Deno.mkdirSync(folder);
  for (const { name } of Deno.readDirSync(golden(`${family}/model`))) {
    Deno.copyFileSync(golden(`${family}/model/${name}`), join(folder, name));
  }
  const file = JSON.parse(Deno.readTextFileSync(join(root, "fixtures/constraints/model/tokenizer.json")));
  const bytes = Object.entries(file.model.vocab as Record<string, number>).filter(([, id]) => id < 95);
  file.model.vocab = Object.fromEntries([...bytes, ["!!", 95]]);
  file.model.merges = [["!", "!"]];
  file.added_tokens = [];
  // llama.cpp ends at id 11 where a file names no end
  const [end = ""] = bytes.find(([, id]) => id === 2) ?? [];
  Deno.writeTextFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ eos_token: end }));
  Deno.writeTextFileSync(join(folder, "tokenizer.json"), JSON.stringify(file));
  return folder;
}

for (const family of ["qwen2_vl", "qwen3_vl"] as const) {
  Deno.test(`a GGUF file of ${family} is read as the language part, takes its adapters, and is no folder of the whole`, async () => {
    const folder = temporaryFolder(), base = withTokenizer(join(folder, "base"), family);
    const out = join(folder, "gguf"), model = join(out, "model-F32.gguf");
    const says: string[] = [];
    await exportModel(undefined, [`model_name_or_path=${base}`, `export_dir=${out}`, "export_format=gguf"], {
      say: (line) => says.push(line),
    });
    assertStringIncludes(says.join("\n"), "gguf has the language part alone");
    const [file, original] = [await openModel(model), await openModel(base)];
    const registry = builtinRegistry();
    const [read, expected] = [decoderOf(registry, file), decoderOf(registry, original)];
    assertEquals({ ...read, rmsNormEps: 0, eosTokenIds: [] }, {
      ...expected,
      rmsNormEps: 0,
      eosTokenIds: [],
    });
    const sections = family === "qwen2_vl" ? [1, 1, 2, 0] : [4, 2, 2, 0];
    const architecture = family.replace("_vl", "vl");
    assertEquals(file.metadata?.get("general.architecture"), architecture);
    assertEquals(
      [...file.metadata?.get(`${architecture}.rope.dimension_sections`) as number[]],
      sections,
    );
    assertEquals(file.metadata?.get("qwen3vl.n_deepstack_layers"), family === "qwen3_vl" ? 1 : undefined);
    file.weights.close();
    original.weights.close();
    const adapter = `adapter_name_or_path=${golden(`${family}/adapter`)}`;
    const merged = join(folder, "merged");
    await exportModel(undefined, [
      `model_name_or_path=${model}`,
      adapter,
      `export_dir=${merged}`,
      "export_format=gguf",
    ], quiet);
    await assertRejects(
      () => exportModel(undefined, [`model_name_or_path=${model}`, `export_dir=${folder}/no`], quiet),
      RangeError,
      "its language part alone",
    );
  });
}

Deno.test({
  name:
    `llama.cpp gives the engine's greedy ids from GGUF files of language parts, and from adapters beside them${ELSEWHERE.why}`,
  ignore: ELSEWHERE.ignore,
  fn: async () => {
    const folder = temporaryFolder(), asked = [], expected: Greedy[] = [];
    for (const family of FAMILIES) {
      const base = withTokenizer(join(folder, family), family);
      const adapter = `adapter_name_or_path=${golden(`${family}/adapter`)}`;
      const exported = async (name: string, ...more: string[]) => {
        const out = join(folder, `${family}-${name}`);
        await exportModel(undefined, [`model_name_or_path=${base}`, `export_dir=${out}`, ...more], quiet);
        return out;
      };
      const question = { adapter: null as string | null, prompt: PROMPT, count: COUNT };
      const gguf = join(
        await exported("gguf", "export_format=gguf", "export_dtype=float16"),
        "model-F16.gguf",
      );
      const merged = join(
        await exported("merged", "export_format=gguf", "export_dtype=float16", adapter),
        "model-F16.gguf",
      );
      for (const model of [gguf, merged]) {
        asked.push({ ...question, model });
        expected.push(await answerOf(model));
      }
      if (family !== "qwen2_5_vl") {
        const lora = join(await exported("lora", "export_format=gguf-adapter", adapter), "adapter-F32.gguf");
        asked.push({ ...question, model: gguf, adapter: lora });
        expected.push(await answerOf(gguf, golden(`${family}/adapter`)));
      }
    }
    const answers = await askElsewhere<unknown, { ids: number[] }[]>("node", "llama_cpp.mjs", asked);
    assertEquals(answers.map(({ ids }) => ids), expected.map(({ ids }) => ids));
    assertEquals(new Set(expected.map(({ ids }) => String(ids))).size, 6, "the adapters change the answers");
  },
});
