/** Untrained weights beside transformers' `_init_weights` (fixtures/goldens/models/make_fresh.py). */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";

import { valueOf } from "../../../formats/elements.ts";
import { models } from "../../../plugins/models/mod.ts";
import { Registry } from "../../../plugins/registry.ts";
import { readJson } from "../../../tests/helpers/tiny_model.ts";
import { tensorShapes } from "../decoder/decoder.ts";
import { freshWeights } from "./fresh_weights.ts";

const golden = readJson(new URL("../../../fixtures/goldens/models/fresh.json", import.meta.url).pathname);

for (
  const [arch, { config, tensors }] of Object.entries<{ config: { model_type: string }; tensors: never }>(
    golden.models,
  )
) {
  Deno.test(`freshWeights() draws what transformers draws, and ones and zeros where it has them (${arch})`, () => {
    const decoder = new Registry(models).create("model", config.model_type).parse(config);
    const shapes = tensorShapes(decoder);
    const start = { seed: 3, deviation: 0.05, paddingRow: 7 }, weights = freshWeights(start, decoder);
    assertEquals(weights.names().sort(), Object.keys(tensors).sort());
    let count = 0, squares = 0, sum = 0;
    for (const [name, expected] of Object.entries<number | { zero_rows: number[] }>(tensors)) {
      const values = weights.read(name), shape = valueOf(shapes, name);
      assertEquals([weights.shape(name), values.length], [[...shape], shape.reduce((a, b) => a * b, 1)]);
      if (typeof expected === "number") {
        assert(values.every((value) => value === expected), name);
        continue;
      }
      const [rows, columns] = shape as [number, number];
      const zero = Array.from({ length: rows }, (_, row) => row).filter((row) =>
        values.subarray(row * columns, (row + 1) * columns).every((value) => value === 0)
      );
      assertEquals(zero, expected.zero_rows, name);
      count += values.length - zero.length * columns;
      for (const value of values) {
        sum += value;
        squares += value ** 2;
      }
      assertEquals(weights.rows(name, [1, 0]).subarray(0, columns), values.subarray(columns, 2 * columns));
    }
    // Of n numbers a mean errs by σ/√n and a deviation by σ/√(2n); five times that is allowed.
    assertAlmostEquals(sum / count, 0, 5 * 0.05 / Math.sqrt(count));
    assertAlmostEquals(Math.sqrt(squares / count), 0.05, 5 * 0.05 / Math.sqrt(2 * count));
  });
}

Deno.test("freshWeights() are decided by seed and name alone", () => {
  const { config } = golden.models.qwen2,
    decoder = new Registry(models).create("model", "qwen2").parse(config);
  const of = (seed: number) => freshWeights({ seed, deviation: 0.02, paddingRow: null }, decoder);
  const [one, two] = ["self_attn.q_proj", "self_attn.o_proj"].map((name) => `model.layers.0.${name}.weight`);
  assertEquals(of(1).read(one!), of(1).read(one!));
  assertEquals([of(1).hash(), of(1).read("lm_head.weight")], [
    of(1).hash(),
    of(1).read("model.embed_tokens.weight"),
  ]);
  assertNotEquals(of(1).read(one!), of(2).read(one!));
  assertNotEquals(of(1).read(one!), of(1).read(two!));
  assertNotEquals(of(1).hash(), of(2).hash());
});
