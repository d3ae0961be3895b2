/**
 * Keys that change what a model computes: each is honoured or refused by name, as a file with it in llama.cpp's spelling says. What llama.cpp does with
 * each is in src/llama-model.cpp: without a scaling type a factor is linear, 0 stands for none.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { ggufConfig, GgufFile, type GgufTyped, writeGguf } from "./mod.ts";

const u32 = (value: number): GgufTyped => ({ type: "u32", value });
const f32 = (value: number): GgufTyped => ({ type: "f32", value });
const text = (value: string): GgufTyped => ({ type: "string", value });
const bool = (value: boolean): GgufTyped => ({ type: "bool", value });

/** The config of a header with some keys more; `X.` stands for the architecture. */
function configWith(
  more: Record<string, GgufTyped>,
  { architecture = "llama", divisors = null as Float32Array<ArrayBuffer> | null } = {},
): Record<string, unknown> {
  const keys: Record<string, GgufTyped> = {
    "general.architecture": text(architecture),
    "X.embedding_length": u32(8),
    "X.attention.head_count": u32(2),
    "X.feed_forward_length": u32(16),
    "X.block_count": u32(1),
    "X.context_length": u32(64),
    "X.attention.layer_norm_rms_epsilon": f32(1e-5),
    ...more,
  };
  const path = join(temporaryFolder(), "a.gguf"), values = new Float32Array(32);
  writeGguf(
    path,
    new Map(Object.entries(keys).map(([key, value]) => [key.replace(/^X/, architecture), value])),
    [
      { name: "token_embd.weight", shape: [4, 8], encoding: "F32", data: () => values },
      ...divisors
        ? [{
          name: "rope_freqs.weight",
          shape: [divisors.length],
          encoding: "F32" as const,
          data: () => divisors,
        }]
        : [],
    ],
  );
  using file = new GgufFile(path);
  return ggufConfig(file);
}

Deno.test("ggufConfig() reads a rotary factor in every spelling, without a type as linear, and none where the type is none", () => {
  const linear = { rope_type: "linear", factor: 4 };
  const cases: [Record<string, GgufTyped>, unknown][] = [
    [{ "X.rope.scaling.type": text("linear"), "X.rope.scaling.factor": f32(4) }, linear],
    [{ "X.rope.scaling.factor": f32(4) }, linear],
    [{ "X.rope.scale_linear": f32(4) }, linear],
    [{ "X.rope.scale_linear": f32(2), "X.rope.scaling.factor": f32(4) }, linear],
    [{ "X.rope.scaling.type": text("none"), "X.rope.scaling.factor": f32(4) }, null],
    [{ "X.rope.scaling.type": text("linear") }, null],
    [{ "X.rope.scaling.factor": f32(0) }, null],
    [{}, null],
  ];
  for (const [keys, expected] of cases) {
    assertEquals(configWith(keys).rope_scaling, expected, JSON.stringify(keys));
  }
  const longrope = { "X.rope.scaling.type": text("longrope"), "X.rope.scaling.factor": f32(4) };
  assertThrows(() => configWith(longrope), RangeError, 'rotary scaling "longrope" isn\'t supported');
  const both = () => configWith({ "X.rope.scaling.factor": f32(4) }, { divisors: Float32Array.of(1, 2) });
  assertThrows(both, RangeError, 'rotary scaling "linear" beside rope_freqs.weight');
});

