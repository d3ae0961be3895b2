/** The program against the engine that runs block after block, which goldens of PyTorch hold. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { loraTensors } from "../../../../formats/peft/mod.ts";
import { onnxBackend } from "../../../mod.ts";
import { openLibrary } from "../../../backends/onnx/c_api/mod.ts";
import { ARCHITECTURES, tinyAdapter, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import { PACKED_GROUP, type PackedMatrix, quantized, unpacked } from "../../../../formats/packed/mod.ts";
import { nativeLibrary } from "../../../native/mod.ts";
import { type LinearModule, moduleShape } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { GenerationEngine } from "../blocks/engine.ts";
import type { Outlook } from "../outlook.ts";
import { ProgramEngine, type ProgramEngineOptions } from "./engine.ts";
import { prepareWeights } from "./prepare.ts";

const { library, reason } = openLibrary();
const ignore = library === null, why = ignore ? ` (ignored: ${reason})` : "";
/** Names of processes' folders may be anything; every test removes its own. */
type Weights = Record<string, Float32Array<ArrayBuffer>>;

const reader = (weights: Weights) => (name: string) =>
  weights[name === "lm_head.weight" && !weights[name] ? "model.embed_tokens.weight" : name]!;

/** A program of a tiny model; 2 threads, as products are split among them. */
function open(
  config: DecoderConfig,
  weights: Weights,
  bits: 4 | 8 | null = null,
  given: Partial<Pick<ProgramEngineOptions, "agree" | "native">> & {
    packed?: (name: string) => PackedMatrix | null;
  } = {},
): ProgramEngine {
  const folder = Deno.makeTempDirSync(), read = reader(weights), width = config.hiddenSize;
  const { packed = () => null, native = nativeLibrary().path, ...rest } = given;
  const prepared = prepareWeights(config, { read, packed }, { bits, folder, native: native !== null });
  const table = read("model.embed_tokens.weight");
  return new ProgramEngine({
    library: library!,
    config,
    prepared,
    folder,
    native,
    threads: 2,
    maxBatch: 4,
    ...rest,
    embed: (ids) => {
      const rows = new Float32Array(ids.length * width);
      Array.from(ids).forEach((id, i) => rows.set(table.subarray(id * width, (id + 1) * width), i * width));
      return rows;
    },
    release: () => Deno.remove(folder, { recursive: true }),
  });
}

/** Products in few bits: by the library of kernels/native, where it is, and by ONNX Runtime's. */
const WAYS = [nativeLibrary().path, null].filter((path, i) => i || path);

const promptOf = (count: number, vocab: number, seed = 0) =>
  Array.from({ length: count }, (_, i) => (7 * (i + seed) + i * i + seed) % vocab);

