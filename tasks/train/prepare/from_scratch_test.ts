import { assertEquals, assertThrows } from "@std/assert";

import { freshStart } from "./from_scratch.ts";

const paddingRow = (config: Record<string, unknown>, vocabSize = 200_000) =>
  freshStart({ config, configFile: "config.json" }, { vocabSize }, { train_from_scratch: true })!.paddingRow;

Deno.test("the embedding's row of padding is config.json's, and where that has none the one of transformers' class", () => {
  // transformers 4.57.6 and 5.17.0: Gemma3TextConfig().pad_token_id and so on
  const byDefault = {
    gemma: 0,
    gemma2: 0,
    gemma3_text: 0,
    ernie4_5: 0,
    hunyuan_v1_dense: 0,
    olmo2: 1,
    olmo3: 1,
    phi3: 32000,
    smollm3: 128004,
    llama: null,
    qwen2: null,
  };
  for (const [model_type, token] of Object.entries(byDefault)) {
    assertEquals(paddingRow({ model_type }), token, model_type);
    assertEquals(paddingRow({ model_type, pad_token_id: 7 }), 7, model_type);
    assertEquals(paddingRow({ model_type, pad_token_id: null }), null, model_type);
  }
  assertEquals(paddingRow({ model_type: "llama", pad_token_id: -1 }, 32), 31);
  assertThrows(
    () => paddingRow({ model_type: "smollm3" }, 384),
    RangeError,
    "below vocab_size, 384 (128004 where it isn't written, null for none)",
  );
});
