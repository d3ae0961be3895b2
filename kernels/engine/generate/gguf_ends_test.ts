/** Where answers of GGUF files end: at their keys, and at the texts that llama.cpp knows. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { GgufFile, type GgufTyped, writeGguf } from "../../../formats/gguf/mod.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { openGenerator } from "./open.ts";
import { endIdsOf } from "./options.ts";

const LLAMA3 = new URL("../../../fixtures/goldens/gguf/llama3.gguf", import.meta.url).pathname;
const PROMPT = [3, 14, 15, 92, 65, 35];

/** The tiny model, whose eos is 2, with these texts in its vocabulary. */
function withTexts(texts: Readonly<Record<number, string>>): string {
  const path = join(temporaryFolder(), "model.gguf"), { vocabSize } = tinyModel("llama3").config;
  using file = new GgufFile(LLAMA3);
  const metadata = new Map<string, GgufTyped>();
  for (const [key, value] of file.metadata) {
    if (typeof value === "string") metadata.set(key, { type: "string", value });
    if (typeof value === "number") {
      metadata.set(key, { type: Number.isInteger(value) ? "u32" : "f32", value });
    }
  }
  metadata.set("tokenizer.ggml.eos_token_id", { type: "u32", value: 2 });
  const value = Array.from({ length: vocabSize }, (_, id) => texts[id] ?? `plain ${id}`);
  metadata.set("tokenizer.ggml.tokens", { type: "strings", value });
  const tensors = [...file.tensors.keys()].map((name) => {
    const { shape } = file.info(name), values = file.readFloat32(name);
    return { name, shape, encoding: "F32" as const, data: () => values };
  });
  writeGguf(path, metadata, tensors);
  return path;
}

async function endsOf(path: string): Promise<number[]> {
  const model = await openModel(path);
  try {
    return endIdsOf(model, tinyModel("llama3").config, null);
  } finally {
    model.weights.close();
  }
}

async function answerOf(path: string) {
  const { generator } = await openGenerator({
    model: path,
    decoder: tinyModel("llama3").config,
    device: { backend: "reference", provider: "cpu", threads: 1 },
    text: false,
  });
  try {
    const [answer] = await generator.generateAll(PROMPT, { max_tokens: 6, temperature: 0 });
    return { ids: answer!.ids, finish: answer!.finish };
  } finally {
    await generator.close();
  }
}

Deno.test("answers of a GGUF file end at <|eot_id|> where its eos is <|end_of_text|>", async () => {
  const plain = withTexts({ 2: "<|end_of_text|>" });
  assertEquals(await endsOf(plain), [2]);
  const { ids, finish } = await answerOf(plain);
  assertEquals({ count: ids.length, finish }, { count: 6, finish: "length" });

  const at = ids.findLastIndex((id, i) => i > 0 && ids.indexOf(id) === i), end = ids[at]!;
  assert(at > 0 && at < 6 && end > 2, "a token that comes first behind another");
  const chat = withTexts({ 2: "<|end_of_text|>", [end]: "<|eot_id|>" });
  assertEquals(await endsOf(chat), [2, end]);
  const ended = await answerOf(chat);
  assertEquals(ended.finish, "stop");
  assertEquals(ended.ids.filter((id) => id !== end), ids.slice(0, at));
});
