/** What single families have alone: SmolLM3, Granite, Gemma, OLMo 2 and 3, EXAONE 4, Phi-3. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { checkTensors, openModel } from "../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import gemma3 from "./gemma3.ts";
import olmo3 from "./olmo3.ts";
import { Registry } from "../registry.ts";
import { assertFrequencies, type Config, configOf, golden, parseGolden } from "./_parsed_goldens.ts";

Deno.test("parse() of smollm3 takes layers without rotation, their windows and defaults as transformers' class", () => {
  const plain = { no_rope_layers: undefined, no_rope_layer_interval: undefined, layer_types: undefined };
  const five = (change: Config) => parseGolden("smollm3", { ...plain, ...change });
  assertEquals(five({}).rotatedLayers, [true, true, true, false, true]);
  assertEquals(parseGolden("smollm3").rotatedLayers, [true, true, true, false, true]);
  assertEquals(five({ no_rope_layer_interval: 2 }).rotatedLayers, [true, false, true, false, true]);
  // the list wins over the interval, and may be longer than the model
  const list = { no_rope_layers: [0, 1, 1, 1, 0, 0, 0], no_rope_layer_interval: 2 };
  assertEquals(five(list).rotatedLayers, [false, true, true, true, false]);
  assertThrows(() => five({ no_rope_layers: [1, 1] }), RangeError, "there are 5 layers");
  assertThrows(() => five({ no_rope_layers: "all" }), RangeError, "it is to be a list of numbers");
  assertThrows(() => five({ no_rope_layer_interval: 0 }), RangeError, "no_rope_layer_interval is 0");

  const window = { use_sliding_window: true, sliding_window: 6 };
  assertEquals(five(window).slidingWindow, [null, null, null, 6, null]);
  assertEquals(five({ ...window, use_sliding_window: false }).slidingWindow, [null, null, null, null, null]);
  const types = ["sliding", "full", "full", "full", "full"].map((type) => `${type}_attention`);
  assertEquals(five({ ...window, layer_types: types }).slidingWindow, [6, null, null, null, null]);
  assertThrows(
    () => five({ layer_types: types }),
    RangeError,
    'layer_types gives layer 0 "sliding_attention"',
  );

  const bare = five({ rope_parameters: undefined, rope_theta: undefined, tie_word_embeddings: undefined });
  assertAlmostEquals(bare.inverseFrequencies[1]!, 2e6 ** (-2 / bare.headDim), 1e-15);
  assertEquals(bare.tieWordEmbeddings, true);
});

Deno.test("parse() of granite takes multipliers, 1 where one is missing, and refuses those that aren't above 0", () => {
  const scales = (change: Config) => {
    const { embeddingScale, attentionScale, residualScale, logitScale } = parseGolden("granite", change);
    return [embeddingScale, attentionScale, residualScale, logitScale];
  };
  assertEquals(scales({}), [3, 0.2, 0.6, 1 / 0.75]);
  const names = ["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"];
  // GraniteConfig's defaults: scores aren't divided by the root of a head's width either
  assertEquals(scales(Object.fromEntries(names.map((name) => [name, undefined]))), [1, 1, 1, 1]);
  for (const name of names) {
    assertThrows(
      () => parseGolden("granite", { [name]: 0 }),
      RangeError,
      `${name} is 0; it is to be above 0`,
    );
    assertThrows(
      () => parseGolden("granite", { [name]: "x" }),
      RangeError,
      `${name} is "x"; it is to be a number`,
    );
  }
});

/** The golden's config.json with some fields changed, or left out where undefined. */
function changed(golden: string, change: Config): Config {
  const config: Config = { ...configOf(golden), ...change };
  for (const [key, value] of Object.entries(change)) if (value === undefined) delete config[key];
  return config;
}

function parseGemma3(change: Config = {}): DecoderConfig {
  return new Registry([gemma3]).create("model", "gemma3_text").parse(changed("gemma3", change));
}

function parseOlmo3(change: Config = {}): DecoderConfig {
  return new Registry([olmo3]).create("model", "olmo3").parse(changed("olmo3", change));
}

