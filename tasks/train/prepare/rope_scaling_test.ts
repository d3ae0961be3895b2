/** rope_scaling as LLaMA-Factory 0.9.5 writes it (fixtures/goldens/models/make_rope_set.py), and in what a run saves. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { models } from "../../../plugins/models/mod.ts";
import { Registry } from "../../../plugins/registry.ts";
import { readJson } from "../../../tests/helpers/tiny_model.ts";
import { scaledConfig } from "./rope_scaling.ts";

const golden = readJson(new URL("../../../fixtures/goldens/models/rope_set.json", import.meta.url).pathname);
const parse = (config: Record<string, unknown>) =>
  new Registry(models).create("model", "llama").parse(config);
const full = { finetuning_type: "full" } as const;

Deno.test("scaledConfig() writes LLaMA-Factory's fields, in both spellings of a config.json, and frequencies are transformers'", () => {
  for (const { config, rope_scaling, cutoff_len, made, inv_freq, ...right } of golden.cases) {
    const { rope_theta, rope_scaling: before, ...rest } = config;
    const base = { model_type: "llama", ...golden.sizes, ...rest };
    const four = { ...base, rope_theta, ...before && { rope_scaling: before } };
    const five = { ...base, rope_parameters: { rope_type: "default", ...before, rope_theta } };
    for (const given of [four, five]) {
      const label = JSON.stringify([given, rope_scaling, cutoff_len]);
      const { config: scaled, notes } = scaledConfig(
        { config: given, configFile: "config.json" },
        { ...full, rope_scaling, cutoff_len },
      );
      const isUsed = right.max_position_embeddings !== config.max_position_embeddings;
      if (isUsed) assertEquals([scaled.rope_scaling, scaled.rope_theta], [made, rope_theta], label);
      else assertEquals(scaled, given, label);
      assertStringIncludes(
        notes.join(),
        isUsed ? `${right.max_position_embeddings} positions` : "isn't used",
      );
      const parsed = parse(scaled);
      assertEquals(parsed.maxPositionEmbeddings, right.max_position_embeddings, label);
      assertAlmostEquals(parsed.attentionFactor ?? 1, right.attention_factor, 1e-12, label);
      parsed.inverseFrequencies.forEach((frequency, i) =>
        assertAlmostEquals(frequency, inv_freq[i], 1e-6 * inv_freq[i], `${label}, frequency ${i}`)
      );
    }
  }
});

Deno.test("scaledConfig() keeps the base of a family's class where config.json has none, and the share of each head that is rotated", () => {
  const scaled = (config: Record<string, unknown>) =>
    scaledConfig({ config: { max_position_embeddings: 64, ...config }, configFile: "c" }, {
      ...full,
      rope_scaling: "linear",
      cutoff_len: 100,
    }).config;
  // transformers' classes: SmolLM3Config, Ernie4_5Config, LlamaConfig
  for (const [model_type, theta] of [["smollm3", 2e6], ["ernie4_5", 5e5], ["llama", 1e4]] as const) {
    assertEquals(scaled({ model_type }).rope_theta, theta, model_type);
    assertEquals(scaled({ model_type, rope_theta: 7 }).rope_theta, 7);
  }
  const rope_parameters = { rope_type: "default", rope_theta: 7, partial_rotary_factor: 0.25 };
  const glm4 = scaled({ model_type: "glm4", rope_parameters });
  assertEquals([glm4.rope_theta, glm4.partial_rotary_factor], [7, 0.25]);
});

Deno.test("scaledConfig() says that the model's own scaling goes, and that dynamic changes nothing within its positions", () => {
  const notes = (rope: unknown, rope_scaling: "dynamic" | "yarn") => {
    const config = { max_position_embeddings: 64, rope_scaling: rope };
    return scaledConfig({ config, configFile: "c" }, { ...full, rope_scaling, cutoff_len: 100 }).notes.join(
      "\n",
    );
  };
  assertStringIncludes(notes({ type: "linear", factor: 2 }, "yarn"), 'the model\'s own ("linear")');
  assertStringIncludes(notes(null, "dynamic"), "changes nothing up to 128 tokens");
  assert(!notes(null, "yarn").includes("own"));
});

Deno.test("scaledConfig() refuses adapters, with what their base's config.json needs, and models that see", () => {
  const model = (config: Record<string, unknown>) => ({ config, configFile: "m/config.json" });
  const lora = { finetuning_type: "lora", rope_scaling: "llama3", cutoff_len: 100 } as const;
  const { message } = assertThrows(
    () => scaledConfig(model({ max_position_embeddings: 64 }), lora),
    RangeError,
  );
  const [written] = /\{.*\}\}/.exec(message)!;
  // what LLaMA-Factory would have set, which a full run takes
  assertEquals(JSON.parse(written!), {
    max_position_embeddings: 128,
    rope_scaling: {
      rope_type: "llama3",
      factor: 2,
      original_max_position_embeddings: 64,
      low_freq_factor: 1,
      high_freq_factor: 4,
    },
  });
  assertEquals(scaledConfig(model({ max_position_embeddings: 128 }), lora).notes.length, 1);
  assertThrows(
    () => scaledConfig(model({ text_config: { max_position_embeddings: 64 } }), { ...lora, ...full }),
    RangeError,
    "a model that sees",
  );
  const gemma3 = { model_type: "gemma3_text", max_position_embeddings: 64 };
  assertThrows(() => scaledConfig(model(gemma3), { ...lora, ...full }), RangeError, "one of two rotations");
  const phi3 = { model_type: "phi3", max_position_embeddings: 64 };
  assertThrows(
    () => scaledConfig(model(phi3), { ...lora, ...full }),
    RangeError,
    "no scaling but longrope of a phi3",
  );
});
