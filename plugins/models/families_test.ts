import { assert, assertEquals, assertNotEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { checkTensors, openModel } from "../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../builtins.ts";
import { familyOf } from "../kinds/decoder_of.ts";
import { assertFrequencies, type Config, configOf, golden, parseGolden, parsers } from "./_parsed_goldens.ts";

for (const name of Object.keys(parsers) as (keyof typeof parsers)[]) {
  Deno.test(`parse() of the ${name} golden: frequencies as PyTorch has them, tensors as in the file`, async () => {
    const config = parseGolden(name);
    const { inv_freq } = JSON.parse(Deno.readTextFileSync(golden(`tiny/${name}/golden.json`)));
    assertFrequencies(config.inverseFrequencies, inv_freq);
    const { weights } = await openModel(golden(`tiny/${name}/model`));
    checkTensors(weights, tensorShapes(config), name);
    weights.close();
    assertEquals(config.eosTokenIds, [2]);
    const windows = name === "gemma2" || name === "exaone4"
      ? [4, null, 4]
      : Array(config.numLayers).fill(name === "phi3" ? 4 : null);
    assertEquals(config.slidingWindow, windows);
  });

  Deno.test(`parse() of ${name} reads the spelling of transformers 5 alike`, () => {
    const { rope_theta, rope_scaling, rope_parameters, dtype: _, ...rest } = configOf(name);
    const five = {
      rope_type: "default",
      ...rope_scaling as Config,
      rope_theta,
      ...rope_parameters as Config,
    };
    const { rope_theta: theta, partial_rotary_factor: part, ...scaling } = five as Config;
    const four = {
      rope_theta: theta,
      ...(part !== undefined && { partial_rotary_factor: part }),
      rope_scaling: scaling.rope_type === "default" ? null : scaling,
    };
    assertEquals(
      parsers[name].parse({ ...rest, dtype: "bfloat16", rope_parameters: five }),
      parseGolden(name),
    );
    assertEquals(parsers[name].parse({ ...rest, torch_dtype: "bfloat16", ...four }), parseGolden(name));
  });
}

Deno.test("parse() of a GGUF file's config gives the frequencies of the original", async () => {
  for (const name of ["llama3", "qwen2", "qwen3"] as const) {
    const { config, weights } = await openModel(golden(`gguf/${name}.gguf`));
    const parsed = parsers[name].parse(config);
    assertFrequencies(parsed.inverseFrequencies, parseGolden(name).inverseFrequencies);
    checkTensors(weights, tensorShapes(parsed), name);
    assertEquals({ ...parsed, rmsNormEps: 0 }, { ...parseGolden(name), rmsNormEps: 0 });
    weights.close();
  }
});

Deno.test("parse() applies linear scaling and refuses what it can't, by name", () => {
  const plain = parseGolden("qwen2").inverseFrequencies;
  for (const rope_scaling of [{ type: "linear", factor: 4 }, { rope_type: "linear", factor: 4 }]) {
    assertFrequencies(
      parseGolden("qwen2", { rope_scaling }).inverseFrequencies,
      plain.map((value) => value / 4),
    );
  }
  assertFrequencies(parseGolden("qwen2", { rope_scaling: {} }).inverseFrequencies, plain);
  assertFrequencies(
    parseGolden("qwen2", { rope_scaling: { rope_type: "default" } }).inverseFrequencies,
    plain,
  );
  for (const type of ["ntk", "proportional", "su", "mrope"]) {
    const rope_scaling = {
      rope_type: type,
      factor: 2,
      short_factor: [1, 1, 1, 1],
      long_factor: [2, 2, 2, 2],
    };
    assertThrows(() => parseGolden("qwen2", { rope_scaling }), RangeError, `"${type}"`);
  }
  assertThrows(
    () => parseGolden("qwen2", { rope_scaling: { rope_type: "linear" } }),
    RangeError,
    "factor is missing",
  );
  assertThrows(
    () => parseGolden("qwen2", { rope_scaling: { rope_type: "linear", factor: 0 } }),
    RangeError,
    "factor is 0",
  );
  assertThrows(() => parseGolden("qwen2", { rope_scaling: "linear" }), RangeError, "rope_scaling");
  assertThrows(
    () => parseGolden("qwen2", { partial_rotary_factor: 0.5 }),
    RangeError,
    "partial_rotary_factor",
  );
  const perLayer = { full_attention: { rope_theta: 1 }, sliding_attention: { rope_theta: 2 } };
  assertThrows(() => parseGolden("qwen2", { rope_parameters: perLayer }), RangeError, "rope_parameters");
});

Deno.test("parse() reads divisors that a GGUF file gives one by one", () => {
  const divisors = [1, 2, 4, 8];
  const scaling = {
    rope_type: "longrope",
    factor: 1,
    attention_factor: 1,
    short_factor: divisors,
    long_factor: divisors,
  };
  const plain = parseGolden("qwen2").inverseFrequencies;
  const scaled = parseGolden("qwen2", { rope_scaling: scaling }).inverseFrequencies;
  assertFrequencies(scaled, plain.map((value, i) => value / divisors[i]!));
  const { attention_factor: _, ...without } = scaling;
  assertEquals(
    parseGolden("qwen2", { rope_scaling: without }),
    parseGolden("qwen2", { rope_scaling: scaling }),
  );
  for (const short_factor of [[1, 2, 4], [1, 2, 4, 0]]) {
    assertThrows(
      () => parseGolden("qwen2", { rope_scaling: { ...scaling, short_factor } }),
      RangeError,
      `rope_scaling.short_factor is [${short_factor.join(", ")}]; it is to have 4 numbers above 0`,
    );
  }
});

Deno.test("parse() places sliding windows as each family does", () => {
  assertEquals(parseGolden("mistral", { sliding_window: 4096 }).slidingWindow, [4096, 4096]);
  assertEquals(parseGolden("mistral", { sliding_window: undefined }).slidingWindow, [4096, 4096]);
  assertThrows(() => parseGolden("mistral", { sliding_window: 0 }), RangeError, "sliding_window is 0");
  const qwen = { use_sliding_window: true, sliding_window: 64, layer_types: undefined };
  assertEquals(parseGolden("qwen2", { ...qwen, max_window_layers: 1 }).slidingWindow, [null, 64]);
  assertEquals(parseGolden("qwen2", { ...qwen, max_window_layers: 0 }).slidingWindow, [64, 64]);
  assertEquals(parseGolden("qwen2", { ...qwen, use_sliding_window: false }).slidingWindow, [null, null]);
  assertEquals(parseGolden("qwen3", { ...qwen, max_window_layers: 2 }).slidingWindow, [null, null]);
  const types = ["sliding_attention", "full_attention"];
  assertEquals(
    parseGolden("qwen3", { ...qwen, layer_types: types, max_window_layers: undefined }).slidingWindow,
    [
      64,
      null,
    ],
  );
  assertThrows(
    () => parseGolden("qwen3", { ...qwen, layer_types: types.slice(1) }),
    RangeError,
    "there are 2 layers",
  );
  assertThrows(() => parseGolden("qwen3", { layer_types: types }), RangeError, "needs use_sliding_window");
  const chunked = ["chunked_attention", "full_attention"];
  assertThrows(() => parseGolden("qwen2", { layer_types: chunked }), RangeError, "chunked_attention");
});

Deno.test("parse() reads biases, heads and ends", () => {
  const { qkvBias, outputBias, mlpBias, qkNorm } = parseGolden("llama", {
    attention_bias: true,
    mlp_bias: true,
  });
  assertEquals([qkvBias, outputBias, mlpBias, qkNorm], [true, true, true, false]);
  assertEquals(parseGolden("qwen3").qkNorm, true);
  assertEquals(parseGolden("qwen3", { head_dim: undefined }).headDim, 128);
  assertEquals(parseGolden("llama", { head_dim: null }).headDim, 8);
  assertEquals(parseGolden("llama", { num_key_value_heads: undefined }).numKeyValueHeads, 4);
  assertEquals(parseGolden("mistral", { num_key_value_heads: null }).numKeyValueHeads, 4);
  // SmolLM3Config(num_attention_heads=8) of transformers 4.57.6 and 5.17.0, and with num_key_value_heads=None
  const eight = (heads: null | undefined) =>
    parseGolden("smollm3", { num_attention_heads: 8, head_dim: 8, num_key_value_heads: heads })
      .numKeyValueHeads;
  assertEquals([eight(undefined), eight(null)], [4, 8]);
  assertEquals(parseGolden("llama", { eos_token_id: [2, 5] }).eosTokenIds, [2, 5]);
  assertEquals(parseGolden("llama", { eos_token_id: null }).eosTokenIds, []);
  assertNotEquals(parseGolden("llama3").tieWordEmbeddings, parseGolden("llama").tieWordEmbeddings);
});

Deno.test("familyOf() says why a known model isn't of a supported family, and names no near name for it", () => {
  const registry = builtinRegistry(), configFile = "m/config.json";
  const qwen =
    "; of Qwen's models qwen2, qwen3 and, by their language part, qwen2_vl, qwen2_5_vl and qwen3_vl are supported";
  const mean = "norms subtract the mean (LayerNorm)";
  const cases = {
    gemma3n:
      "a Gemma 3n, whose layers have embeddings of their own and several streams between them; of Google's " +
      "models gemma, gemma2 and gemma3_text (270m and 1b) are supported",
    gemma3: "a Gemma 3 that sees, too",
    phi: "a model before Phi-3",
    phimoe: "a mixture of experts",
    phi4mm: "a Phi-4 that sees and hears",
    falcon:
      `a Falcon before Falcon 3, whose ${mean} and whose MLP has no gate; Falcon 3 is llama, which is supported`,
    gpt2:
      `a GPT-2, whose positions are learnt, whose ${mean} and whose MLP has no gate; supported are ernie4_5, exaone4, gemma, gemma2, gemma3_text, glm4, granite,`,
    gpt_neox:
      `a GPT-NeoX or Pythia, whose ${mean}, whose MLP has no gate and whose blocks add attention and MLP at once; supported are`,
    stablelm: `a StableLM, whose ${mean}; supported are`,
    mixtral: "a mixture of experts; of Mistral's models mistral, of text alone, is supported",
    qwen2_moe: `a mixture of experts${qwen}`,
    qwen3_moe: `a mixture of experts${qwen}`,
    deepseek_v3:
      "a DeepSeek, a mixture of experts whose keys and values are made of one narrow row (multi-head latent " +
      "attention); models distilled from DeepSeek-R1 are qwen2 or llama, which are supported",
    gpt_oss: "a mixture of experts with attention sinks; supported are",
    cohere: `a Command or Aya, whose ${mean} and whose blocks add attention and MLP at once; supported are`,
    glm:
      "a GLM before those of 0414, whose blocks have no norms behind attention and MLP; of Zhipu's models glm4",
    exaone:
      "an EXAONE before 4, whose norms stand in front of attention and MLP, not behind; of LG's models exaone4",
    exaone_moe: "a mixture of experts; of LG's models exaone4 is supported",
    glm4_moe: "a mixture of experts; of Zhipu's models glm4 (GLM-4 of 0414, GLM-Z1) is supported",
    ernie4_5_moe: "a mixture of experts; of Baidu's models ernie4_5 (0.3B) is supported",
    hunyuan_v1_moe: "a mixture of experts; of Tencent's models hunyuan_v1_dense is supported",
    internlm2: "an InternLM 2, whose q, k and v are one matrix, interleaved by heads; supported are",
    starcoder2: `a StarCoder 2, whose ${mean} and whose MLP has no gate; supported are`,
    smolvlm: "a SmolVLM or Idefics, which sees; of Hugging Face's models SmolLM2 (llama) and smollm3",
    llava: `a LLaVA, which sees${qwen}`,
    mllama: "a Llama 3.2 that sees (11b and 90b); of Meta's models llama, of text alone, is supported",
    llama4: "a Llama 4, a mixture of experts that sees; of Meta's models llama",
    mistral3: "a Mistral that sees, too; of Mistral's models mistral, of text alone, is supported",
  };
  for (const [model_type, why] of Object.entries(cases)) {
    const { message } = assertThrows(
      () => familyOf(registry, { config: { model_type }, configFile }),
      RangeError,
      `Cannot use m/config.json: model_type is "${model_type}", ${why}`,
    );
    assert(!message.includes("did you mean"), message);
  }
  assertEquals(familyOf(registry, { config: { model_type: "phi3" }, configFile }), "phi3");
});

Deno.test("parse() refuses what is missing or not supported, by name", () => {
  const cases: [Config, string][] = [
    [{ hidden_size: undefined }, "the field hidden_size is missing"],
    [{ num_key_value_heads: undefined }, "the field num_key_value_heads is missing"],
    [{ vocab_size: "128" }, 'vocab_size is "128"; it is to be a whole number'],
    [{ num_hidden_layers: 0 }, "num_hidden_layers is 0"],
    [{ num_key_value_heads: 3 }, "it is to divide num_attention_heads, 4"],
    [{ head_dim: 7 }, "the size of a head is 7"],
    [{ head_dim: 2 ** 40 }, "head_dim is 1099511627776; it is to be at most 65536"],
    [{ num_hidden_layers: 2 ** 40 }, "it is to be at most 10000"],
    [{ vocab_size: 2 ** 40 }, "it is to be at most 2147483647"],
    [{ hidden_act: "gelu" }, 'hidden_act is "gelu"'],
    [{ model_type: "qwen2_moe" }, 'model_type is "qwen2_moe"'],
    [{ attention_dropout: 0.1 }, "attention_dropout is 0.1"],
    [{ tie_word_embeddings: "yes" }, "true or false"],
    [{ eos_token_id: "</s>" }, "eos_token_id"],
    [{ rms_norm_eps: 0 }, "rms_norm_eps is 0"],
    [{ rope_theta: -1 }, "rope_theta"],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => parseGolden("qwen2", change), RangeError, message);
  }
});

