/** Generating with a cache against PyTorch in float64 (fixtures/goldens/tiny) and against no cache, on every backend. */
import { assert, assertAlmostEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { referenceBackend } from "../../../mod.ts";
import type { Backend } from "../../../backend.ts";
import { mergedWeights, readAdapter } from "../../../../formats/peft/mod.ts";
import { linearModules, moduleShape } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { Engine } from "../../engine.ts";
import { FRESH } from "./cache.ts";
import { GenerationEngine } from "./engine.ts";
import { packExamples } from "../../packs/pack.ts";
import {
  ARCHITECTURES,
  backendsAndGpuLike,
  idsExample,
  readJson,
  TINY,
  tinyAdapter,
  tinyModel,
} from "../../../../tests/helpers/tiny_model.ts";

/** As that folder's README suggests for float32. */
const LOGP = 5e-5;
/** Tokens of a prompt whose answer outgrows the room that a cache begins with where it is written in place. */
const START = 80;

type Adapted = "base" | "lora applied" | "lora merged";

function tinyGenerator(
  arch: string,
  adapted: Adapted,
  backend: Backend,
  { promptChunk, config = tinyModel(arch).config }: { promptChunk: number; config?: DecoderConfig },
) {
  const { weights } = tinyModel(arch);
  // Merging changes the array.
  const read = (name: string) => weights[name]!.slice();
  if (adapted === "lora applied") {
    const { modules, initial } = tinyAdapter(arch, config);
    return new GenerationEngine(
      backend,
      { config, tuning: { type: "lora", modules, dropout: 0 }, promptChunk },
      read,
      initial,
    );
  }
  const shapes = new Map(
    Array.from({ length: config.numLayers }, (_, i) => i).flatMap((i) =>
      linearModules(config).map((m) => [`model.layers.${i}.${m}`, moduleShape(config, m)] as const)
    ),
  );
  const merged = adapted === "base"
    ? read
    : mergedWeights(read, readAdapter(join(TINY, arch, "adapter"), shapes));
  return new GenerationEngine(backend, { config, tuning: { type: "none" }, promptChunk }, merged);
}

function logSoftmax(logits: Float32Array, id: number): number {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return logits[id]! - max - Math.log(logits.reduce((sum, v) => sum + Math.exp(v - max), 0));
}

for (const { name: backendName, ignore, make } of await backendsAndGpuLike()) {
  for (const arch of ARCHITECTURES) {
    for (const adapted of ["base", "lora applied", "lora merged"] as const) {
      Deno.test({
        name:
          `GenerationEngine: token by token, two sequences at once, the goldens' log-probabilities (${arch}, ${adapted}, ${backendName})`,
        ignore,
        fn: async () => {
          const golden = readJson(`${TINY}${arch}/golden.json`), V = tinyModel(arch).config.vocabSize;
          const [a, b] = golden.sequences as [number[], number[]];
          const [pa, pb] = golden[adapted === "base" ? "base" : "lora"].token_logps as [number[], number[]];
          const engine = tinyGenerator(arch, adapted, await make(), { promptChunk: 2 });
          // a begins with 4 tokens in chunks of 2, b joins when a is at its sixth.
          const first = { row: 0, ids: a, logps: pa }, second = { row: 1, ids: b, logps: pb };
          const check = (logits: Float32Array, { row, ids, logps }: typeof first, index: number) =>
            assertAlmostEquals(
              logSoftmax(logits.subarray(row * V, (row + 1) * V), ids[index]!),
              logps[index - 1]!,
              LOGP,
              `token ${index}`,
            );
          check(await engine.add(a.slice(0, 4)), first, 4);
          check(await engine.step([a[4]!]), first, 5);
          check(await engine.step([a[5]!]), first, 6);
          check(await engine.add(b.slice(0, 3)), { ...second, row: 0 }, 3);
          for (let i = 6, j = 3; i < a.length - 1; i++, j++) {
            const logits = await engine.step([a[i]!, b[j] ?? 0]);
            check(logits, first, i + 1);
            if (j < b.length - 1) check(logits, second, j + 1);
          }
          await engine.dispose();
        },
      });
    }
  }

  for (
    const [arch, windows] of [
      ...ARCHITECTURES.map((arch) => [arch, null] as const),
      ["mistral", [6, 40]] as const,
    ]
  ) {
    const title = windows ? `${arch} with windows of ${windows}` : arch;

    Deno.test({
      name:
        `GenerationEngine: as the training engine without a cache, past two layouts of it (${title}, ${backendName})`,
      ignore,
      fn: async () => {
        const { config: read, weights } = tinyModel(arch), count = START + 2 * FRESH - 5, V = read.vocabSize;
        const slidingWindow = read.slidingWindow.map((w, i) => windows ? windows[i % 2]! : w);
        const config = { ...read, slidingWindow };
        const ids = Array.from({ length: count }, (_, i) => (i * i * 7 + 3 * i) % V);
        const other = ids.map((id) => (id + 5) % V);
        // Every token behind the first is a label: entry i is the log-probability of token i + 1.
        const plain = new Engine(
          await make(),
          { config, tuning: { type: "none" }, checkpointing: true },
          (name) => weights[name]!,
        );
        const [expected, expectedOther] = await Promise.all([ids, other].map(async (list) => {
          const pack = packExamples([idsExample({ s: [[list[0]!], list.slice(1)] })]);
          return await plain.forward(pack, { adapter: false, keep: false });
        })) as [Float64Array, Float64Array];
        const engine = tinyGenerator(arch, "base", await make(), { promptChunk: 7, config });
        const first = { row: 0, ids, logps: expected }, second = { row: 1, ids: other, logps: expectedOther };
        const near = (logits: Float32Array, { row, ids, logps }: typeof first, index: number) =>
          assertAlmostEquals(
            logSoftmax(logits.subarray(row * V, (row + 1) * V), ids[index + 1]!),
            logps[index]!,
            LOGP,
            `behind token ${index}`,
          );
        near(await engine.add(ids.slice(0, START)), first, START - 1);
        near(await engine.add(other.slice(0, 3)), { ...second, row: 0 }, 2);
        for (let i = START; i < count - 1; i++) {
          const two = engine.slots === 2;
          const logits = await engine.step([ids[i]!, ...(two ? [other[i - START + 3]!] : [])]);
          near(logits, first, i);
          if (two) near(logits, second, i - START + 3);
          // The second leaves between two layouts, then the first continues alone.
          if (i === START + 43) await engine.keep([0]);
        }
        await plain.dispose();
        await engine.dispose();
      },
    });
  }
}

Deno.test("GenerationEngine refuses an empty prompt and a wrong number of tokens", async () => {
  const engine = tinyGenerator("llama", "base", referenceBackend(), { promptChunk: 8 });
  await assertRejects(() => engine.add([]), RangeError, "empty prompt");
  await assertRejects(() => engine.step([]), RangeError, "0 sequences by 0 tokens");
  await engine.add([1, 2]);
  await assertRejects(() => engine.step([1, 2]), RangeError, "1 sequences by 2 tokens");
  const stopped = AbortSignal.abort(new Error("no more"));
  await assertRejects(() => engine.add([1], stopped), Error, "no more");
  assert(engine.slots === 1);
  await engine.dispose();
});
