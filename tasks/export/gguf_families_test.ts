import { assertEquals, assertThrows } from "@std/assert";

import { decoderIn, readJson, TINY } from "../../tests/helpers/tiny_model.ts";
import exaone4 from "../../plugins/models/exaone4.ts";
import gemma2 from "../../plugins/models/gemma2.ts";
import gemma3 from "../../plugins/models/gemma3.ts";
import olmo3 from "../../plugins/models/olmo3.ts";
import { Registry } from "../../plugins/registry.ts";
import { checkArchitecture } from "./gguf.ts";
import { ropeKeys } from "./gguf_rope.ts";

/** The golden's decoder with other fields, whose windows llama.cpp can have. */
function decoder(change: Record<string, unknown>) {
  const config = {
    ...readJson(`${TINY}gemma3/model/config.json`),
    layer_types: undefined,
    sliding_window_pattern: 6,
    ...change,
  };
  return new Registry([gemma3]).create("model", "gemma3_text").parse(config);
}

// src/models/gemma3.cpp of llama.cpp: f_attention_scale is 1/√(n_embd/n_head) of 62 layers ("27B"), else 1/√n_embd_head_k
Deno.test("a Gemma 3 is written as GGUF if its scores have the scale that llama.cpp gives a model of its layers", () => {
  const { headDim, hiddenSize, numHeads } = decoderIn(`${TINY}gemma3/model`), share = hiddenSize / numHeads;
  assertEquals(headDim === share, false);
  const of = (num_hidden_layers: number, query_pre_attn_scalar: number) =>
    checkArchitecture(decoder({ num_hidden_layers, query_pre_attn_scalar }));
  assertEquals(of(7, headDim), "gemma3");
  assertEquals(of(62, share), "gemma3");
  for (const [layers, scalar, right] of [[7, share, headDim], [62, headDim, share]] as const) {
    assertThrows(() => of(layers, scalar), RangeError, `(query_pre_attn_scalar) other than ${right}`);
  }
  const capped = decoder({
    num_hidden_layers: 7,
    query_pre_attn_scalar: headDim,
    final_logit_softcapping: 30,
  });
  assertThrows(
    () => checkArchitecture(capped),
    RangeError,
    "logits that are capped (final_logit_softcapping)",
  );
});

Deno.test("a Gemma 2 is written as GGUF if its windows, caps and scale of scores are those that llama.cpp gives it", () => {
  const { headDim, hiddenSize, numHeads } = decoderIn(`${TINY}gemma2/model`), share = hiddenSize / numHeads;
  const right = { query_pre_attn_scalar: headDim };
  const of = (change: Record<string, unknown>) => {
    const config = { ...readJson(`${TINY}gemma2/model/config.json`), ...right, ...change };
    return checkArchitecture(new Registry([gemma2]).create("model", "gemma2").parse(config));
  };
  assertEquals(of({}), "gemma2");
  assertEquals(of({ num_hidden_layers: 46, layer_types: null, query_pre_attn_scalar: share }), "gemma2");
  const full = Array(3).fill("full_attention");
  const cases: [Record<string, unknown>, string][] = [
    [{ query_pre_attn_scalar: share }, `(query_pre_attn_scalar) other than ${headDim}`],
    [{ layer_types: full }, "choice of layers with a window (all but every 2nd have the same)"],
    [{ layer_types: Array(3).fill("sliding_attention") }, "choice of layers with a window"],
    [{ attn_logit_softcapping: null }, "scores or logits that aren't capped"],
    [{ final_logit_softcapping: null }, "scores or logits that aren't capped"],
    [{ attention_bias: true }, "biases"],
  ];
  for (const [change, message] of cases) assertThrows(() => of(change), RangeError, message);
});

// Seen in llama.cpp by node-llama-cpp 3.22.1: "wrong number of tensors" of the first two with a head of its own, "missing tensor 'output.weight'" of olmo2 without.
Deno.test("a model whose output head is the embedding, or isn't, is written as GGUF where llama.cpp loads that", () => {
  for (const [family, tied] of [["gemma", true], ["gemma2", true], ["olmo2", false]] as const) {
    const decoder = { ...decoderIn(`${TINY}${family}/model`), tieWordEmbeddings: tied };
    if (family === "gemma2") decoder.attentionScale = 1 / Math.sqrt(decoder.headDim);
    assertEquals(checkArchitecture(decoder), family);
    assertThrows(
      () => checkArchitecture({ ...decoder, tieWordEmbeddings: !tied }),
      RangeError,
      `architecture ${family} has no output head ${
        tied ? "beside" : "that is"
      } the embedding (tie_word_embeddings: ${!tied})`,
    );
  }
  for (const family of ["llama", "gemma3"]) {
    const decoder = { ...decoderIn(`${TINY}${family}/model`), slidingWindow: [null, null, null] };
    decoder.attentionScale = 1 / Math.sqrt(decoder.headDim);
    for (const tieWordEmbeddings of [true, false]) checkArchitecture({ ...decoder, tieWordEmbeddings });
  }
});

