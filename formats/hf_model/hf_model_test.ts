/** Models are read the same from one file, shards and GGUF. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { openModel } from "./mod.ts";
import { SMOLLM2 } from "../../tests/helpers/shared_data.ts";
import { assertSameWeights, goldenModel } from "./_golden_models.ts";

Deno.test("openModel() reads one file and shards alike", async () => {
  const whole = await openModel(goldenModel("tiny/qwen2/model"));
  const sharded = await openModel(goldenModel("tiny/qwen2/model-sharded"));
  assertEquals(whole.format, "safetensors");
  assertEquals(whole.config.model_type, "qwen2");
  assertEquals(whole.generationConfig.eos_token_id, 2);
  assertSameWeights(whole, sharded);
  assertEquals(whole.weights.shape("model.layers.7.mlp.up_proj.weight"), null);
  assertThrows(() => whole.weights.read("model.norm.wait"), RangeError, 'did you mean "model.norm.weight"?');
  assertEquals(whole.weights.hash().length, 64);
  assertNotEquals(whole.weights.hash(), sharded.weights.hash());
  whole.weights.close();
  sharded.weights.close();
});

Deno.test("openModel() gives a tied output the embedding's values and keeps it out of names()", async () => {
  for (const path of ["tiny/qwen2/model", "gguf/qwen2.gguf"]) {
    const { weights, config } = await openModel(goldenModel(path));
    assertEquals(config.tie_word_embeddings, true);
    assert(!weights.names().includes("lm_head.weight"));
    assertEquals(weights.shape("lm_head.weight"), [128, 32]);
    assertEquals(weights.read("lm_head.weight"), weights.read("model.embed_tokens.weight"));
    weights.close();
  }
  const { weights } = await openModel(goldenModel("tiny/qwen3/model"));
  assert(weights.names().includes("lm_head.weight"));
  assertNotEquals(weights.read("lm_head.weight"), weights.read("model.embed_tokens.weight"));
  weights.close();
});

for (const name of ["llama3", "qwen2", "qwen3"]) {
  Deno.test(`openModel() of ${name}.gguf equals the directory it was made from`, async () => {
    const gguf = await openModel(goldenModel(`gguf/${name}.gguf`));
    const directory = await openModel(goldenModel(`tiny/${name}/model`));
    assertEquals(gguf.format, "gguf");
    assertSameWeights(gguf, directory);
    gguf.weights.close();
    directory.weights.close();
  });
}

Deno.test({
  name:
    "openModel() of SmolLM2's GGUF equals what transformers loads, bit for bit (ignored without DINOTUNE_SMOLLM2_GGUF)",
  ignore: !SMOLLM2,
  async fn() {
    const expected = JSON.parse(Deno.readTextFileSync(goldenModel("gguf/smollm2_sha256.json")));
    const { weights, config } = await openModel(SMOLLM2);
    assertEquals(weights.names().sort(), Object.keys(expected.tensors));
    for (const name of weights.names()) {
      const digest = createHash("sha256").update(new Uint8Array(weights.read(name).buffer)).digest("hex");
      assertEquals(digest.slice(0, 16), expected.tensors[name], name);
    }
    weights.close();
    const { architectures: _, ...fields } = config;
    for (const [key, value] of Object.entries(fields)) assertEquals(value, expected.config[key], key);
  },
});
