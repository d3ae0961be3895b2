import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { openModel, type WeightSource } from "../../formats/hf_model/mod.ts";
import { testWebGpu } from "../../kernels/testing/backends.ts";
import { webgpuBackend } from "../../kernels/mod.ts";
import { openLibrary } from "../../kernels/backends/onnx/c_api/mod.ts";
import { nativeLibrary } from "../../kernels/native/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { quantisedModel } from "../../tests/helpers/quantised_model.ts";
import type { TrainConfig } from "./config/mod.ts";
import { weightStorage } from "./weight_storage.ts";

const golden = (name: string) => new URL(`../../fixtures/goldens/tiny/${name}`, import.meta.url).pathname;
const found = await testWebGpu();
let title = found.name, ignore = found.ignore;
if (!ignore) {
  const { half, dispose } = await webgpuBackend();
  await dispose();
  if (half.storage === "none") [title, ignore] = [`webgpu: ${half.why}`, true];
}

function configOf(settings: Partial<TrainConfig>): TrainConfig {
  const device = { backend: "onnx", provider: "cpu", threads: null, fp16: false };
  return { ...device, finetuning_type: "lora", quantization_bit: null, ...settings } as TrainConfig;
}

/** @param wide Matrices that the file has in float32 where its others are bfloat16 */
async function storage(model: string, settings: Partial<TrainConfig>, wide: readonly string[] = []) {
  const opened = await openModel(golden(model)), own = opened.weights;
  const { weights: float32 } = await openModel(golden("qwen2/model"));
  const pieces = (name: string) => (wide.includes(name) ? float32 : own).pieces(name);
  const weights: WeightSource = Object.assign(Object.create(own), { pieces });
  try {
    return await weightStorage(configOf(settings), weights, decoderOf(builtinRegistry(), opened));
  } finally {
    own.close();
    float32.close();
  }
}

const native = openLibrary().reason ?? nativeLibrary().reason;
Deno.test({
  name: `weightStorage() is the file's 16 bits where the CPU has operators of our own${
    native === null ? "" : `: ${native}`
  }`,
  ignore: native !== null,
  async fn() {
    const kept = {
      bytes: 2,
      float32: new Map(),
      text: "bfloat16, as the file has them; products take them as float32",
    };
    assertEquals(await storage("qwen2/model-bf16", { fp16: true }), kept);
    assertEquals(await storage("qwen2/model", {}), { bytes: 4, text: "float32" });
    assertEquals(await storage("qwen2/model-bf16", { quantization_bit: 8 }), {
      bytes: (2 * EMBEDDED + 36 / 32 * IN_MODULES) / (EMBEDDED + IN_MODULES),
      float32: new Map(),
      text: "8 bits at most in the layers' modules, bfloat16 elsewhere",
    });
    assertEquals(await storage("qwen2/model-bf16", { pissa_init: true }), {
      bytes: 2,
      float32: new Map(),
      wideRest: true,
      text:
        "bfloat16, as the file has them, and float32 in modules that PiSSA begins from; products take them as float32",
    });
    assertEquals(await storage("qwen2/model-bf16", { pissa_init: true, finetuning_type: "freeze" }), {
      bytes: 2,
      float32: new Map(),
      text: "bfloat16, as the file has them; products take them as float32",
    });
    assertEquals((await storage("qwen2/model-bf16", { finetuning_type: "full" })).bytes, 4);
  },
});

