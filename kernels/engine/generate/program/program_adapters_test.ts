/** The program with an adapter beside its weights. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { loraTensors } from "../../../../formats/peft/mod.ts";
import { onnxBackend } from "../../../mod.ts";
import { tinyAdapter, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { GenerationEngine } from "../blocks/engine.ts";
import { hasNoLibrary, openTinyProgram, tinyPrompt, weightReader, whyIgnored } from "./_tiny_programs.ts";

/** The goldens' adapter; `factor` makes another one of it. */
function adapterOf(
  config: DecoderConfig,
  arch: string,
  factor: number,
  only: (module: string) => boolean,
): Adapter {
  const { modules, initial } = tinyAdapter(arch, config);
  const entries = Object.entries(modules).filter(([name]) => only(name)).map(([name, { rank, scale }]) => {
    const a = initial[`${name}.lora_A.weight`]!.map((v) => v * factor), b = initial[`${name}.lora_B.weight`]!;
    return [name, { r: rank, alpha: rank * scale, scale, a, b }] as const;
  });
  return { config: {} as Adapter["config"], modules: new Map(entries) };
}

Deno.test({
  name:
    `ProgramEngine: adapters by name answer beside each other and the base, each as if it were alone${whyIgnored}`,
  ignore: hasNoLibrary,
  fn: async () => {
    const { config, weights } = tinyModel("llama"), V = config.vocabSize, prompt = tinyPrompt(40, V);
    const adapters = [
      adapterOf(config, "llama", 1, () => true),
      adapterOf(config, "llama", -3, (name) => /layers\.0.*(v_proj|up_proj)/.test(name)),
    ];
    const program = openTinyProgram(config, weights);
    const running = await program.add(prompt);
    const base = running.logits!.slice();
    adapters.forEach((adapter, i) => program.loadAdapter(`a${i}`, adapter));
    const outlooks = [base];
    for (const name of ["a0", "a1"]) {
      outlooks.push((await program.add(prompt, { adapter: name })).logits!.slice());
    }
    const next = (await program.step([3, 3, 3], true)).map(({ logits }) => logits!.slice());
    for (const [i, adapter] of [null, ...adapters].entries()) {
      const specs = Object.fromEntries(
        [...adapter?.modules ?? []].map(([n, { r, scale }]) => [n, { rank: r, scale }]),
      );
      const alone = new GenerationEngine(
        onnxBackend(),
        { config, tuning: { type: "lora", modules: specs, dropout: 0 } },
        (n) => weightReader(weights)(n).slice(),
        adapter ? loraTensors(adapter.modules) : {},
      );
      const close = (actual: Float32Array, expected: Float32Array) =>
        actual.forEach((v, j) => assertAlmostEquals(v, expected[j]!, 5e-5, `adapter ${i}, logit ${j}`));
      close(outlooks[i]!, await alone.add(prompt));
      close(next[i]!, await alone.step([3]));
      await alone.dispose();
    }
    const apart = (a: Float32Array, b: Float32Array) => a.some((v, i) => Math.abs(v - b[i]!) > 1e-2);
    assert(
      apart(outlooks[0]!, outlooks[1]!) && apart(outlooks[0]!, outlooks[2]!) &&
        apart(outlooks[1]!, outlooks[2]!),
    );
    // A prompt of one adapter isn't taken over by another; of the same it is.
    await program.keep([0, 1]);
    assertEquals((await program.add(prompt, { adapter: "a0" })).shared, 32);
    await program.keep([0]);
    program.unloadAdapter("a0");
    program.unloadAdapter("a1");
    await program.keep([]);
    assertEquals(
      (await program.add(prompt)).logits!.map((v, i) => Math.abs(v - base[i]!)).every((d) => d < 1e-5),
      true,
    );
    await program.dispose();
  },
});