Deno.test("an OLMo 3 or EXAONE 4 is written as GGUF if its windows and rotations are those that llama.cpp has in its code", () => {
  const of = (family: "olmo3" | "exaone4", change: Record<string, unknown>) => {
    const config = { ...readJson(`${TINY}${family}/model/config.json`), ...change };
    const decoder = new Registry([olmo3, exaone4]).create("model", family).parse(config);
    const architecture = checkArchitecture(decoder);
    ropeKeys(config, decoder, architecture);
    return architecture;
  };
  const types = (...slides: number[]) =>
    slides.map((one) => one === 1 ? "sliding_attention" : "full_attention");
  const three = { layer_types: types(1, 1, 1) }, five = { num_hidden_layers: 5, layer_types: null };
  const open = { layer_types: types(0, 0, 0), sliding_window: null }, many = { num_hidden_layers: 64 };
  assertEquals(of("olmo3", three), "olmo2");
  assertEquals(of("olmo3", five), "olmo2");
  assertEquals(of("exaone4", open), "exaone4");
  assertEquals(of("exaone4", { ...many, layer_types: null }), "exaone4");
  const rope = readJson(`${TINY}olmo3/model/config.json`).rope_parameters;
  const choice = "choice of layers with a window (all but every 4th have the same)";
  const cases: ["olmo3" | "exaone4", Record<string, unknown>, string][] = [
    ["olmo3", {}, choice],
    ["olmo3", { layer_types: types(0, 0, 0) }, choice],
    ["olmo3", { ...three, tie_word_embeddings: true }, "output head that is the embedding"],
    ["olmo3", { ...three, attention_bias: true }, "biases"],
    ["olmo3", { ...three, head_dim: 16 }, "head_dim of its own"],
    ["olmo3", {
      ...three,
      rope_parameters: { ...rope, sliding_attention: { rope_type: "default", rope_theta: 1e4 } },
    }, "rotation of layers with a window other than that of base 500000"],
    ["exaone4", {}, "sliding window in a model of other than 64 layers"],
    ["exaone4", { ...many, layer_types: null, sliding_window_pattern: 2 }, choice],
    ["exaone4", { ...many, layer_types: Array(64).fill("full_attention"), sliding_window: null }, choice],
  ];
  for (const [family, change, message] of cases) {
    assertThrows(() => of(family, change), RangeError, message);
  }
});

Deno.test("a Hunyuan or ERNIE 4.5 with biases isn't written as GGUF; Hunyuan's base is written with its alpha", () => {
  for (const family of ["hunyuan", "ernie45"]) {
    const decoder = decoderIn(`${TINY}${family}/model`);
    assertThrows(() => checkArchitecture({ ...decoder, qkvBias: true }), RangeError, "has no biases");
    assertThrows(
      () => checkArchitecture({ ...decoder, mlpBias: true }),
      RangeError,
      "has no biases in its MLP",
    );
  }
  const config = readJson(`${TINY}hunyuan/model/config.json`), decoder = decoderIn(`${TINY}hunyuan/model`);
  // as llama.cpp's converter has it: heads of 16, alpha 50
  const { keys, divisors } = ropeKeys(config, decoder, "hunyuan-dense");
  assertEquals(keys.map(([key]) => key), ["hunyuan-dense.rope.freq_base"]);
  assertEquals(divisors.size, 0);
  const { rope_theta, ...scaling } = config.rope_parameters;
  const four = { ...config, rope_parameters: undefined, rope_theta, rope_scaling: scaling };
  assertEquals(ropeKeys(four, decoder, "hunyuan-dense").keys, keys);
  const base = Number(keys[0]?.[1].value);
  assertEquals(Math.abs(base / (1e4 * 50 ** (16 / 14)) - 1) < 1e-12, true);
});
