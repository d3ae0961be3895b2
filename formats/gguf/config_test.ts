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
  for (const type of ["yarn", "longrope"]) {
    const keys = { "X.rope.scaling.type": text(type), "X.rope.scaling.factor": f32(4) };
    assertThrows(() => configWith(keys), RangeError, `rotary scaling "${type}" isn't supported`);
  }
  const both = () => configWith({ "X.rope.scaling.factor": f32(4) }, { divisors: Float32Array.of(1, 2) });
  assertThrows(both, RangeError, 'rotary scaling "linear" beside rope_freqs.weight');
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
    ["rope.scaling.attn_factor", f32(1.2), f32(1)],
    ["rope.scaling.yarn_attn_factor", f32(1.2), f32(1)],
    ["rope.dimension_count", u32(2), u32(4)],
    ["rope.dimension_sections", { type: "i32s", value: [1, 1, 0, 0] }, { type: "i32s", value: [0, 0, 0, 0] }],
  ];
  for (const architecture of ["llama", "qwen2", "qwen3", "mistral"]) {
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