Deno.test("ggufConfig() reads YaRN as llama.cpp sets it up, and refuses values that llama.cpp passes over", () => {
  const yarn = { "X.rope.scaling.type": text("yarn"), "X.rope.scaling.factor": f32(4) };
  const standard = {
    rope_type: "yarn",
    factor: 4,
    original_max_position_embeddings: 64,
    attention_factor: 0.1 * Math.log(4) + 1,
  };
  const cases: [Record<string, GgufTyped>, Record<string, unknown>][] = [
    [{}, {}],
    [{ "X.rope.scaling.factor": f32(0) }, { factor: 1, attention_factor: 1 }],
    [{ "X.rope.scaling.original_context_length": u32(32) }, { original_max_position_embeddings: 32 }],
    [{ "X.rope.scaling.yarn_beta_fast": f32(32), "X.rope.scaling.yarn_beta_slow": f32(1) }, {}],
    [{ "X.rope.scaling.yarn_log_multiplier": f32(0), "X.rope.scaling.yarn_ext_factor": f32(1) }, {}],
    [{ "X.rope.scaling.attn_factor": f32(2) }, { attention_factor: 2 * standard.attention_factor }],
    [{ "X.rope.scaling.yarn_attn_factor": f32(0.1 * Math.log(4) + 1) }, {}],
    [{ "X.rope.scaling.yarn_attn_factor": f32(1) }, {}],
  ];
  for (const [keys, expected] of cases) {
    assertEquals(
      configWith({ ...yarn, ...keys }).rope_scaling,
      { ...standard, ...expected },
      JSON.stringify(keys),
    );
  }
  for (
    const [name, value] of [["attn_factor", 1.5], ["beta_fast", 16], ["beta_slow", 2], [
      "log_multiplier",
      0.5,
    ]] as const
  ) {
    const other = () => configWith({ ...yarn, [`X.rope.scaling.yarn_${name}`]: f32(value) });
    assertThrows(
      other,
      RangeError,
      `llama.rope.scaling.yarn_${name} is ${value}, which llama.cpp passes over`,
    );
  }
});

Deno.test("ggufConfig() reads the length of queries and keys without YaRN beside every kind of frequencies", () => {
  const two = { "X.rope.scaling.attn_factor": f32(2) };
  const longrope = (factors: number[]) => ({
    rope_type: "longrope",
    factor: 1,
    attention_factor: 2,
    short_factor: factors,
    long_factor: factors,
  });
  assertEquals(configWith(two).rope_scaling, longrope([1, 1]));
  assertEquals(configWith({ ...two, "X.rope.scaling.factor": f32(4) }).rope_scaling, longrope([4, 4]));
  assertEquals(configWith(two, { divisors: Float32Array.of(1, 3) }).rope_scaling, longrope([1, 3]));
});

Deno.test("ggufConfig() refuses every key that would change the result and has no place, and takes values that change nothing", () => {
  const cases: [string, GgufTyped, GgufTyped | null][] = [
    ["logit_scale", f32(0.5), f32(1)],
    ["residual_scale", f32(0.5), f32(1)],
    ["embedding_scale", f32(12), f32(0)],
    ["attn_logit_softcapping", f32(50), f32(0)],
    ["final_logit_softcapping", f32(30), f32(0)],
    ["use_parallel_residual", bool(true), bool(false)],
    ["nextn_predict_layers", u32(1), u32(0)],
    ["expert_shared_count", u32(1), u32(0)],
    ["attention.causal", bool(false), bool(true)],
    ["attention.clamp_kqv", f32(8), f32(0)],
    ["attention.max_alibi_bias", f32(8), f32(0)],
    ["attention.scale", f32(0.25), f32(0.5)],
    ["attention.temperature_scale", f32(0.1), f32(0)],
    ["attention.shared_kv_layers", u32(2), u32(0)],
    ["rope.scaling.alpha", f32(1.2), f32(1)],
    ["rope.dimension_count", u32(2), u32(4)],
    ["rope.dimension_sections", { type: "i32s", value: [1, 1, 0, 0] }, { type: "i32s", value: [0, 0, 0, 0] }],
  ];
  for (
    const architecture of [
      "llama",
      "qwen2",
      "qwen3",
      "mistral",
      "smollm3",
      "olmo2",
      "exaone4",
      "ernie4_5",
      "hunyuan-dense",
    ]
  ) {
    const plain = configWith({}, { architecture });
    for (const [key, bad, good] of cases) {
      const { message } = assertThrows(
        () => configWith({ [`X.${key}`]: bad }, { architecture }),
        RangeError,
        "Cannot open ",
      );
      assertStringIncludes(message, `${architecture}.${key} `);
      if (good) assertEquals(configWith({ [`X.${key}`]: good }, { architecture }), plain, key);
    }
  }
});

