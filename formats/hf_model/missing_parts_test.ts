/** A model's folder that lacks something or has too much of it is refused by name. */
import { assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { writeSafetensors } from "../safetensors/mod.ts";
import { checkTensors, openModel } from "./mod.ts";
import { goldenModel, inModelFolder } from "./_golden_models.ts";

function copyDirectory(from: string, to: string): void {
  for (const { name } of Deno.readDirSync(from)) Deno.copyFileSync(join(from, name), join(to, name));
}

Deno.test("openModel() opens without a tokenizer and fails only when it's used", async () => {
  const model = await openModel(goldenModel("tiny/qwen2/model"));
  assertThrows(() => model.tokenizer, Error, "tokenizer");
  model.weights.close();
});

Deno.test("openModel() says what is missing", () =>
  inModelFolder(async (directory) => {
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
      "It is a LoRA adapter: name it as adapter_name_or_path (chat and serve: --adapter, endpoint local: adapter), and its base model org/base here",
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
  inModelFolder(async (directory) => {
    copyDirectory(goldenModel("tiny/qwen2/model-sharded"), directory);
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
  const { weights } = await openModel(goldenModel("tiny/qwen2/model"));
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