Deno.test("parse() of gemma3_text: PyTorch's frequencies of both rotations, tensors as in the file, windows by layer", async () => {
  const config = parseGemma3(), file = golden("tiny/gemma3/model");
  const { inv_freq, window_inv_freq } = JSON.parse(Deno.readTextFileSync(golden("tiny/gemma3/golden.json")));
  assertFrequencies(config.inverseFrequencies, inv_freq);
  assertFrequencies(config.windowRotation?.inverseFrequencies ?? new Float64Array(), window_inv_freq);
  const { weights } = await openModel(file);
  checkTensors(weights, tensorShapes(config), "gemma3");
  weights.close();
  assertEquals(config.slidingWindow, [4, null, 4]);
  assertEquals(config.attentionScale, 1 / Math.sqrt(10));
});

Deno.test("parse() of gemma3_text reads the spelling of transformers 4, and its class's defaults", () => {
  const four = {
    rope_parameters: undefined,
    rope_theta: 1e6,
    rope_local_base_freq: 1e4,
    rope_scaling: null,
    layer_types: undefined,
    sliding_window_pattern: 2,
  };
  assertEquals(parseGemma3(four), parseGemma3());
  const bare = parseGemma3({
    ...four,
    rope_theta: undefined,
    rope_local_base_freq: undefined,
    hidden_activation: undefined,
    query_pre_attn_scalar: undefined,
    tie_word_embeddings: undefined,
    sliding_window: undefined,
    num_hidden_layers: 7,
    sliding_window_pattern: undefined,
  });
  assertEquals(bare.slidingWindow, [4096, 4096, 4096, 4096, 4096, null, 4096]);
  assertEquals(bare.attentionScale, 1 / 16);
  assertEquals(bare.tieWordEmbeddings, true);
  assertEquals(bare.inverseFrequencies, parseGemma3().inverseFrequencies);
  assertEquals(bare.windowRotation, parseGemma3().windowRotation);
  // 4b and larger: their factor is that of layers without a window
  const scaled = parseGemma3({ ...four, rope_scaling: { rope_type: "linear", factor: 8 } });
  assertFrequencies(scaled.inverseFrequencies, parseGemma3().inverseFrequencies.map((value) => value / 8));
  assertEquals(scaled.windowRotation, parseGemma3().windowRotation);
});

// Gemma3ForCausalLM of transformers 5.17.0 gives cap · tanh(logits / cap), and no cap where the field is missing
Deno.test("parse() of gemma3_text takes a cap of logits, none where config.json has none", () => {
  const capOf = (final_logit_softcapping: unknown) => parseGemma3({ final_logit_softcapping }).logitCap;
  assertEquals([capOf(30), capOf(null), capOf(undefined)], [30, undefined, undefined]);
});

Deno.test("parse() of gemma3_text refuses what isn't computed here, by name", () => {
  const cases: [Config, string][] = [
    [{ final_logit_softcapping: 0 }, "final_logit_softcapping is 0; it is to be above 0"],
    [
      { attn_logit_softcapping: 50 },
      "attn_logit_softcapping is 50; transformers' class of Gemma 3 takes it and caps no scores by it",
    ],
    [{ use_bidirectional_attention: true }, "use_bidirectional_attention is true"],
    [{ hidden_activation: "gelu" }, 'hidden_activation is "gelu"; only gelu_pytorch_tanh is supported'],
    [{ sliding_window: null }, "sliding_window is null; layers of type sliding_attention need it"],
    [{ rope_parameters: { rope_theta: 5 } }, "it is to have full_attention and sliding_attention"],
    [{ rope_theta: 5 }, "two spellings of one setting"],
    [{ rope_local_base_freq: 5 }, "two spellings of one setting"],
    [{ layer_types: ["sliding_attention", "full_attention"] }, "there are 3 layers"],
    [{ layer_types: ["sliding_attention", "chunked_attention", "full_attention"] }, "layer_types"],
    [{ query_pre_attn_scalar: 0 }, "query_pre_attn_scalar is 0"],
  ];
  for (const [change, message] of cases) assertThrows(() => parseGemma3(change), RangeError, message);
});