Deno.test("ggufConfig() of smollm3 says that every fourth layer isn't rotated, which llama.cpp has in its code, and refuses a window", () => {
  const config = configWith({}, { architecture: "smollm3" });
  assertEquals(config.no_rope_layer_interval, 4);
  assertEquals(config.architectures, ["SmolLM3ForCausalLM"]);
  assertThrows(
    () => configWith({ "X.attention.sliding_window": u32(8) }, { architecture: "smollm3" }),
    RangeError,
    "a sliding window in a smollm3 GGUF isn't supported",
  );
});

Deno.test("ggufConfig() of olmo2 with a window is OLMo 3's: three of four layers have it, and the base without the scaling", () => {
  const yarn = {
    "X.rope.scaling.type": text("yarn"),
    "X.rope.scaling.factor": f32(8),
    "X.rope.scaling.original_context_length": u32(64),
    "X.rope.freq_base": f32(5e5),
    "X.attention.sliding_window": u32(16),
    "X.block_count": u32(5),
  };
  const of = (more: Record<string, GgufTyped>) => configWith({ ...yarn, ...more }, { architecture: "olmo2" });
  const config = of({});
  assertEquals([config.model_type, config.architectures], ["olmo3", ["Olmo3ForCausalLM"]]);
  const types = ["sliding", "sliding", "sliding", "full", "sliding"].map((type) => `${type}_attention`);
  assertEquals([config.sliding_window, config.layer_types], [16, types]);
  assertEquals([config.rope_theta, config.rope_scaling], [undefined, undefined]);
  const { full_attention, sliding_attention } = config.rope_parameters as Record<
    string,
    Record<string, unknown>
  >;
  assertEquals(sliding_attention, { rope_type: "default", rope_theta: 5e5 });
  assertEquals([full_attention?.rope_type, full_attention?.factor, full_attention?.rope_theta], [
    "yarn",
    8,
    5e5,
  ]);
  // as llama.cpp's converter writes it: a list of all layers
  const listed = (pattern: number[]) =>
    of({ "X.attention.sliding_window_pattern": { type: "i32s", value: pattern } });
  assertEquals(listed([1, 1, 1, 0, 1]), config);
  assertEquals(of({ "X.attention.sliding_window_pattern": u32(4) }), config);
  assertThrows(() => listed([1, 0, 1, 0, 1]), RangeError, "llama.cpp leaves each 4th layer without a window");
  assertEquals(
    configWith({ "X.attention.sliding_window": u32(0) }, { architecture: "olmo2" }).model_type,
    "olmo2",
  );
});

Deno.test("ggufConfig() of exaone4 has windows in a model of 64 layers alone, as llama.cpp", () => {
  const of = (layers: number, more: Record<string, GgufTyped> = {}) =>
    configWith({ "X.block_count": u32(layers), ...more }, { architecture: "exaone4" });
  const small = of(2), large = of(64);
  assertEquals(small.architectures, ["Exaone4ForCausalLM"]);
  assertEquals([small.sliding_window, small.layer_types], [null, ["full_attention", "full_attention"]]);
  assertEquals(large.sliding_window, 4096);
  assertEquals((large.layer_types as string[]).filter((type) => type === "full_attention").length, 16);
  assertEquals((large.layer_types as string[])[3], "full_attention");
  assertEquals(of(64, { "X.attention.sliding_window": u32(8) }).sliding_window, 8);
  assertThrows(
    () => of(2, { "X.attention.sliding_window": u32(8) }),
    RangeError,
    "a sliding window in an exaone4 GGUF of 2 layers isn't supported",
  );
});

