import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";

import { openModel } from "../../formats/hf_model/mod.ts";
import { builtinRegistry } from "../builtins.ts";
import { decoderOf } from "./decoder_of.ts";
import { definePlugin } from "./plugin.ts";

const MODEL = new URL("../../fixtures/constraints/model", import.meta.url).pathname;

Deno.test("a family of one's own whose decoder has other tensors than the model is told, with its file, before anything is read", async () => {
  const model = await openModel(MODEL);
  try {
    const parsed = (change: object, { weights } = model) => {
      const opened = { ...model, weights, config: { ...model.config, model_type: "mine" } };
      const registry = builtinRegistry();
      registry.define(
        definePlugin({
          kind: "model",
          name: "mine",
          version: "1",
          description: "Qwen2 with a change",
          options: z.strictObject({}),
          create: (_, { registry }) => ({
            modelType: "mine",
            parse: (config, file) => ({
              ...registry.create("model", "qwen2").parse({ ...config, model_type: "qwen2" }, file),
              ...change,
            }),
          }),
        }),
        "my.ts",
      );
      return decoderOf(registry, opened);
    };
    assertEquals(parsed({}).numLayers, decoderOf(builtinRegistry(), model).numLayers);
    // the shape that the file has, and what a config.json of 9 tokens would ask for
    const { message } = assertThrows(() => parsed({ vocabSize: 9 }), TypeError);
    assertStringIncludes(
      message,
      `model/mine of my.ts: Cannot use the weights of ${MODEL}: tensor "model.embed_tokens.weight"`,
    );
    assertStringIncludes(
      message,
      "asks for [9, 128]. Config and weights aren't of one model; which tensors are needed is what its parse()",
    );
    assertThrows(
      () => parsed({ qkvBias: false }),
      RangeError,
      "model/mine of my.ts: Cannot use the weights of",
    );
    // opened without weights, as train_from_scratch does
    const weightless = await openModel(MODEL, { weightless: true });
    assertEquals(parsed({ vocabSize: 9 }, weightless).vocabSize, 9);
  } finally {
    model.weights.close();
  }
});