Deno.test("parse() of gemma2 takes both caps, windows and the scale of scores, with defaults of transformers' class", () => {
  const caps = (change: Config) => {
    const { scoreCap, logitCap } = parseGolden("gemma2", change);
    return [scoreCap, logitCap];
  };
  assertEquals(caps({}), [2, 4]);
  assertEquals(caps({ attn_logit_softcapping: undefined, final_logit_softcapping: undefined }), [50, 30]);
  assertEquals(caps({ attn_logit_softcapping: null, final_logit_softcapping: null }), [undefined, undefined]);
  const decoder = parseGolden("gemma2");
  assertEquals([decoder.normPlaces, decoder.normOffset, decoder.gateActivation], ["both", 1, "gelu_tanh"]);
  assertEquals([decoder.attentionScale, decoder.qkNorm], [1 / Math.sqrt(10), false]);
  assertEquals(decoder.embeddingScale, Math.fround(Math.sqrt(32)));
  const bare = parseGolden("gemma2", {
    layer_types: undefined,
    sliding_window: undefined,
    head_dim: undefined,
    query_pre_attn_scalar: undefined,
    num_key_value_heads: undefined,
    tie_word_embeddings: undefined,
    hidden_activation: undefined,
    num_hidden_layers: 5,
  });
  // every second layer has no window
  assertEquals(bare.slidingWindow, [4096, null, 4096, null, 4096]);
  assertEquals([bare.headDim, bare.attentionScale], [256, 1 / 16]);
  assertEquals([bare.numKeyValueHeads, bare.tieWordEmbeddings], [4, true]);
  const cases: [Config, string][] = [
    [{ attn_logit_softcapping: 0 }, "attn_logit_softcapping is 0; it is to be above 0"],
    [{ final_logit_softcapping: "x" }, 'final_logit_softcapping is "x"'],
    [{ use_bidirectional_attention: true }, "use_bidirectional_attention is true"],
    [{ hidden_activation: "gelu" }, 'hidden_activation is "gelu"; only gelu_pytorch_tanh is supported'],
    [{ sliding_window: null }, "sliding_window is null; layers of type sliding_attention need it"],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => parseGolden("gemma2", change), RangeError, message);
  }
});

Deno.test("parse() of gemma has transformers' defaults, and refuses a gelu that programs read in two ways", () => {
  const decoder = parseGolden("gemma");
  assertEquals([decoder.normPlaces, decoder.normOffset, decoder.gateActivation], [undefined, 1, "gelu_tanh"]);
  assertEquals([decoder.attentionScale, decoder.scoreCap, decoder.logitCap], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(decoder.embeddingScale, Math.fround(Math.sqrt(32)));
  const bare = parseGolden("gemma", {
    head_dim: undefined,
    hidden_act: undefined,
    tie_word_embeddings: undefined,
    num_attention_heads: 16,
    num_key_value_heads: undefined,
  });
  assertEquals([bare.headDim, bare.numKeyValueHeads, bare.tieWordEmbeddings], [256, 16, true]);
  assertEquals(parseGolden("gemma", { hidden_activation: "gelu_pytorch_tanh" }), decoder);
  assertEquals(parseGolden("gemma", { hidden_activation: null }), decoder);
  const cases: [Config, string][] = [
    [
      { hidden_act: "gelu" },
      'hidden_act is "gelu"; programs differ in what that is in a Gemma, whose weights were trained with GELU\'s tanh approximation: set it to "gelu_pytorch_tanh"',
    ],
    [{ hidden_activation: "gelu" }, 'hidden_activation is "gelu"; only gelu_pytorch_tanh is supported'],
    [{ hidden_act: "silu" }, 'hidden_act is "silu"; only gelu_pytorch_tanh is supported'],
    [{ use_bidirectional_attention: true }, "use_bidirectional_attention is true"],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => parseGolden("gemma", change), RangeError, message);
  }
});

Deno.test("parse() of olmo2 norms behind sub-layers and all of q and k, with defaults of transformers' class", () => {
  const { normPlaces, qkNorm, qkNormWhole, qkvBias, outputBias, mlpBias } = parseGolden("olmo2", {
    attention_bias: true,
  });
  assertEquals([normPlaces, qkNorm, qkNormWhole], ["after", true, true]);
  assertEquals([qkvBias, outputBias, mlpBias], [true, true, false]);
  assertEquals(parseGolden("olmo2").qkvBias, false);
  assertEquals(parseGolden("olmo2", { rms_norm_eps: undefined }).rmsNormEps, 1e-5);
  assertEquals(parseGolden("olmo2", { num_key_value_heads: undefined }).numKeyValueHeads, 4);
});