/** Copied, as an outlook is valid until the next run only. */
const bits = ({ logits }: Outlook) => [...new Int32Array(logits!.slice().buffer)];

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
    name: `ProgramEngine gives the logits of the blocks: ${arch}, ${window ?? "no"} window${why}`,
    ignore,
    fn: async () => {
      const { config: own, weights } = tinyModel(arch), first = window ?? own.slidingWindow[0]!;
      const config = { ...own, slidingWindow: own.slidingWindow.map((w, i) => i === 0 ? first : w) };
      const program = open(config, weights);
      const blocks = new GenerationEngine(
        onnxBackend(),
        { config, tuning: { type: "none" } },
        (n) => reader(weights)(n).slice(),
      );
      // Over a chunk's end; the second sequence is shorter than the window and stays beside the first.
      for (const [count, seed] of [[140, 0], [3, 5]] as const) {
        const prompt = promptOf(count, config.vocabSize, seed);
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
  name:
    `ProgramEngine: with float32, 4 and 8 bits a sequence gets the same bits alone and beside others, after any beginning${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("llama3");
    const cases = [[undefined, null] as const, ...WAYS.flatMap((way) => [[4, way], [8, way]] as const)];
    for (const [width, native] of cases) {
      const program = open(config, weights, width, { native }),
        prompts = [5, 150, 40].map((n) => promptOf(n, config.vocabSize, n));
      const alone: number[][][] = [];
      for (const prompt of prompts) {
        const seen = [bits(await program.add(prompt))];
        for (let i = 0; i < 5; i++) seen.push(bits((await program.step([i], true))[0]!));
        alone.push(seen);
        await program.keep([]);
      }
      for (const [s, prompt] of prompts.entries()) {
        assertEquals(bits(await program.add(prompt)), alone[s]![0]);
      }
      for (let i = 0; i < 5; i++) {
        const outlooks = await program.step([i, i, i], true);
        outlooks.forEach((outlook, s) =>
          assertEquals(bits(outlook), alone[s]![i + 1], `${width ?? 32} bits, ${native}, ${s}, step ${i}`)
        );
      }
      // The same prompts behind one another and behind others that begin alike.
      await program.keep([]);
      for (const length of [150, 34, 64, 129, 130, 150]) {
        const prompt = prompts[1]!.slice(0, length);
        const first = await program.add(prompt), again = bits(first);
        await program.keep([]);
        await program.add(promptOf(200, config.vocabSize, 77));
        await program.keep([]);
        const fresh = await program.add(prompt);
        assertEquals([fresh.shared, bits(fresh)], [0, again], `prompt of ${length}`);
        await program.keep([]);
        const shared = await program.add(prompt);
        assert(
          shared.shared >= (length > 33 ? 32 : 0) && shared.shared < length,
          `${shared.shared} of ${length}`,
        );
        assertEquals(bits(shared), again, `prompt of ${length}, ${shared.shared} shared`);
        await program.keep([]);
      }
      await program.dispose();
    }
  },
});

/** Products' matrices of whole groups in 4 bits with minima, as GGUF's Q4_1 has them. */
function withMinima(config: DecoderConfig, weights: Weights): Map<string, PackedMatrix> {
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
    `ProgramEngine: with minima logits are those of the unpacked weights, the same bits alone and beside others${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("qwen2"), V = config.vocabSize;
    const matrices = withMinima(config, weights);
    const floats = Object.fromEntries(
      Object.entries(weights).map(([name, values]) => {
        const matrix = matrices.get(name);
        return [name, matrix ? unpacked(matrix) : values];
      }),
    );
    const exact = open(config, floats), prompts = [5, 150].map((n) => promptOf(n, V, n));
    for (const native of WAYS) {
      const program = open(config, weights, null, { native, packed: (name) => matrices.get(name) ?? null });
      const alone: number[][][] = [];
      for (const prompt of prompts) {
        const first = await program.add(prompt), seen = [bits(first)], values = first.logits!.slice();
        const expected = (await exact.add(prompt)).logits!;
        const norm = (list: Float32Array) => Math.sqrt(list.reduce((sum, v) => sum + v * v, 0));
        // Inputs in 8 bits of a model of 32 columns, minima with rests of almost half a scale: 0.07 was seen, 0.32 without rests.
        assert(
          norm(values.map((v, i) => v - expected[i]!)) < 0.15 * norm(expected),
          `prompt of ${prompt.length}`,
        );
        for (let i = 0; i < 3; i++) seen.push(bits((await program.step([i], true))[0]!));
        alone.push(seen);
        await program.keep([]);
        await exact.keep([]);
      }
      for (const [s, prompt] of prompts.entries()) {
        assertEquals(bits(await program.add(prompt)), alone[s]![0]);
      }
      for (let i = 0; i < 3; i++) {
        const outlooks = await program.step([i, i], true);
        outlooks.forEach((outlook, s) => assertEquals(bits(outlook), alone[s]![i + 1], `${s}, step ${i}`));
      }
      await program.dispose();
    }
    await exact.dispose();
  },
});

Deno.test({
  name:
    `ProgramEngine: a step with an unused row beside it leaves the prompt that is kept there as it was${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("llama3"), V = config.vocabSize;
    const kept = promptOf(50, V, 9), next = [...kept.slice(0, 48), 1, 2];
    // Said to differ, so that rows are paired on every processor.
    const program = open(config, weights, 4, { agree: false, native: null });
    const alone = bits(await program.add(next));
    await program.keep([]);
    await program.add(promptOf(20, V, 3));
    await program.add(kept);
    await program.keep([0]);
    await program.step([5], true);
    const outlook = await program.add(next);
    assertEquals([outlook.shared, bits(outlook)], [32, alone]);
    await program.dispose();
  },
});

Deno.test({
  name: `ProgramEngine: quantised weights are near the floats', 8 bits nearer than 4${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("qwen2"), prompt = promptOf(60, config.vocabSize);
    const floats = open(config, weights), expected = (await floats.add(prompt)).logits!.slice();
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    for (const native of WAYS) {
      const errors: number[] = [];
      for (const width of [8, 4] as const) {
        const program = open(config, weights, width, { native }), { logits } = await program.add(prompt);
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
    `ProgramEngine: adapters by name answer beside each other and the base, each as if it were alone${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("llama"), V = config.vocabSize, prompt = promptOf(40, V);
    const adapters = [
      adapterOf(config, "llama", 1, () => true),
      adapterOf(config, "llama", -3, (name) => /layers\.0.*(v_proj|up_proj)/.test(name)),
    ];
    const program = open(config, weights);
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
        (n) => reader(weights)(n).slice(),
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

Deno.test({
  name: `ProgramEngine.extend() adds what steps add, and rewind() forgets it${why}`,
  ignore,
  fn: async () => {
    const { config, weights } = tinyModel("qwen3"), program = open(config, weights);
    const ids = [4, 9, 2, 33], prompt = promptOf(20, config.vocabSize), steps: Float32Array[] = [];
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
