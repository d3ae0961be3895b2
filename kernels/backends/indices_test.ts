/** Indices out of range are refused by every backend before a program runs; no other row, no old memory. */
import { assertEquals, assertRejects } from "@std/assert";
import { kernelGraph } from "../contract.ts";
import type { Kernel, Sample } from "../kernel.ts";
import { cacheRows } from "../ops/attention/cache_rows.ts";
import { gatherRows } from "../ops/layout/gather_rows.ts";
import { labelLogprob } from "../ops/head/label_logprob.ts";
import { KERNELS } from "../ops/mod.ts";
import { putCacheRows } from "../ops/attention/put_cache_rows.ts";
import { putRows } from "../ops/layout/put_rows.ts";
import { scatterAddRows } from "../ops/layout/scatter_add_rows.ts";
import { orExit } from "../testing/aim.ts";
import { testBackends } from "../testing/backends.ts";
import { extentOf } from "./indices.ts";

/** A kernel with an index input, and the least and the first too large value at a sample's sizes, by hand. */
const CASES: [kernel: Kernel, input: string, dims: Sample["dims"], least: number, below: number][] = [
  [gatherRows, "ids", { rows: 5, cols: 3, labels: 2 }, 0, 5],
  [putCacheRows, "ids", { slots: 2, heads: 1, past: 3, d: 2, rows: 2, cols: 2 }, 0, 6],
  [putRows, "ids", { rows: 5, cols: 3, labels: 2 }, 0, 5],
  [scatterAddRows, "ids", { rows: 5, cols: 3, labels: 2 }, 0, 5],
  [labelLogprob, "ids", { labels: 2, cols: 3, vocab: 7 }, 0, 7],
  // Two slots of three rows, and four rows more; −1 is a row of zeros.
  [cacheRows, "from", { slots: 2, heads: 1, past: 3, d: 2, rows: 4, cols: 2, taken: 1, room: 2 }, -1, 10],
];

for (const { name, ignore, make } of await orExit(() => testBackends())) {
  Deno.test({
    name: `a program refuses indices that are out of range (${name})`,
    ignore,
    fn: async () => {
      const backend = await make();
      for (const [kernel, input, dims, least, below] of CASES) {
        const sample: Sample = { note: "", dims }, graph = kernelGraph(kernel, sample, ["labels"]);
        const program = await backend.compile(graph, "rows");
        const run = (index: number) =>
          program.run(Object.fromEntries(
            Object.entries(kernel.inputs).map(([key, axes]) => {
              const shape = axes.map((axis) => dims[axis] ?? 0), count = shape.reduce((a, b) => a * b, 1);
              const data = key === input
                ? Int32Array.from({ length: count }, (_, i) => i === 1 ? index : 0)
                : null;
              return [key, backend.upload(data ?? new Float32Array(count), shape)];
            }),
          ));
        await run(least);
        await run(below - 1);
        for (const wrong of [least - 1, below, 2 ** 31 - 1]) {
          await assertRejects(
            () => run(wrong),
            RangeError,
            `Cannot run program rows: input "${input}" needs indices from ${least} to ${
              below - 1
            } for kernel ` +
              `${kernel.name}: current value is ${wrong}`,
          );
        }
        await program.dispose();
      }
      await backend.dispose();
    },
  });

  Deno.test({
    name: `indices that are written or left at zero are checked, too (${name})`,
    ignore,
    fn: async () => {
      const backend = await make(), sample: Sample = { note: "", dims: { rows: 3, cols: 1, labels: 1 } };
      const program = await backend.compile(kernelGraph(gatherRows, sample), "rows");
      const x = backend.upload(Float32Array.of(5, 6, 7), [3, 1]), ids = backend.zeros([1], "i32");
      const first = async () => {
        const { y } = await program.run({ x, ids });
        return y ? [...await backend.download(y)] : [];
      };
      assertEquals(await first(), [5]);
      backend.write(ids, Int32Array.of(2));
      assertEquals(await first(), [7]);
      backend.write(ids, Int32Array.of(3));
      await assertRejects(first, RangeError, "current value is 3");
      await backend.dispose();
    },
  });
}

Deno.test("every integer input that chooses rows says its range", () => {
  const integers = KERNELS.flatMap((k) => (k.integers ?? []).map((name) => `${k.name}.${name}`));
  const checked = KERNELS.flatMap((k) => Object.keys(k.indices ?? {}).map((name) => `${k.name}.${name}`));
  // Ends, depths and places are compared with each other, codes are weights: they choose no memory.
  assertEquals(integers.filter((name) => !checked.includes(name)).sort(), [
    "attention.positions",
    "attention.until",
    "attention_grad.positions",
    "attention_grad.until",
    "cached_attention.fresh_places",
    "cached_attention.past_places",
    "cached_attention.places",
    "linear_packed.codes",
    "matmul_packed.codes",
  ]);
});

Deno.test("extentOf() is null of nothing", () => {
  assertEquals(extentOf([]), null);
  assertEquals(extentOf([3, -1, 2]), { least: -1, most: 3 });
});