Deno.test("parse() of olmo3: PyTorch's frequencies, of layers with a window without YaRN; windows by layer, norms of OLMo 2", async () => {
  const config = parseOlmo3();
  const { inv_freq, window_inv_freq } = JSON.parse(Deno.readTextFileSync(golden("tiny/olmo3/golden.json")));
  assertFrequencies(config.inverseFrequencies, inv_freq);
  assertFrequencies(config.windowRotation?.inverseFrequencies ?? new Float64Array(), window_inv_freq);
  assertEquals([config.attentionFactor, config.windowRotation?.attentionFactor], [
    1.2079441541679836,
    undefined,
  ]);
  const { weights } = await openModel(golden("tiny/olmo3/model"));
  checkTensors(weights, tensorShapes(config), "olmo3");
  weights.close();
  assertEquals(config.slidingWindow, [4, null, 4]);
  assertEquals([config.normPlaces, config.qkNorm, config.qkNormWhole], ["after", true, true]);
});

Deno.test("parse() of olmo3 reads the spelling of transformers 4 where both versions take it alike, and its class's defaults", () => {
  const { rope_parameters } = configOf("olmo3");
  const { rope_theta, ...scaling } = (rope_parameters as Record<string, Config>).full_attention!;
  const four = { rope_parameters: undefined, rope_theta, rope_scaling: scaling };
  assertEquals(parseOlmo3(four), parseOlmo3());
  const both = { rope_theta, rope_scaling: scaling };
  assertEquals(parseOlmo3(both), parseOlmo3());
  const bare = parseOlmo3({
    rope_parameters: undefined,
    layer_types: undefined,
    sliding_window: undefined,
    num_key_value_heads: undefined,
    rms_norm_eps: undefined,
    num_hidden_layers: 5,
  });
  assertEquals(bare.slidingWindow, [4096, 4096, 4096, null, 4096]);
  assertEquals([bare.numKeyValueHeads, bare.rmsNormEps, bare.tieWordEmbeddings], [4, 1e-5, false]);
  // Olmo3Config of transformers 5.17
  assertFrequencies(bare.inverseFrequencies, [1, 5e5 ** -0.25, 5e5 ** -0.5, 5e5 ** -0.75]);
  assertEquals(bare.windowRotation?.inverseFrequencies, bare.inverseFrequencies);
  const sliding = { rope_type: "default", rope_theta: 1e4 };
  const own = parseOlmo3({ rope_parameters: { ...rope_parameters as Config, sliding_attention: sliding } });
  assertFrequencies(own.windowRotation!.inverseFrequencies, [1, 0.1, 0.01, 0.001]);
  const cases: [Config, string][] = [
    [{ ...four, rope_theta: 1e4 }, "rope_theta is 10000; of layers with a window transformers 4 takes it"],
    [{ rope_parameters: scaling, rope_theta }, "it is to have full_attention and sliding_attention"],
    [{ sliding_window: null }, "sliding_window is null; layers of type sliding_attention need it"],
    [{ hidden_act: "gelu" }, 'hidden_act is "gelu"; only silu is supported'],
  ];
  for (const [change, message] of cases) assertThrows(() => parseOlmo3(change), RangeError, message);
});

Deno.test("parse() of exaone4 rotates layers with a window alone, and all where there is none, with defaults of transformers' class", () => {
  const { rotatedLayers, normPlaces, qkNorm, qkNormWhole } = parseGolden("exaone4");
  assertEquals(rotatedLayers, [true, false, true]);
  assertEquals([normPlaces, qkNorm, qkNormWhole], ["after", true, undefined]);
  const found = (change: Config) => {
    const { slidingWindow, rotatedLayers } = parseGolden("exaone4", change);
    return [slidingWindow, rotatedLayers];
  };
  const open = { sliding_window: null, layer_types: undefined, num_hidden_layers: 2 };
  assertEquals(found(open), [[null, null], undefined]);
  assertEquals(found({ ...open, sliding_window_pattern: "LLLG" }), [[null, null], undefined]);
  const five = { layer_types: undefined, num_hidden_layers: 5 };
  assertEquals(found(five), [[4, 4, 4, null, 4], [true, true, true, false, true]]);
  assertEquals(found({ ...five, sliding_window: undefined, sliding_window_pattern: 2 }), [
    [4096, null, 4096, null, 4096],
    [true, false, true, false, true],
  ]);
  // with a window and no layer that has it, no layer is rotated
  assertEquals(found({ layer_types: Array(3).fill("full_attention") }), [
    [null, null, null],
    [false, false, false],
  ]);
  assertEquals(found({ sliding_window_pattern: "LGL" }), found({}));
  assertEquals(parseGolden("exaone4", { rms_norm_eps: undefined }).rmsNormEps, 1e-5);
  const heads = { num_attention_heads: 32, head_dim: 8, num_key_value_heads: undefined };
  assertEquals(parseGolden("exaone4", heads).numKeyValueHeads, 32);
  const cases: [Config, string][] = [
    [{ ...five, sliding_window_pattern: "LLLG" }, 'sliding_window_pattern is "LLLG"'],
    [{ sliding_window: null }, "sliding_window is null; layers of type sliding_attention need it"],
    [{ hidden_act: "gelu" }, 'hidden_act is "gelu"; only silu is supported'],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => parseGolden("exaone4", change), RangeError, message);
  }
});

