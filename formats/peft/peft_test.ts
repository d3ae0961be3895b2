import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";
import {
  matchTargets,
  type ModuleShapes,
  patternValue,
  readAdapter,
  readAdapterConfig,
  writeAdapter,
} from "./mod.ts";

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

/** Linear modules of the tiny qwen2 model, from its own file. */
const SHAPES: ModuleShapes = (() => {
  using file = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
  return new Map(
    [...file.tensors.values()].filter(({ name }) => name.endsWith("_proj.weight"))
      .map(({ name, shape }) => [name.replace(/\.weight$/, ""), shape as [number, number]]),
  );
})();
const NAMES = [...SHAPES.keys()];

function withTempDir(fn: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    fn(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

for (
  const [variant, count] of Object.entries({ lora: 14, rslora: 14, qv_only: 4, patterns: 14, all_linear: 14 })
) {
  Deno.test(`readAdapter() and writeAdapter() of PEFT's ${variant}: same tensors, bytes and fields`, () =>
    withTempDir((directory) => {
      const source = golden(`peft/${variant}/adapter`);
      const adapter = readAdapter(source, SHAPES);
      assertEquals(adapter.modules.size, count);
      assertEquals(adapter.config.baseModel, "tiny/qwen2/model");
      writeAdapter(directory, adapter, SHAPES);
      const file = "adapter_model.safetensors";
      assertEquals(Deno.readFileSync(join(directory, file)), Deno.readFileSync(join(source, file)));
      const read = (path: string) => JSON.parse(Deno.readTextFileSync(join(path, "adapter_config.json")));
      const written = read(directory), theirs = read(source);
      for (const [key, value] of Object.entries(written)) {
        const expected = key === "target_modules" ? theirs[key].toSorted() : theirs[key];
        assertEquals(value, expected, key);
      }
      assertEquals([...readAdapter(directory, SHAPES).modules], [...adapter.modules]);
      const text = Deno.readTextFileSync(join(directory, "adapter_config.json"));
      const keys = [...text.matchAll(/^ {2}"(\w+)"/gm)].map((match) => match[1]!);
      assertEquals(keys, keys.toSorted());
    }));
}

for (const variant of ["rslora", "patterns"]) {
  Deno.test(`ranks, alphas and scales of ${variant} give PEFT's merged weights`, () => {
    const { modules } = readAdapter(golden(`peft/${variant}/adapter`), SHAPES);
    using base = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
    using merged = new SafetensorsFile(golden(`peft/${variant}/merged_weights.safetensors`));
    for (const [module, { a, b, r, scale }] of modules) {
      const [outputs, inputs] = SHAPES.get(module)!;
      const weight = base.readFloat32(`${module}.weight`);
      const name = [...merged.tensors.keys()].find((key) => key.includes(module))!;
      const expected = merged.readFloat32(name);
      for (let o = 0; o < outputs; o++) {
        for (let i = 0; i < inputs; i++) {
          let sum = 0;
          for (let k = 0; k < r; k++) sum += b[o * r + k]! * a[k * inputs + i]!;
          assertAlmostEquals(weight[o * inputs + i]! + scale * sum, expected[o * inputs + i]!, 1e-6, module);
        }
      }
    }
  });
}

Deno.test("patterns apply to the modules that PEFT's own ranks show", () => {
  const { modules } = readAdapter(golden("peft/patterns/adapter"), SHAPES);
  const of = (name: string) => [modules.get(name)!.r, modules.get(name)!.alpha];
  assertEquals(of("model.layers.0.mlp.down_proj"), [2, 3]);
  assertEquals(of("model.layers.1.self_attn.q_proj"), [6, 8]);
  assertEquals(of("model.layers.0.self_attn.q_proj"), [4, 8]);
  // Keys are regular expressions at the end of the name, whole parts only.
  assertEquals(patternValue({ "q_proj": 3 }, "a.q_proj", 1), 3);
  assertEquals(patternValue({ "proj": 3 }, "a.q_proj", 1), 1);
  assertEquals(patternValue({ "[qk]_proj": 3, "q_proj": 4 }, "a.q_proj", 1), 3);
  assertEquals(patternValue({ "layers.1.q": 3 }, "q", 1), 1);
});

Deno.test("matchTargets() chooses as PEFT does", () => {
  const match = (targetModules: string | string[], more = {}) =>
    matchTargets({ targetModules, ...more }, NAMES);
  const count = (ending: string) => NAMES.filter((name) => name.endsWith(ending)).length;
  assertEquals(count("q_proj"), 2);
  assertEquals(match("all-linear"), NAMES);
  assertEquals(match("All-Linear").length, 14);
  assertEquals(match(["q_proj", "self_attn.v_proj"]).length, 4);
  assertEquals(match(["model.layers.1.mlp.up_proj"]), ["model.layers.1.mlp.up_proj"]);
  assertThrows(() => match(["proj"]), RangeError, "q_proj");
  assertEquals(match(".*\\.(q|k)_proj").length, 4);
  assertThrows(() => match("q_proj"), RangeError); // a text is a regular expression for the whole name
  assertEquals(match(".*(?P<what>up)_proj").length, 2);
  assertThrows(() => match("(("), SyntaxError, "target_modules");
  assertEquals(match(["q_proj"], { layersToTransform: 1 }), ["model.layers.1.self_attn.q_proj"]);
  assertEquals(match(["q_proj"], { layersToTransform: [0, 1] }).length, 2);
  assertEquals(match(["q_proj"], { layersToTransform: [0], layersPattern: "layers" }).length, 1);
  assertThrows(() => match(["q_proj"], { layersToTransform: [0], layersPattern: ["h"] }), RangeError);
  assertEquals(match("all-linear", { excludeModules: ["mlp.up_proj"] }).length, 12);
  assertEquals(match(["q_proj"], { excludeModules: ".*layers\\.0.*" }), ["model.layers.1.self_attn.q_proj"]);
});

const FIELDS = JSON.parse(Deno.readTextFileSync(golden("peft/lora/adapter/adapter_config.json")));

Deno.test("readAdapterConfig() refuses what isn't supported, by name", () =>
  withTempDir((directory) => {
    assertThrows(() => readAdapterConfig(directory), RangeError, "no adapter_config.json");
    Deno.writeTextFileSync(join(directory, "config.json"), "{}");
    assertThrows(
      () => readAdapterConfig(directory),
      RangeError,
      "it is a whole model: name it as model_name_or_path (chat and serve: MODEL, endpoint local: model)",
    );
    const missing = join(directory, "nowhere"), file = join(directory, "config.json");
    for (const read of [readAdapterConfig, (path: string) => readAdapter(path, SHAPES)]) {
      assertThrows(
        () => read(missing),
        RangeError,
        `Cannot open ${missing} as an adapter: there is no such folder`,
      );
      assertThrows(() => read(file), RangeError, `Cannot open ${file} as an adapter: it is a file`);
    }
    assertThrows(
      () => readAdapterConfig("owner/name"),
      RangeError,
      "as an adapter: there is no such folder; from the hub, download its adapter_config.json and",
    );
    assertThrows(() => readAdapter(golden("peft/dora/adapter"), SHAPES), RangeError, "use_dora is true");
    // as PEFT 0.21 saves an adapter whose target_modules have lm_head or embed_tokens
    for (
      const name of [
        "lm_head.base_layer.weight",
        "lm_head.lora_A.weight",
        "model.embed_tokens.lora_embedding_A",
      ]
    ) {
      const tensor = {
        name: `base_model.model.${name}`,
        dtype: "F32",
        shape: [1],
        data: () => new Float32Array(1),
      };
      Deno.writeTextFileSync(
        join(directory, "adapter_config.json"),
        JSON.stringify({ ...FIELDS, target_modules: ["q_proj", "lm_head"] }),
      );
      writeSafetensors(join(directory, "adapter_model.safetensors"), [tensor]);
      const { message } = assertThrows(() => readAdapter(directory, SHAPES), RangeError);
      assertStringIncludes(message, `it tunes ${name.includes("embed") ? "embed_tokens" : "lm_head"}, by`);
      assertStringIncludes(message, "Merge the adapter by `deno task export`");
    }
    const cases: [Record<string, unknown>, string][] = [
      [{ peft_type: "IA3" }, 'peft_type is "IA3"'],
      [{ task_type: "SEQ_CLS" }, 'task_type is "SEQ_CLS"'],
      [{ modules_to_save: ["lm_head"] }, 'modules_to_save is ["lm_head"]'],
      [{ bias: "all" }, 'bias is "all"'],
      [{ init_lora_weights: "pissa" }, 'init_lora_weights is "pissa"'],
      [{ trainable_token_indices: [1] }, "trainable_token_indices"],
      [{ a_future_field: { on: 1 } }, "a_future_field"],
      [{ layer_replication: [[0, 1]] }, "layer_replication"],
    ];
    const write = (change: Record<string, unknown>) =>
      Deno.writeTextFileSync(
        join(directory, "adapter_config.json"),
        JSON.stringify({ ...FIELDS, ...change }),
      );
    for (const [change, message] of cases) {
      write(change);
      assertThrows(() => readAdapterConfig(directory), RangeError, message);
    }
    const wrong: [Record<string, unknown>, string][] = [
      [{ r: 0 }, "r is 0"],
      [{ lora_alpha: "8" }, 'lora_alpha is "8"'],
      [{ lora_dropout: 1 }, "lora_dropout is 1"],
      [{ target_modules: null }, "target_modules is null"],
      [{ rank_pattern: { q_proj: 0.5 } }, "rank_pattern"],
    ];
    for (const [change, message] of wrong) {
      write(change);
      assertThrows(() => readAdapterConfig(directory), SyntaxError, message);
    }
    Deno.writeTextFileSync(
      join(directory, "adapter_config.json"),
      JSON.stringify({ peft_type: "LORA", target_modules: ["q_proj"], a_future_flag: false }),
    );
    const { r, alpha, dropout, useRslora, baseModel } = readAdapterConfig(directory);
    assertEquals([r, alpha, dropout, useRslora, baseModel], [8, 8, 0, false, null]);
  }));

Deno.test("readAdapter() refuses tensors that don't fit configuration or model", () =>
  withTempDir((directory) => {
    const { config, modules } = readAdapter(golden("peft/qv_only/adapter"), SHAPES);
    writeAdapter(directory, { config, modules }, SHAPES);
    const path = join(directory, "adapter_model.safetensors");
    using file = new SafetensorsFile(golden("peft/qv_only/adapter/adapter_model.safetensors"));
    const first = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    const tensors = [...file.tensors.values()].map((info) => ({
      ...info,
      data: () => file.readFloat32(info.name),
    }));
    const others = tensors.filter(({ name }) => name !== first);
    const tensor = tensors.find(({ name }) => name === first)!;
    writeSafetensors(path, others);
    assertThrows(
      () => readAdapter(directory, SHAPES),
      RangeError,
      `"${first}", which target_modules ask for, is missing`,
    );
    writeSafetensors(path, [...others, { ...tensor, shape: tensor.shape.toReversed() }]);
    assertThrows(() => readAdapter(directory, SHAPES), TypeError, `"${first}" has the shape [32, 4]`);
    writeSafetensors(path, [...tensors, { ...tensor, name: "base_model.model.score.weight" }]);
    assertThrows(
      () => readAdapter(directory, SHAPES),
      RangeError,
      '"base_model.model.score.weight" has no place',
    );
    Deno.truncateSync(path, 100);
    assertThrows(() => readAdapter(directory, SHAPES), SyntaxError, "adapter_model.safetensors");
    Deno.removeSync(path);
    assertThrows(() => readAdapter(directory, SHAPES), RangeError, "no adapter_model.safetensors");
  }));

Deno.test("writeAdapter() keeps ranks whose patterns would be sorted into another order", () =>
  withTempDir((directory) => {
    const { config, modules } = readAdapter(golden("peft/lora/adapter"), SHAPES);
    const rankPattern = { "layers.1.*": 4, ".*": 4, "z": 1 };
    const alphaPattern = { "layers.1.self_attn.*": 5, ".*": 6 };
    writeAdapter(directory, { config: { ...config, rankPattern, alphaPattern }, modules }, SHAPES);
    const read = readAdapter(directory, SHAPES).modules;
    assertEquals(read.get("model.layers.1.self_attn.q_proj")!.alpha, 5);
    assertEquals(read.get("model.layers.1.mlp.up_proj")!.alpha, 6);
    assertEquals(read.get("model.layers.0.self_attn.q_proj")!.alpha, 6);
  }));

Deno.test("writeAdapter() refuses modules that its target_modules don't mean", () =>
  withTempDir((directory) => {
    const { config, modules } = readAdapter(golden("peft/qv_only/adapter"), SHAPES);
    const path = join(directory, "out");
    assertThrows(
      () => writeAdapter(path, { config: { ...config, targetModules: ["q_proj"] }, modules }, SHAPES),
      RangeError,
      "model.layers.0.self_attn.v_proj",
    );
    assertThrows(
      () => writeAdapter(path, { config: { ...config, r: 5 }, modules }, SHAPES),
      TypeError,
      "lora_A",
    );
    assert(
      ![...Deno.readDirSync(directory)].some(({ name }) => name === "out") ||
        [...Deno.readDirSync(path)].length === 0,
    );
  }));