// Of a model with 2 layers of 7 matrices each and an embedding; hidden_size 32, intermediate_size 64: 128 × 32 numbers, and in a layer
// 2 · 32 × 32, 2 · 16 × 32 and 3 · 64 × 32.
const EMBEDDED = 4096, IN_MODULES = 2 * (2048 + 1024 + 6144);
const Q = "model.layers.0.self_attn.q_proj.weight", DOWN = "model.layers.1.mlp.down_proj.weight";
const EMBEDDING = "model.embed_tokens.weight";
Deno.test({
  name: `weightStorage() judges each matrix of a file that mixes number types${
    native === null ? "" : `: ${native}`
  }`,
  ignore: native !== null,
  async fn() {
    assertEquals(await storage("qwen2/model-bf16", {}, [DOWN, Q]), {
      bytes: 2,
      float32: new Map([[Q, 32 * 32], [DOWN, 32 * 64]]),
      text:
        `bfloat16, as the file has them, but float32 in 2 of 15 matrices (${Q}, …); products take them as float32`,
    });
    assertEquals(await storage("qwen2/model-bf16", { quantization_bit: 4 }, [Q]), {
      bytes: (2 * EMBEDDED + 20 / 32 * IN_MODULES) / (EMBEDDED + IN_MODULES),
      float32: new Map(),
      fewBits: true,
      text: "4 bits at most in the layers' modules, bfloat16 elsewhere",
    });
    assertEquals(await storage("qwen2/model-bf16", { quantization_bit: 4 }, [EMBEDDING]), {
      bytes: 20 / 32,
      float32: new Map([[EMBEDDING, EMBEDDED]]),
      fewBits: true,
      text: "4 bits at most in the layers' modules, float32 elsewhere",
    });
    // What is trained beside adapters is float32, as its frozen copy is.
    assertEquals(
      await storage("qwen2/model-bf16", { quantization_bit: 4, additional_target: ["embed_tokens"] }),
      {
        bytes: 20 / 32,
        float32: new Map([[EMBEDDING, EMBEDDED]]),
        fewBits: true,
        text: "4 bits at most in the layers' modules, float32 elsewhere",
      },
    );
  },
});

Deno.test({
  name: `weightStorage() is the file's blocks where the CPU has operators of our own${
    native === null ? "" : `: ${native}`
  }`,
  ignore: native !== null,
  async fn() {
    const { weights, config } = await quantisedModel(), loaded: string[] = [];
    const watched: WeightSource = {
      ...weights,
      pieces(name) {
        const { blocks, ...found } = weights.pieces(name);
        if (!blocks) return found;
        const pieces = () => {
          loaded.push(name);
          return blocks.pieces();
        };
        return { ...found, blocks: { ...blocks, pieces } };
      },
    };
    const storage = (settings: Partial<TrainConfig>) => weightStorage(configOf(settings), watched, config);
    const float32 = new Map(), bytes = (EMBEDDED * 34 + IN_MODULES * 18) / 32 / (EMBEDDED + IN_MODULES);
    const text = "Q8_0 and Q4_0, as the file has them; products take them as float32";
    try {
      for (const quantization_bit of [null, 4, 8] as const) {
        assertEquals(await storage({ quantization_bit }), { bytes, float32, text, fewBits: true });
      }
      assertEquals(await storage({ backend: "reference" }), { bytes: 4, text: "float32" });
      // One matrix is loaded to see it, the smallest: an embedding may have a billion bytes.
      assertEquals([...new Set(loaded)], ["model.layers.0.self_attn.k_proj.weight"]);
    } finally {
      weights.close();
    }
  },
});

Deno.test({
  name: `weightStorage() counts K-quants, and what quantization_bit rounds of them, each matrix by itself${
    native === null ? "" : `: ${native}`
  }`,
  ignore: native !== null,
  async fn() {
    const { weights, config } = await quantisedModel("k");
    const storage = (quantization_bit: 4 | 8 | null) =>
      weightStorage(configOf({ quantization_bit }), weights, config);
    // In a layer 2 · 32 × 32, 2 · 16 × 32 and 256 × 32 of Q5_0, 256 × 32 of Q5_1, and 32 × 256 of Q6_K or Q4_K.
    const fives = 2 * (2048 + 1024 + 8192),
      wide = 8192,
      all = EMBEDDED + fives + 4 * wide,
      float32 = new Map();
    const embedding = EMBEDDED * 34 / 32, ofK = wide * (210 + 144) / 256;
    const kept = "Q8_0, Q5_0, Q5_1, Q6_K and Q4_K, as the file has them; products take them as float32";
    try {
      const own = {
        bytes: (embedding + fives * 22 / 32 + 2 * wide * 24 / 32 + ofK) / all,
        float32,
        text: kept,
      };
      for (const bits of [null, 8] as const) assertEquals(await storage(bits), { ...own, fewBits: true });
      // Q4_K has few enough bits.
      const rounded = (fives + 3 * wide) * 20 / 32 + wide * 144 / 256;
      assertEquals(await storage(4), {
        bytes: (embedding + rounded) / all,
        float32,
        fewBits: true,
        text: "4 bits at most in the layers' modules, Q8_0 elsewhere",
      });
    } finally {
      weights.close();
    }
  },
});