Deno.test("parse() of ernie4_5 turns neighbouring elements, with defaults of transformers' class", () => {
  const { rotatesPairs, qkvBias, outputBias, mlpBias } = parseGolden("ernie45", { use_bias: true });
  assertEquals([rotatesPairs, qkvBias, outputBias, mlpBias], [true, true, true, true]);
  const names = ["head_dim", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "rope_parameters"];
  const bare = parseGolden("ernie45", Object.fromEntries(names.map((name) => [name, undefined])));
  assertEquals([bare.headDim, bare.numKeyValueHeads, bare.rmsNormEps], [128, 2, 1e-5]);
  assertEquals([bare.tieWordEmbeddings, bare.qkvBias], [true, false]);
  assertAlmostEquals(bare.inverseFrequencies[1]!, 5e5 ** (-2 / 128), 1e-15);
  assertThrows(() => parseGolden("ernie45", { hidden_act: "gelu" }), RangeError, 'hidden_act is "gelu"');
});

Deno.test("parse() of glm4 turns neighbouring elements of half of each head, with defaults of transformers' class", () => {
  const decoder = parseGolden("glm4");
  assertEquals([decoder.rotatesPairs, decoder.normPlaces, decoder.fusedProjections], [
    true,
    "both_glm4",
    "mlp",
  ]);
  assertEquals([decoder.headDim, decoder.inverseFrequencies.length], [16, 4]);
  assertEquals([decoder.qkvBias, decoder.outputBias, decoder.mlpBias], [true, false, false]);
  const names = ["head_dim", "num_key_value_heads", "rms_norm_eps", "attention_bias", "rope_parameters"];
  const bare = parseGolden("glm4", Object.fromEntries(names.map((name) => [name, undefined])));
  assertEquals([bare.headDim, bare.numKeyValueHeads, bare.rmsNormEps], [128, 2, 1.5625e-7]);
  assertEquals([bare.qkvBias, bare.inverseFrequencies.length], [true, 32]);
  assertAlmostEquals(bare.inverseFrequencies[1]!, 1e4 ** (-2 / 64), 1e-15);
  const four = { rope_parameters: undefined, rope_theta: 1e4, partial_rotary_factor: 0.25 };
  assertEquals(parseGolden("glm4", four).inverseFrequencies.length, 2);
  assertThrows(() => parseGolden("glm4", { hidden_act: "gelu" }), RangeError, 'hidden_act is "gelu"');
});

