/** Generating with a cache against PyTorch in float64 (fixtures/goldens/tiny) and against no cache, on every backend. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { referenceBackend } from "../../kernels/mod.ts";
import { testBackends } from "../../kernels/backends/_test_backends.ts";
import type { Backend } from "../../kernels/backend.ts";
import { mergedWeights, readAdapter } from "../../formats/peft/mod.ts";
import { LINEAR_MODULES, moduleShape } from "../models/decoder.ts";
import { FRESH } from "./generate_cache.ts";
import { GenerationEngine } from "./generate_engine.ts";
import { ARCHITECTURES, readJson, TINY, tinyAdapter, tinyModel } from "./_tiny.ts";

/** As that folder's README suggests for float32. */
const LOGP = 5e-5;

type Adapted = "base" | "lora applied" | "lora merged";

function tinyGenerator(arch: string, adapted: Adapted, backend: Backend, promptChunk: number) {
  const { config, weights } = tinyModel(arch);
  // Merging changes the array.
  const read = (name: string) => weights[name]!.slice();
  if (adapted === "lora applied") {
    const { modules, initial } = tinyAdapter(arch, config, LINEAR_MODULES);
    return new GenerationEngine(
      backend,
      { config, tuning: { type: "lora", modules, dropout: 0 }, promptChunk },
      read,
      initial,
    );
  }
  const shapes = new Map(
    Array.from({ length: config.numLayers }, (_, i) => i).flatMap((i) =>
      LINEAR_MODULES.map((m) => [`model.layers.${i}.${m}`, moduleShape(config, m)] as const)
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

for (const { name: backendName, ignore, make } of await testBackends()) {
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
          const engine = tinyGenerator(arch, adapted, await make(), 2);
          // a begins with 4 tokens in chunks of 2, b joins when a is at its sixth.
          const check = (logits: Float32Array, row: number, ids: number[], logps: number[], at: number) =>
            assertAlmostEquals(
              logSoftmax(logits.subarray(row * V, (row + 1) * V), ids[at]!),
              logps[at - 1]!,
              LOGP,
              `token ${at}`,
            );
          check(await engine.add(a.slice(0, 4)), 0, a, pa, 4);
          check(await engine.step([a[4]!]), 0, a, pa, 5);
          check(await engine.step([a[5]!]), 0, a, pa, 6);
          check(await engine.add(b.slice(0, 3)), 0, b, pb, 3);
          for (let i = 6, j = 3; i < a.length - 1; i++, j++) {
            const logits = await engine.step([a[i]!, b[j] ?? 0]);
            check(logits, 0, a, pa, i + 1);
            if (j < b.length - 1) check(logits, 1, b, pb, j + 1);
          }
          await engine.dispose();
        },
      });
    }

    Deno.test({
      name: `GenerationEngine: with a cache as without, past two layouts of it (${arch}, ${backendName})`,
      ignore: ignore || backendName === "reference",
      fn: async () => {
        const { config } = tinyModel(arch), count = 2 * FRESH + 9;
        const ids = Array.from({ length: count }, (_, i) => (i * i * 7 + 3 * i) % config.vocabSize);
        const other = ids.map((id) => (id + 5) % config.vocabSize);
        const plain = tinyGenerator(arch, "base", await make(), 1000);
        const whole = async (list: number[]) => {
          const logits = await plain.add(list);
          await plain.keep([]);
          return logits;
        };
        const engine = tinyGenerator(arch, "base", await make(), 7);
        const V = config.vocabSize,
          near = (x: Float32Array, y: Float32Array, note: string) => {
            assertEquals(x.length, V);
            x.forEach((v, i) => assertAlmostEquals(v, y[i]!, 1e-4, `${note}, id ${i}`));
          };
        near(await engine.add(ids.slice(0, 17)), await whole(ids.slice(0, 17)), "prompt");
        await engine.add(other.slice(0, 3));
        for (let i = 17; i < count; i++) {
          const logits = await engine.step([ids[i]!, ...(engine.slots === 2 ? [other[i - 14]!] : [])]);
          if (i % 9 === 0) {
            near(logits.subarray(0, V), await whole(ids.slice(0, i + 1)), `token ${i}`);
            if (engine.slots === 2) {
              near(logits.subarray(V), await whole(other.slice(0, i - 13)), `other ${i}`);
            }
          }
          // The second leaves between two layouts, then the first goes on alone.
          if (i === 60) await engine.keep([0]);
        }
        near(await engine.step([1]), await whole([...ids, 1]), "end");
        await plain.dispose();
        await engine.dispose();
      },
    });
  }
}

Deno.test("GenerationEngine refuses an empty prompt and a wrong number of tokens", async () => {
  const engine = tinyGenerator("llama", "base", referenceBackend(), 8);
  await assertRejects(() => engine.add([]), RangeError, "empty prompt");
  await assertRejects(() => engine.step([]), RangeError, "0 sequences by 0 tokens");
  await engine.add([1, 2]);
  await assertRejects(() => engine.step([1, 2]), RangeError, "1 sequences by 2 tokens");
  const stopped = AbortSignal.abort(new Error("no more"));
  await assertRejects(() => engine.add([1], stopped), Error, "no more");
  assert(engine.slots === 1);
  await engine.dispose();
});
