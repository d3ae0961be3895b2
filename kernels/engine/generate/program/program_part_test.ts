/**
 * Heads that are rotated in part and as wide as real models': GroupQueryAttention turns them itself there, where those of the goldens are too narrow for that, so
 * that another operator does.
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { onnxBackend } from "../../../mod.ts";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { GenerationEngine } from "../blocks/engine.ts";
import { tensorShapes } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import {
  hasNoLibrary,
  openTinyProgram,
  tinyPrompt,
  type TinyWeights,
  weightReader,
  whyIgnored,
} from "./_tiny_programs.ts";
import { rotatesInside } from "./graph.ts";

/** Norms around 1, other tensors around 0. */
function drawn(config: DecoderConfig): TinyWeights {
  let state = 1;
  const next = () => (state = state * 48271 % 2147483647) / 2147483647;
  return Object.fromEntries(
    [...tensorShapes(config)].map(([name, shape]) => {
      const count = shape.reduce((a, b) => a * b, 1), isNorm = name.includes("norm");
      return [name, Float32Array.from({ length: count }, () => isNorm ? 0.5 + next() : 0.7 * (next() - 0.5))];
    }),
  );
}

for (const arch of ["phi4mini", "glm4"]) {
  Deno.test({
    name: `ProgramEngine rotates a half of wide heads as the blocks do: ${arch}${whyIgnored}`,
    ignore: hasNoLibrary,
    fn: async () => {
      const inverseFrequencies = Float64Array.from({ length: 8 }, (_, i) => 0.6 ** i);
      const config = { ...tinyModel(arch).config, headDim: 32, inverseFrequencies };
      assertEquals(rotatesInside(config), true);
      const weights = drawn(config), program = openTinyProgram(config, weights);
      const blocks = new GenerationEngine(
        onnxBackend(),
        { config, tuning: { type: "none" } },
        (name) => weightReader(weights)(name).slice(),
      );
      const prompt = tinyPrompt(140, config.vocabSize);
      const close = (actual: Float32Array | null, expected: Float32Array) => {
        const size = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        // as in program_test.ts
        expected.forEach((v, i) => assertAlmostEquals(actual![i]!, v, 5e-6 * size, `logit ${i}`));
      };
      close((await program.add(prompt)).logits, await blocks.add(prompt));
      for (const id of [4, 9]) {
        const expected = await blocks.step([id]);
        close((await program.step([id], true))[0]!.logits, expected);
      }
      await program.dispose();
      await blocks.dispose();
    },
  });
}