Deno.test("parse() of hunyuan_v1_dense norms behind the rotation, and widens its base by alpha up to max_position_embeddings", () => {
  const decoder = parseGolden("hunyuan");
  assertEquals([decoder.qkNorm, decoder.qkNormBehind, decoder.rotaryLimit], [true, true, 512]);
  const rope = (change: Config) =>
    parseGolden("hunyuan", {
      rope_parameters: { rope_type: "dynamic", rope_theta: 1e4, factor: 1, ...change },
    });
  // heads of 16: 10000 · 50^(16/14)
  assertAlmostEquals(rope({ alpha: 50 }).inverseFrequencies[4]!, (1e4 * 50 ** (16 / 14)) ** -0.5, 1e-15);
  for (const alpha of [undefined, null, 0]) {
    assertAlmostEquals(rope({ alpha }).inverseFrequencies[4]!, 0.01, 1e-15);
  }
  const plain = rope({ rope_type: "default", alpha: 50 });
  assertEquals([plain.inverseFrequencies[4], plain.rotaryLimit], [0.01, undefined]);
  const four = { rope_parameters: undefined, rope_theta: 1e4 };
  const old = parseGolden("hunyuan", { ...four, rope_scaling: { type: "dynamic", alpha: 50, factor: 1 } });
  assertEquals(old, decoder);
  assertEquals(parseGolden("hunyuan", { rms_norm_eps: undefined }).rmsNormEps, 1e-5);
  assertEquals(parseGolden("hunyuan", { num_key_value_heads: undefined }).numKeyValueHeads, 4);
  const { qkvBias, outputBias, mlpBias } = parseGolden("hunyuan", { attention_bias: true, mlp_bias: true });
  assertEquals([qkvBias, outputBias, mlpBias], [true, true, false]);
  assertThrows(() => rope({ alpha: -1 }), RangeError, "alpha is -1; it is to be at least 0");
  assertThrows(() => parseGolden("hunyuan", { use_cla: true }), RangeError, "use_cla is true");
});

Deno.test("parse() of phi3 fuses matrices, rotates a part of each head, and takes longrope's short factors up to the first length", () => {
  const decoder = parseGolden("phi4mini");
  assertEquals([decoder.fusedProjections, decoder.headDim, decoder.inverseFrequencies.length], [true, 32, 8]);
  // √(1 + ln(512 / 64) / ln 64) = √1.5
  assertAlmostEquals(decoder.attentionFactor ?? 1, Math.sqrt(1.5), 1e-15);
  assertEquals(decoder.rotaryLimit, 64);
  const { rope_parameters } = configOf("phi4mini"), rope = rope_parameters as Config;
  const five = (change: Config) => parseGolden("phi4mini", { rope_parameters: { ...rope, ...change } });
  assertEquals(five({ long_factor: rope.short_factor }).rotaryLimit, undefined);
  assertEquals(five({ factor: 1 }).attentionFactor, undefined);
  assertEquals(five({ attention_factor: 2 }).attentionFactor, 2);
  // transformers' class reads names of early files, and has 4096 where the first length isn't said; the model's own wins over the scaling's
  for (const rope_type of ["su", "yarn"]) assertEquals(five({ rope_type }), decoder);
  assertEquals(five({ original_max_position_embeddings: 32 }), decoder);
  assertEquals(parseGolden("phi4mini", { original_max_position_embeddings: undefined }).rotaryLimit, 4096);
  const plain = { rope_parameters: undefined, rope_theta: 10000 };
  assertEquals(
    parseGolden("phi4mini", { ...plain, partial_rotary_factor: 0.75 }).inverseFrequencies.length,
    12,
  );
  assertEquals(parseGolden("phi4mini", plain).inverseFrequencies.length, 16);
  assertEquals(parseGolden("phi3", { sliding_window: undefined }).slidingWindow, [null, null]);
  assertEquals(parseGolden("phi3", { num_key_value_heads: undefined }).numKeyValueHeads, 4);
  assertEquals(parseGolden("phi3", { rms_norm_eps: undefined }).rmsNormEps, 1e-5);
  const cases: [Config, string][] = [
    [{ resid_pdrop: 0.1 }, "resid_pdrop is 0.1; only 0 is supported"],
    [{ embd_pdrop: 0.1 }, "embd_pdrop is 0.1; only 0 is supported"],
    [
      { rope_parameters: { rope_type: "linear", factor: 2 } },
      'rope_parameters.rope_type is "linear"; a phi3 model has default or longrope',
    ],
    [
      { ...plain, partial_rotary_factor: 0.1 },
      "partial_rotary_factor is 0.1; of heads of 32 it is to be an even number of elements, 2 to all",
    ],
    [
      { ...plain, partial_rotary_factor: 1.5 },
      "partial_rotary_factor is 1.5; of heads of 32 it is to be an even number of elements, 2 to all",
    ],
    [
      { partial_rotary_factor: 0.75 },
      "partial_rotary_factor is 0.75; two spellings of one setting, of which the other is 0.5",
    ],
  ];
  for (const [change, message] of cases) {
    assertThrows(() => parseGolden("phi4mini", change), RangeError, message);
  }
});