Deno.test("weightStorage() is float32 on other backends, and for all that is trained", async () => {
  assertEquals(await storage("qwen2/model", { fp16: true }), { bytes: 4, text: "float32" });
  assertEquals(await storage("qwen2/model-bf16", { backend: "reference" }), { bytes: 4, text: "float32" });
  const cuda = { provider: "cuda", bf16: true } as const;
  assertEquals(await storage("qwen2/model", cuda), { bytes: 2, text: "bfloat16, as bf16: true says" });
  assertEquals(await storage("qwen2/model", { provider: "cuda", fp16: true }), {
    bytes: 2,
    text: "float16, as fp16: true says",
  });
  assertEquals(await storage("qwen2/model", { provider: "cuda" }), { bytes: 4, text: "float32" });
  const full = await storage("qwen2/model-bf16", { backend: "webgpu", finetuning_type: "full" });
  assertEquals(full, { bytes: 4, text: "float32, as all are trained" });
  // Codes, and a scale and a minimum for every 32 of them.
  const packed = await storage("qwen2/model", { backend: "reference", quantization_bit: 4 });
  assertEquals(packed, {
    bytes: 16 / 32 + 8 / 32,
    float32: new Map([[EMBEDDING, EMBEDDED]]),
    fewBits: true,
    text: "4 bits at most in the layers' modules, float32 elsewhere",
  });
});

Deno.test({
  name: `weightStorage() is float16 for a bfloat16 file, and for a float32 file only when asked (${title})`,
  ignore,
  fn: async () => {
    const webgpu = { backend: "webgpu" } as const;
    const { shaders, ...held } = await storage("qwen2/model-bf16", webgpu);
    assertEquals(held, { bytes: 2, float32: new Map(), text: "float16, which holds the file's values" });
    assert(shaders !== undefined);
    assertMatch(shaders, /^(subgroups of \d+ or more|no subgroup functions \(.+\))$/);
    const rest = await storage("qwen2/model-bf16", { ...webgpu, pissa_init: true });
    assertEquals(rest, {
      bytes: 2,
      float32: new Map(),
      wideRest: true,
      text: "float16, which holds the file's values, and float32 in modules that PiSSA begins from",
      shaders,
    });
    const rounded = await storage("qwen2/model-bf16", { ...webgpu, pissa_init: true, fp16: true });
    assertEquals(rounded, { bytes: 2, float32: new Map(), text: "float16, as fp16: true says", shaders });
    const mixed = await storage("qwen2/model-bf16", webgpu, [Q]);
    assertEquals(mixed, {
      bytes: 2,
      float32: new Map([[Q, 32 * 32]]),
      text: `float16, which holds the file's values, but float32 in 1 of 15 matrices (${Q})`,
      shaders,
    });
    const plain = await storage("qwen2/model", webgpu);
    assertEquals(plain.bytes, 4);
    assertStringIncludes(plain.text, "as float16 would round them");
    assertEquals(await storage("qwen2/model", { ...webgpu, fp16: true }), {
      bytes: 2,
      float32: new Map(),
      text: "float16, as fp16: true says",
      shaders,
    });
  },
});