Deno.test("ggufConfig() of ernie4_5 and hunyuan-dense: classes, no window; Hunyuan's base is that of the file, in which alpha is", () => {
  for (
    const [architecture, modelType, name] of [
      ["ernie4_5", "ernie4_5", "Ernie4_5ForCausalLM"],
      ["hunyuan-dense", "hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM"],
    ] as const
  ) {
    const none = { "X.rope.scaling.type": text("none"), "X.rope.freq_base": f32(1.1e7) };
    const config = configWith(none, { architecture });
    assertEquals([config.model_type, config.architectures], [modelType, [name]]);
    assertEquals([config.rope_theta, config.rope_scaling], [1.1e7, null]);
    assertThrows(
      () => configWith({ "X.attention.sliding_window": u32(8) }, { architecture }),
      RangeError,
      `a sliding window in a ${modelType} GGUF isn't supported`,
    );
  }
});

Deno.test("ggufConfig() of glm4 has the share of each head that is rotated, and biases where the file has them", () => {
  const half = configWith({ "X.rope.dimension_count": u32(2) }, { architecture: "glm4" });
  assertEquals([half.model_type, half.architectures], ["glm4", ["Glm4ForCausalLM"]]);
  assertEquals([half.partial_rotary_factor, half.attention_bias], [0.5, false]);
  assertEquals(configWith({}, { architecture: "glm4" }).partial_rotary_factor, 1);
});

Deno.test("ggufConfig() of granite has its multipliers; 0 and a missing one stand for none, as in llama.cpp", () => {
  const multipliers = (fields: Record<string, GgufTyped>) => {
    const config = configWith(fields, { architecture: "granite" });
    assertEquals(config.architectures, ["GraniteForCausalLM"]);
    const { embedding_multiplier, attention_multiplier, residual_multiplier, logits_scaling } = config;
    return [embedding_multiplier, attention_multiplier, residual_multiplier, logits_scaling];
  };
  const scales = { embedding_scale: 12, residual_scale: 0.25, logit_scale: 8, "attention.scale": 0.125 };
  const keys = (values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`X.${key}`, f32(value)]));
  assertEquals(multipliers(keys(scales)), [12, 0.125, 0.25, 8]);
  // heads of 4
  assertEquals(multipliers(keys({ logit_scale: 8 })), [1, 0.5, 1, 8]);
  const none = { embedding_scale: 0, residual_scale: 0, "attention.scale": 0, logit_scale: 8 };
  assertEquals(multipliers(keys(none)), [1, 0.5, 1, 8]);
  assertThrows(() => multipliers({}), Error, "granite.logit_scale");
  assertThrows(
    () => multipliers({ ...keys(scales), "X.attention.sliding_window": u32(8) }),
    RangeError,
    "a sliding window in a granite GGUF isn't supported",
  );
});

Deno.test("ggufConfig() of gemma3 has its windows, both bases and the scale of its scores, as llama.cpp has them in its code", () => {
  const found = (fields: Record<string, GgufTyped>) => configWith(fields, { architecture: "gemma3" });
  const config = found({ "X.attention.sliding_window": u32(512), "X.rope.freq_base": f32(1e6) });
  assertEquals(config.architectures, ["Gemma3ForCausalLM"]);
  assertEquals(config.model_type, "gemma3_text");
  assertEquals([config.hidden_act, config.hidden_activation], [undefined, "gelu_pytorch_tanh"]);
  assertEquals([config.sliding_window, config.sliding_window_pattern], [512, 6]);
  assertEquals([config.rope_theta, config.rope_local_base_freq], [1e6, 10000]);
  // heads of 4
  assertEquals(config.query_pre_attn_scalar, 4);
  const large = found({
    "X.block_count": u32(62),
    "X.embedding_length": u32(24),
    "X.attention.key_length": u32(4),
  });
  assertEquals(large.query_pre_attn_scalar, 24 / Number(large.num_attention_heads));
  const open = found({});
  assertEquals(new Set(open.layer_types as string[]), new Set(["full_attention"]));
  assertThrows(() => found({ "X.final_logit_softcapping": f32(30) }), RangeError, "final_logit_softcapping");
});

