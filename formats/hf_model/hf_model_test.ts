import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";

import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";
import { checkTensors, type LoadedModel, openModel, saveModel } from "./mod.ts";
import { SMOLLM2 } from "../../tests/helpers/shared_data.ts";

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

async function withTempDir(fn: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await fn(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function copyDirectory(from: string, to: string): void {
  for (const { name } of Deno.readDirSync(from)) Deno.copyFileSync(join(from, name), join(to, name));
}

function assertSameWeights(a: LoadedModel, b: LoadedModel): void {
  assertEquals(a.weights.names().sort(), b.weights.names().sort());
  for (const name of a.weights.names()) {
    assertEquals(a.weights.shape(name), b.weights.shape(name), name);
    const x = a.weights.read(name), y = b.weights.read(name);
    assert(x.length === y.length && x.every((value, i) => value === y[i]), name);
  }
}

Deno.test("openModel() reads one file and shards alike", async () => {
  const whole = await openModel(golden("tiny/qwen2/model"));
  const sharded = await openModel(golden("tiny/qwen2/model-sharded"));
  assertEquals(whole.format, "safetensors");
  assertEquals(whole.config.model_type, "qwen2");
  assertEquals(whole.generationConfig.eos_token_id, 2);
  assertSameWeights(whole, sharded);
  assertEquals(whole.weights.shape("model.layers.7.mlp.up_proj.weight"), null);
  assertThrows(() => whole.weights.read("model.norm.wait"), RangeError, 'did you mean "model.norm.weight"?');
  assertEquals(whole.weights.hash().length, 64);
  assertNotEquals(whole.weights.hash(), sharded.weights.hash());
  whole.weights.close();
  sharded.weights.close();
});

Deno.test("openModel() gives a tied output the embedding's values and keeps it out of names()", async () => {
  for (const path of ["tiny/qwen2/model", "gguf/qwen2.gguf"]) {
    const { weights, config } = await openModel(golden(path));
    assertEquals(config.tie_word_embeddings, true);
    assert(!weights.names().includes("lm_head.weight"));
    assertEquals(weights.shape("lm_head.weight"), [128, 32]);
    assertEquals(weights.read("lm_head.weight"), weights.read("model.embed_tokens.weight"));
    weights.close();
  }
  const { weights } = await openModel(golden("tiny/qwen3/model"));
  assert(weights.names().includes("lm_head.weight"));
  assertNotEquals(weights.read("lm_head.weight"), weights.read("model.embed_tokens.weight"));
  weights.close();
});

for (const name of ["llama3", "qwen2", "qwen3"]) {
  Deno.test(`openModel() of ${name}.gguf equals the directory it was made from`, async () => {
    const gguf = await openModel(golden(`gguf/${name}.gguf`));
    const directory = await openModel(golden(`tiny/${name}/model`));
    assertEquals(gguf.format, "gguf");
    assertSameWeights(gguf, directory);
    gguf.weights.close();
    directory.weights.close();
  });
}

Deno.test({
  name:
    "openModel() of SmolLM2's GGUF equals what transformers loads, bit for bit (ignored without DINOTUNE_SMOLLM2_GGUF)",
  ignore: !SMOLLM2,
  async fn() {
    const expected = JSON.parse(Deno.readTextFileSync(golden("gguf/smollm2_sha256.json")));
    const { weights, config } = await openModel(SMOLLM2);
    assertEquals(weights.names().sort(), Object.keys(expected.tensors));
    for (const name of weights.names()) {
      const digest = createHash("sha256").update(new Uint8Array(weights.read(name).buffer)).digest("hex");
      assertEquals(digest.slice(0, 16), expected.tensors[name], name);
    }
    weights.close();
    const { architectures: _, ...fields } = config;
    for (const [key, value] of Object.entries(fields)) assertEquals(value, expected.config[key], key);
  },
});

Deno.test("openModel() opens without a tokenizer and fails only when it's used", async () => {
  const model = await openModel(golden("tiny/qwen2/model"));
  assertThrows(() => model.tokenizer, Error, "tokenizer");
  model.weights.close();
});

Deno.test("openModel() says what is missing", () =>
  withTempDir(async (directory) => {
    if (Deno.build.os !== "windows") {
      await assertRejects(
        () => openModel("/dev/null"),
        RangeError,
        "Cannot open /dev/null as a model: it is a device",
      );
    }
    await assertRejects(() => openModel(directory), RangeError, "it has no config.json");
    Deno.writeTextFileSync(join(directory, "chat.yaml"), "model_name_or_path: m\n");
    await assertRejects(
      () => openModel(join(directory, "chat.yaml")),
      RangeError,
      "chat and serve take what a YAML file has as model_name_or_path, and its adapter_name_or_path behind --adapter",
    );
    Deno.writeTextFileSync(join(directory, "tiny.gguf"), "");
    await assertRejects(() => openModel(directory), RangeError, "tiny.gguf?");
    Deno.writeTextFileSync(join(directory, "adapter_config.json"), "{}");
    await assertRejects(() => openModel(directory), RangeError, "and its base model here");
    Deno.writeTextFileSync(join(directory, "adapter_config.json"), '{"base_model_name_or_path": "org/base"}');
    await assertRejects(
      () => openModel(directory),
      RangeError,
      "It is a LoRA adapter: name it as adapter_name_or_path (chat and serve: --adapter), and its base model org/base here",
    );
    Deno.writeTextFileSync(join(directory, "config.json"), "[]");
    await assertRejects(() => openModel(directory), SyntaxError, "config.json: it holds a list");
    Deno.writeTextFileSync(join(directory, "config.json"), "{,}");
    await assertRejects(() => openModel(directory), SyntaxError, "config.json as JSON");
    Deno.writeTextFileSync(
      join(directory, "config.json"),
      '{"quantization_config": {"quant_method": "awq", "bits": 4}}',
    );
    await assertRejects(() => openModel(directory), RangeError, 'quantised by "awq"');
    Deno.writeTextFileSync(join(directory, "config.json"), "{}");
    await assertRejects(() => openModel(directory), RangeError, "neither model.safetensors nor");
    Deno.writeTextFileSync(join(directory, "pytorch_model.bin"), "");
    await assertRejects(() => openModel(directory), RangeError, "pytorch_model.bin");
    await assertRejects(() => openModel(join(directory, "config.json")), RangeError, "name its directory");
    await assertRejects(
      () => openModel(join(directory, "none")),
      RangeError,
      "there is no file or directory",
    );
    await assertRejects(
      () => openModel(join(directory, "none.gguf")),
      RangeError,
      "there is no file or directory",
    );
    writeSafetensors(join(directory, "model.safetensors"), [
      { name: "model.norm.weight", dtype: "I32", shape: [1], data: () => new Int32Array(1) },
    ]);
    await assertRejects(
      () => openModel(directory),
      TypeError,
      'tensor "model.norm.weight" has the dtype I32',
    );
  }));

Deno.test("openModel() refuses shards that don't fit their index", () =>
  withTempDir(async (directory) => {
    copyDirectory(golden("tiny/qwen2/model-sharded"), directory);
    const path = join(directory, "model.safetensors.index.json");
    const index = JSON.parse(Deno.readTextFileSync(path));
    const write = (weight_map: unknown) =>
      Deno.writeTextFileSync(path, JSON.stringify({ ...index, weight_map }));
    const name = "model-00002-of-00003.safetensors";
    write({ ...index.weight_map, "model.extra.weight": name });
    await assertRejects(() => openModel(directory), RangeError, '"model.extra.weight"');
    write({ ...index.weight_map, "model.extra.weight": "model-00004-of-00003.safetensors" });
    await assertRejects(() => openModel(directory), RangeError, "model-00004-of-00003.safetensors");
    write({ "a": "../elsewhere.safetensors" });
    await assertRejects(() => openModel(directory), RangeError, "../elsewhere.safetensors");
    write([]);
    await assertRejects(() => openModel(directory), SyntaxError, "no weight_map");
    write(index.weight_map);
    Deno.truncateSync(join(directory, name), 1000);
    await assertRejects(() => openModel(directory), SyntaxError, name);
    Deno.removeSync(join(directory, name));
    await assertRejects(() => openModel(directory), RangeError, `1 of the 3 files`);
  }));

Deno.test("checkTensors() names missing, misshapen and foreign tensors", async () => {
  const { weights } = await openModel(golden("tiny/qwen2/model"));
  const all = new Map(weights.names().map((name) => [name, weights.shape(name)!]));
  all.set("lm_head.weight", [128, 32]);
  checkTensors(weights, all, "m");
  const changed = (change: (map: Map<string, number[]>) => void) => {
    const map = new Map(all);
    change(map);
    return () => checkTensors(weights, map, "m");
  };
  assertThrows(
    changed((map) => map.set("model.norm.bias", [32])),
    RangeError,
    'the first is "model.norm.bias"',
  );
  assertThrows(
    changed((map) => map.set("model.norm.weight", [31])),
    TypeError,
    '"model.norm.weight" has the shape [32]',
  );
  assertThrows(changed((map) => map.set("model.norm.weight", [32, 1])), TypeError, "asks for [32, 1]");
  const bias = "model.layers.0.self_attn.q_proj.bias";
  assertThrows(changed((map) => map.delete(bias)), RangeError, `the first is "${bias}"`);
  const renamed = changed((map) => {
    map.delete(bias);
    map.set("model.layers.0.self_attn.q_proj.bais", [32]);
  });
  assertThrows(renamed, RangeError, `There is "${bias}"`);
  weights.close();
});

Deno.test("saveModel() writes a directory that opens as the same model, whole and in shards", () =>
  withTempDir(async (directory) => {
    const model = await openModel(golden("tiny/qwen2/model"));
    const tensors = () =>
      model.weights.names().map((name) => ({
        name,
        shape: model.weights.shape(name)!,
        data: () => model.weights.read(name),
      }));
    const { config, generationConfig } = model;
    const shards = saveModel(directory, tensors(), {
      config,
      generationConfig,
      maxShardBytes: 40_000,
      files: { "tokenizer.json": "{}" },
    });
    assertEquals(shards.filter((name) => name.endsWith(".safetensors")).length, 3);
    const again = await openModel(directory);
    assertSameWeights(model, again);
    // Both spellings: transformers 4.57 reads torch_dtype, rope_theta; 5.24 dtype, rope_parameters (its own save_pretrained).
    const spelled = {
      rope_parameters: { rope_theta: 1e6, rope_type: "default" },
      rope_theta: 1e6,
      rope_scaling: null,
    };
    assertEquals(again.config, { ...config, ...spelled, dtype: "float32", torch_dtype: "float32" });
    assertEquals(again.generationConfig, generationConfig);
    again.weights.close();
    // From transformers' own index of the same model.
    const { metadata } = JSON.parse(Deno.readTextFileSync(join(directory, "model.safetensors.index.json")));
    const theirs = Deno.readTextFileSync(golden("tiny/qwen2/model-sharded/model.safetensors.index.json"));
    assertEquals(metadata, JSON.parse(theirs).metadata);

    saveModel(directory, tensors(), { config, dtype: "bfloat16" });
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
    assertEquals(names, ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"]);
    const expected = Deno.readFileSync(golden("tiny/qwen2/model-bf16/model.safetensors"));
    assertEquals(Deno.readFileSync(join(directory, "model.safetensors")), expected);
    const saved = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
    assertEquals(saved, { ...config, ...spelled, dtype: "bfloat16", torch_dtype: "bfloat16" });
    assertEquals(config.dtype, "float32");
    model.weights.close();
  }));

Deno.test("saveModel() spells config.json for transformers 4 and 5 alike and refuses a tied output", () =>
  withTempDir((directory) => {
    const tensor = { name: "lm_head.weight", shape: [1], data: () => new Float32Array([1]) };
    saveModel(directory, [tensor], { config: { torch_dtype: "bfloat16", rope_theta: 5 }, dtype: "float16" });
    const saved = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
    const rope = {
      rope_theta: 5,
      rope_scaling: null,
      rope_parameters: { rope_theta: 5, rope_type: "default" },
    };
    assertEquals(saved, { ...rope, torch_dtype: "float16", dtype: "float16" });
    const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    for (
      const spelling of [{ rope_parameters: { rope_theta: 7, ...llama3 } }, {
        rope_theta: 7,
        rope_scaling: llama3,
      }]
    ) {
      saveModel(directory, [tensor], { config: spelling, dtype: "float16" });
      // transformers 4 warns of whole numbers there
      const text = Deno.readTextFileSync(join(directory, "config.json"));
      assertEquals(
        text.match(/"(rope_theta|factor|low_freq_factor|high_freq_factor)": .*\d(?=,?$)/gm)?.filter((field) =>
          !field.endsWith(".0")
        ),
        [],
      );
      const { rope_theta, rope_scaling, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, rope_scaling, rope_parameters], [7, llama3, { rope_theta: 7, ...llama3 }]);
    }
    const linear = { rope_type: "linear", factor: 8 };
    const five = {
      full_attention: { rope_theta: 7, ...linear },
      sliding_attention: { rope_theta: 3, rope_type: "default" },
    };
    for (
      const spelling of [
        { rope_parameters: five },
        { rope_theta: 7, rope_local_base_freq: 3, rope_scaling: linear },
      ]
    ) {
      saveModel(directory, [tensor], {
        config: { model_type: "gemma3_text", ...spelling },
        dtype: "float16",
      });
      const { rope_theta, rope_local_base_freq, rope_scaling, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, rope_local_base_freq, rope_scaling, rope_parameters], [7, 3, linear, five]);
    }
    // transformers 4.57's Phi3Config takes three fields of a scaling, llama.cpp's converter looks for the others beside it
    const factors = { short_factor: [1, 2], long_factor: [3, 4] };
    const phi3 = {
      rope_theta: 7,
      rope_scaling: { type: "longrope", ...factors },
      partial_rotary_factor: 0.5,
      original_max_position_embeddings: 64,
    };
    const inside = { partial_rotary_factor: 0.5, original_max_position_embeddings: 32, ...factors };
    const nested = { rope_parameters: { rope_theta: 7, rope_type: "longrope", ...inside } };
    for (
      const [spelling, original] of [
        [phi3, 64],
        [{ ...phi3, rope_scaling: { rope_type: "su", ...factors } }, 64],
        // 5.17's class takes the length beside, or its default, and never the one inside
        [{ ...nested, original_max_position_embeddings: 64 }, 64],
        [nested, 4096],
      ] as const
    ) {
      saveModel(directory, [tensor], { config: { model_type: "phi3", ...spelling }, dtype: "float16" });
      const written = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
      const { rope_theta, rope_scaling, partial_rotary_factor, original_max_position_embeddings } = written;
      assertEquals(
        { rope_theta, rope_scaling, partial_rotary_factor, original_max_position_embeddings },
        { ...phi3, original_max_position_embeddings: original },
      );
      assertEquals(written.rope_parameters.rope_theta, 7);
    }
    using file = new SafetensorsFile(join(directory, "model.safetensors"));
    assertEquals(file.info("lm_head.weight").dtype, "F16");
    const options = { config: { tie_word_embeddings: true } };
    assertThrows(() => saveModel(directory, [tensor], options), RangeError, "tied");
    assertThrows(() => saveModel(directory, [tensor, tensor], { config: {} }), RangeError, "comes twice");
  }));