Deno.test("parse() refuses two spellings of one setting that disagree, names both, and takes those that agree", () => {
  const linear = { rope_type: "linear", factor: 2 };
  const five = (more: Config) => ({
    rope_theta: undefined,
    rope_parameters: { rope_type: "default", ...more },
  });
  const layers = ["sliding_attention", "full_attention"];
  const window = { use_sliding_window: true, sliding_window: 64, layer_types: layers };
  const refused: [keyof typeof parsers, Config, string[]][] = [
    // what transformers 5.24 makes of these five: fixtures/goldens/models/rope_spellings.json
    ["llama", { ...five({ rope_theta: 1e6 }), rope_scaling: linear }, [
      "rope_parameters is",
      "rope_scaling is",
    ]],
    ["llama", { ...five({ rope_theta: 1e6 }), rope_scaling: { type: "default" } }, ["rope_theta is 10000"]],
    ["llama", { ...five({ ...linear, factor: 4 }), rope_scaling: linear }, ['"factor": 4', '"factor": 2']],
    ["llama", { ...five({ rope_theta: 1e6 }), rope_theta: 5e5 }, [
      "rope_parameters.rope_theta is 1000000 and rope_theta is 500000",
    ]],
    ["llama", { rope_scaling: { ...linear, rope_theta: 7 }, rope_theta: 5e5 }, [
      "rope_scaling.rope_theta is 7 and rope_theta is 500000",
    ]],
    ["llama", { rope_scaling: { ...linear, type: "default" } }, [
      'rope_scaling.rope_type is "linear" and rope_scaling.type is "default"',
    ]],
    ["llama", { partial_rotary_factor: 1, rope_scaling: { ...linear, partial_rotary_factor: 0.5 } }, [
      "rope_scaling.partial_rotary_factor is 0.5",
    ]],
    ["llama", { dtype: "float16", torch_dtype: "bfloat16" }, [
      'dtype is "float16" and torch_dtype is "bfloat16"',
    ]],
    ["qwen3", { ...window, max_window_layers: 1 }, [
      'layer_types gives layer 0 "sliding_attention"',
      "sliding_window is 64, max_window_layers is 1 give it full_attention: make them agree, or leave one of layer_types and max_window_layers out",
    ]],
    ["mistral", { sliding_window: 64, layer_types: layers }, [
      'layer_types gives layer 1 "full_attention", but sliding_window is 64 give it sliding_attention',
    ]],
    ["llama", { layer_types: layers }, ['layer_types gives layer 0 "sliding_attention"']],
  ];
  for (const [name, change, parts] of refused) {
    const { message } = assertThrows(
      () => parseGolden(name, change),
      RangeError,
      "Cannot use config.json of a ",
    );
    for (const part of parts) assertStringIncludes(message, part);
  }
  // transformers' ACT2FN has both names for one function
  assertEquals(parseGolden("llama", { hidden_act: "swish" }), parseGolden("llama"));
  const plain = parseGolden("llama").inverseFrequencies;
  const theta = configOf("llama").rope_theta;
  for (
    const change of [
      { rope_parameters: { rope_type: "default", rope_theta: theta }, rope_scaling: { type: "default" } },
      { rope_parameters: { rope_theta: theta }, rope_scaling: null },
      { rope_parameters: { rope_theta: theta }, rope_scaling: {} },
      { rope_parameters: {}, rope_scaling: { rope_type: "default", type: "default" } },
      { dtype: "bfloat16", torch_dtype: "torch.bfloat16" },
      { layer_types: ["full_attention", "full_attention"] },
    ]
  ) assertFrequencies(parseGolden("llama", change).inverseFrequencies, plain);
});