Deno.test("ggufConfig() of gemma2 has both caps, its windows and the scale of its scores, with llama.cpp's own where a key is missing", () => {
  const found = (fields: Record<string, GgufTyped>) => configWith(fields, { architecture: "gemma2" });
  const config = found({
    "X.attn_logit_softcapping": f32(40),
    "X.final_logit_softcapping": f32(20),
    "X.attention.sliding_window": u32(512),
  });
  assertEquals([config.architectures, config.model_type], [["Gemma2ForCausalLM"], "gemma2"]);
  assertEquals([config.attn_logit_softcapping, config.final_logit_softcapping], [40, 20]);
  assertEquals([config.sliding_window, config.layer_types, config.query_pre_attn_scalar], [
    512,
    undefined,
    4,
  ]);
  assertEquals([config.hidden_act, config.hidden_activation], [undefined, "gelu_pytorch_tanh"]);
  const bare = found({});
  assertEquals([bare.attn_logit_softcapping, bare.final_logit_softcapping, bare.sliding_window], [
    50,
    30,
    4096,
  ]);
  // "27B"
  const sizes = { "X.embedding_length": u32(24), "X.attention.key_length": u32(4) };
  assertEquals(found({ ...sizes, "X.block_count": u32(46) }).query_pre_attn_scalar, 24 / 2);
});

Deno.test("ggufConfig() of gemma has GELU by its tanh approximation and no window", () => {
  const config = configWith({}, { architecture: "gemma" });
  assertEquals([config.architectures, config.model_type], [["GemmaForCausalLM"], "gemma"]);
  assertEquals([config.hidden_act, config.hidden_activation], ["gelu_pytorch_tanh", undefined]);
  assertEquals([config.sliding_window, config.query_pre_attn_scalar], [undefined, undefined]);
  assertThrows(
    () => configWith({ "X.attention.sliding_window": u32(8) }, { architecture: "gemma" }),
    RangeError,
    "a sliding window in a gemma GGUF isn't supported",
  );
  assertThrows(
    () => configWith({ "X.attn_logit_softcapping": f32(50) }, { architecture: "gemma" }),
    RangeError,
    "attn_logit_softcapping",
  );
});

Deno.test("ggufConfig() refuses adapters and parts of a model, and says how to join them", () => {
  assertThrows(
    () => configWith({ "general.type": text("adapter") }),
    RangeError,
    'its general.type is "adapter"',
  );
  assertEquals(configWith({ "general.type": text("model") }), configWith({}));
  assertThrows(
    () => configWith({ "split.no": { type: "u32", value: 1 }, "split.count": u32(3) }),
    RangeError,
    "it is part 2 of 3. Join the parts with llama-gguf-split --merge",
  );
  assertEquals(configWith({ "split.no": u32(0), "split.count": u32(1) }), configWith({}));
});

Deno.test("an answer ends at the end of a turn and of a message too, where a file names them", () => {
  const ids = (more: Record<string, number>) =>
    configWith(
      Object.fromEntries(
        Object.entries(more).map(([name, id]) => [`tokenizer.ggml.${name}_token_id`, u32(id)]),
      ),
    ).eos_token_id;
  assertEquals(ids({ eos: 1, eot: 2, eom: 3 }), [1, 2, 3]);
  assertEquals(ids({ eos: 1, eot: 1 }), 1);
  assertEquals(ids({ eos: 1 }), 1);
});

Deno.test("ggufConfig() gives the share of a phi3 model's heads of which programs make the rotated elements that the file says", () => {
  for (const [headDim, rotated] of [[96, 96], [128, 96], [128, 48], [88, 60], [184, 104]] as const) {
    const { partial_rotary_factor: part } = configWith({
      "X.attention.key_length": u32(headDim),
      "X.attention.value_length": u32(headDim),
      "X.rope.dimension_count": u32(rotated),
    }, { architecture: "phi3" });
    assertEquals(Math.floor(headDim * Number(part)), rotated, `${rotated} of ${headDim}`);
  }
});
