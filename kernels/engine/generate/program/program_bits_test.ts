/** The program's bits with float32, 4 and 8 bits, alone and beside others. */
import { assert, assertEquals } from "@std/assert";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { PACKED_GROUP, type PackedMatrix, quantized, unpacked } from "../../../../formats/packed/mod.ts";
import { nativeLibrary } from "../../../native/mod.ts";
import { type LinearModule, moduleShape } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import {
  hasNoLibrary,
  logitBits,
  openTinyProgram,
  tinyPrompt,
  type TinyWeights,
  whyIgnored,
} from "./_tiny_programs.ts";

/** Products in few bits: by the library of kernels/native, where it is, and by ONNX Runtime's. */
const WAYS = [nativeLibrary().path, null].filter((path, i) => i || path);

Deno.test({
  name:
    `ProgramEngine: with float32, 4 and 8 bits a sequence gets the same bits alone and beside others, after any beginning${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("llama3");
    const cases = [[undefined, null] as const, ...WAYS.flatMap((way) => [[4, way], [8, way]] as const)];
    for (const [width, native] of cases) {
      const program = openTinyProgram(config, weights, width, { native }),
        prompts = [5, 150, 40].map((n) => tinyPrompt(n, config.vocabSize, n));
      const alone: number[][][] = [];
      for (const prompt of prompts) {
        const seen = [logitBits(await program.add(prompt))];
        for (let i = 0; i < 5; i++) seen.push(logitBits((await program.step([i], true))[0]!));
        alone.push(seen);
        await program.keep([]);
      }
      for (const [s, prompt] of prompts.entries()) {
        assertEquals(logitBits(await program.add(prompt)), alone[s]![0]);
      }
      for (let i = 0; i < 5; i++) {
        const outlooks = await program.step([i, i, i], true);
        outlooks.forEach((outlook, s) =>
          assertEquals(
            logitBits(outlook),
            alone[s]![i + 1],
            `${width ?? 32} bits, ${native}, ${s}, step ${i}`,
          )
        );
      }
      // The same prompts behind one another and behind others that begin alike.
      await program.keep([]);
      for (const length of [150, 34, 64, 129, 130, 150]) {
        const prompt = prompts[1]!.slice(0, length);
        const first = await program.add(prompt), again = logitBits(first);
        await program.keep([]);
        await program.add(tinyPrompt(200, config.vocabSize, 77));
        await program.keep([]);
        const fresh = await program.add(prompt);
        assertEquals([fresh.shared, logitBits(fresh)], [0, again], `prompt of ${length}`);
        await program.keep([]);
        const shared = await program.add(prompt);
        assert(
          shared.shared >= (length > 33 ? 32 : 0) && shared.shared < length,
          `${shared.shared} of ${length}`,
        );
        assertEquals(logitBits(shared), again, `prompt of ${length}, ${shared.shared} shared`);
        await program.keep([]);
      }
      await program.dispose();
    }
  },
});

/** Products' matrices of whole groups in 4 bits with minima, as GGUF's Q4_1 has them. */
function withMinima(config: DecoderConfig, weights: TinyWeights): Map<string, PackedMatrix> {
  const names = Object.keys(weights).filter((name) => /_proj\.weight$/.test(name));
  return new Map(names.map((name) => {
    const module = name.match(/(self_attn|mlp)\.\w+/)![0] as LinearModule;
    const [rows, columns] = moduleShape(config, module);
    assertEquals(columns % PACKED_GROUP, 0, name);
    const made = quantized(weights[name]!, rows, columns, 4);
    const minima = made.scales.map((scale, i) => scale * (3.45 + Math.sin(i + name.length) / 30));
    return [name, { ...made, minima }];
  }));
}

Deno.test({
  name:
    `ProgramEngine: with minima logits are those of the unpacked weights, the same bits alone and beside others${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("qwen2"), V = config.vocabSize;
    const matrices = withMinima(config, weights);
    const floats = Object.fromEntries(
      Object.entries(weights).map(([name, values]) => {
        const matrix = matrices.get(name);
        return [name, matrix ? unpacked(matrix) : values];
      }),
    );
    const exact = openTinyProgram(config, floats), prompts = [5, 150].map((n) => tinyPrompt(n, V, n));
    for (const native of WAYS) {
      const program = openTinyProgram(config, weights, null, {
        native,
        packed: (name) => matrices.get(name) ?? null,
      });
      const alone: number[][][] = [];
      for (const prompt of prompts) {
        const first = await program.add(prompt), seen = [logitBits(first)], values = first.logits!.slice();
        const expected = (await exact.add(prompt)).logits!;
        const norm = (list: Float32Array) => Math.sqrt(list.reduce((sum, v) => sum + v * v, 0));
        // Inputs in 8 bits of a model of 32 columns, minima with rests of almost half a scale: 0.07 was seen, 0.32 without rests.
        assert(
          norm(values.map((v, i) => v - expected[i]!)) < 0.15 * norm(expected),
          `prompt of ${prompt.length}`,
        );
        for (let i = 0; i < 3; i++) seen.push(logitBits((await program.step([i], true))[0]!));
        alone.push(seen);
        await program.keep([]);
        await exact.keep([]);
      }
      for (const [s, prompt] of prompts.entries()) {
        assertEquals(logitBits(await program.add(prompt)), alone[s]![0]);
      }
      for (let i = 0; i < 3; i++) {
        const outlooks = await program.step([i, i], true);
        outlooks.forEach((outlook, s) =>
          assertEquals(logitBits(outlook), alone[s]![i + 1], `${s}, step ${i}`)
        );
      }
      await program.dispose();
    }
    await exact.dispose();
  },
});

Deno.test({
  name:
    `ProgramEngine: a step with an unused row beside it leaves the prompt that is kept there as it was${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("llama3"), V = config.vocabSize;
    const kept = tinyPrompt(50, V, 9), next = [...kept.slice(0, 48), 1, 2];
    // Said to differ, so that rows are paired on every processor.
    const program = openTinyProgram(config, weights, 4, { agree: false, native: null });
    const alone = logitBits(await program.add(next));
    await program.keep([]);
    await program.add(tinyPrompt(20, V, 3));
    await program.add(kept);
    await program.keep([0]);
    await program.step([5], true);
    const outlook = await program.add(next);
    assertEquals([outlook.shared, logitBits(outlook)], [32, alone]);
    await program.dispose();
  },
});

Deno.test({
  name: `ProgramEngine: quantised weights are near the floats', 8 bits nearer than 4${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("qwen2"), prompt = tinyPrompt(60, config.vocabSize);
    const floats = openTinyProgram(config, weights), expected = (await floats.add(prompt)).logits!.slice();
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    for (const native of WAYS) {
      const errors: number[] = [];
      for (const width of [8, 4] as const) {
        const program = openTinyProgram(config, weights, width, { native }),
          { logits } = await program.add(prompt);
        errors.push(norm(logits!.map((v, i) => v - expected[i]!)) / norm(expected));
        await program.dispose();
      }
      // A weight's error is at most 1/254 or 1/16 of its group's largest value, an input's 1/254; some dozen products follow one
      // another, and a model of 32 columns averages little.
      assert(errors[0]! < 0.06 && errors[1]! < 0.6 && errors[1]! > 3 * errors[0]!, errors.join());
    }
    await floats.dispose();
  },
});