Deno.test("parse() names the file, and a field as the file spells it", () => {
  const told = (change: Config) =>
    assertThrows(
      () => parsers.qwen2.parse({ ...configOf("qwen2"), ...change }, "models/x/config.json"),
      RangeError,
    ).message;
  const start = "Cannot use models/x/config.json of a qwen2 model: ";
  for (
    const [change, what] of [
      [
        { rope_scaling: { type: "ntk" } },
        'rope_scaling.type is "ntk"; supported are default, linear, dynamic, llama3, yarn and longrope',
      ],
      [{ rope_parameters: { rope_type: "ntk" } }, 'rope_parameters.rope_type is "ntk"'],
      [{ rope_scaling: { type: "linear", factor: "x" } }, 'rope_scaling.factor is "x"; it is to be a number'],
      [{ rope_scaling: { full_attention: {} } }, "rope_scaling is"],
      [{ head_dim: 7 }, "the size of a head is 7"],
      [{ hidden_size: "y".repeat(5000) }, 'hidden_size is "yyyy'],
      [{ vocab_size: undefined }, "the field vocab_size is missing"],
    ] as [Config, string][]
  ) {
    const message = told(change);
    assertEquals(message.slice(0, (start + what).length), start + what);
    assertEquals(message.length < 400, true);
  }
});

Deno.test("parse() takes from rope_theta, rope_scaling and rope_parameters what transformers takes, or refuses them", () => {
  const { cases } = JSON.parse(Deno.readTextFileSync(golden("models/rope_spellings.json"))) as {
    cases: { config: Config; rope_parameters: Config }[];
  };
  const none = { rope_theta: undefined, rope_scaling: undefined };
  const refused = cases.flatMap(({ config, rope_parameters }, i) => {
    const { inverseFrequencies: theirs } = parseGolden("llama", {
      ...none,
      rope_parameters: { ...rope_parameters, type: undefined },
    });
    try {
      assertFrequencies(parseGolden("llama", { ...none, ...config }).inverseFrequencies, theirs);
      return [];
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [i];
    }
  });
  // two thetas; rope_type beside another type; rope_parameters beside a rope_scaling that gives other frequencies
  assertEquals(refused, [6, 7, 12, 16, 17, 18]);
});
