/** The first layer whose values aren't finite, for the message of a run that stops. */
import { assertEquals } from "@std/assert";
import { onnxBackend } from "../mod.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./packs/pack.ts";
import { idsExample, tinyModel } from "../../tests/helpers/tiny_model.ts";

const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]] })]);

for (const body of ["blocks", "stack"] as const) {
  for (
    const [what, tensor, element, expected] of [
      ["a weight of the second block", "model.layers.1.mlp.up_proj.weight", 7, {
        layer: "model.layers.1",
        row: 0,
      }],
      // Token 27 stands in row 2; a tiny model's rows of the table have 32 or more elements.
      ["a row of the embedding", "model.embed_tokens.weight", null, { layer: "model.embed_tokens", row: 2 }],
      ["nothing", null, null, null],
    ] as const
  ) {
    Deno.test(`Engine.findNonFinite() names the layer and row of ${what} (${body})`, async () => {
      const { config, weights } = tinyModel("qwen2");
      const read = (name: string) => {
        const values = weights[name]!.slice();
        if (name === tensor) values[element ?? 27 * config.hiddenSize] = NaN;
        return values;
      };
      const options = { config, tuning: { type: "none" }, checkpointing: true, body } as const;
      const engine = new Engine(onnxBackend(), options, read);
      const logps = await engine.forward(PACK, { adapter: true, keep: false });
      assertEquals(logps.some(Number.isNaN), tensor !== null);
      assertEquals(await engine.findNonFinite(PACK), expected);
      await engine.dispose();
    });
  }
}
