/** The program against the engine that runs block after block, which goldens of PyTorch hold. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { onnxBackend } from "../../../mod.ts";
import { ARCHITECTURES, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { GenerationEngine } from "../blocks/engine.ts";
import type { Outlook } from "../outlook.ts";
import { hasNoLibrary, openTinyProgram, tinyPrompt, weightReader, whyIgnored } from "./_tiny_programs.ts";

function assertClose(actual: Outlook, expected: Float32Array, label: string): void {
  const size = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  // float32 sums in another order: some ten roundings of 6e-8 of values of this size, over the layers.
  expected.forEach((v, i) => assertAlmostEquals(actual.logits![i]!, v, 5e-6 * size, `${label}, logit ${i}`));
  const best = [...expected.keys()].sort((a, b) => expected[b]! - expected[a]!);
  assertEquals(actual.ids[0], best[0], label);
  assertEquals(actual.best[0], actual.logits![actual.ids[0]!]);
}

for (
  const [arch, window] of [...ARCHITECTURES.map((arch) => [arch, null] as const), ["mistral", 7] as const]
) {
  Deno.test({
    name: `ProgramEngine gives the logits of the blocks: ${arch}, ${window ?? "no"} window${whyIgnored}`,
    ignore: hasNoLibrary,
    fn: async () => {
      const { config: own, weights } = tinyModel(arch), first = window ?? own.slidingWindow[0]!;
      const config = { ...own, slidingWindow: own.slidingWindow.map((w, i) => i === 0 ? first : w) };
      const program = openTinyProgram(config, weights);
      const blocks = new GenerationEngine(
        onnxBackend(),
        { config, tuning: { type: "none" } },
        (n) => weightReader(weights)(n).slice(),
      );
      // Over a chunk's end; the second sequence is shorter than the window and stays beside the first.
      for (const [count, seed] of [[140, 0], [3, 5]] as const) {
        const prompt = tinyPrompt(count, config.vocabSize, seed);
        assertClose(await program.add(prompt), await blocks.add(prompt), `prompt of ${count}`);
      }
      for (let i = 0; i < 9; i++) {
        const ids = [i, 2 * i + 1], logits = await blocks.step(ids), V = config.vocabSize;
        const outlooks = await program.step(ids, true);
        outlooks.forEach((outlook, s) =>
          assertClose(outlook, logits.subarray(s * V, (s + 1) * V), `step ${i}`)
        );
      }
      await program.keep([1]);
      await blocks.keep([1]);
      assertClose((await program.step([4], true))[0]!, await blocks.step([4]), "alone");
      await program.dispose();
      await blocks.dispose();
    },
  });
}

Deno.test({
  name: `ProgramEngine.extend() adds what steps add, and rewind() forgets it${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("qwen3"), program = openTinyProgram(config, weights);
    const ids = [4, 9, 2, 33], prompt = tinyPrompt(20, config.vocabSize), steps: Float32Array[] = [];
    await program.add(prompt);
    for (const id of ids) steps.push((await program.step([id], true))[0]!.logits!.slice());
    await program.keep([]);
    await program.add(prompt);
    for (let round = 0; round < 2; round++) {
      const outlooks = await program.extend(ids, true);
      outlooks.forEach((outlook, i) => assertClose(outlook, steps[i]!, `token ${i}`));
      program.rewind(ids.length);
    }
    assertClose((await program.step([4], true))[0]!, steps[0]!, "rewound");
    await program.dispose();
  },
});
