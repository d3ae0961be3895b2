import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "./backend.ts";
import { benchKernels } from "./kernels_bench.ts";
import { BENCH_CASES } from "./bench_cases.ts";
import { KERNELS, onnxBackend } from "./mod.ts";

Deno.test("benchKernels() counts the useful work of every kernel beside the measured peak", async () => {
  const backend = onnxBackend();
  const found = await benchKernels([backend], { rows: 8, seconds: 0.001 });
  assertEquals(found.peaks.map((p) => p.backend), ["onnx"]);
  assert(found.peaks[0]!.gflops > 0 && found.peaks[0]!.gbs > 0);
  const linear = found.timings[0]!;
  // By hand: 2 · 8 · 576 · 1536 operations; 8 · 576 + 1536 · 576 + 8 · 1536 numbers of 4 bytes.
  assertEquals(Math.round(linear.gflops * linear.milliseconds * 1e6), 14_155_776);
  assertEquals(Math.round(linear.gbs * linear.milliseconds * 1e6), 3_606_528);
  const attention = found.timings.find((t) => t.kernel === "attention")!;
  // 36 visible pairs, two products, 9 heads of 64.
  assertEquals(Math.round(attention.gflops * attention.milliseconds * 1e6), 36 * 2 * 2 * 576);
  const timed = new Set(found.timings.map((t) => t.kernel));
  assertEquals(KERNELS.filter((k) => !timed.has(k.name)).map((k) => k.name), [], "kernels that aren't timed");
  for (const timing of found.timings) assert(timing.milliseconds > 0 && timing.error <= 1, timing.kernel);
  assertEquals(found.tiledOverNaive, null);
  await backend.dispose();
});

Deno.test("a weight that is timed as float16, too, is one that its kernel takes so", () => {
  const wrong = BENCH_CASES.filter(({ kernel, weight }) => weight && !kernel.halves?.includes(weight));
  assertEquals(wrong.map(({ kernel, weight }) => `${kernel.name}: ${weight}`), []);
});

Deno.test("benchKernels() times nothing when a kernel is wrong", async () => {
  const right = onnxBackend();
  const wrong: Backend = {
    ...right,
    download: async (tensor) =>
      Float32Array.from(await right.download(tensor) as Float32Array, (v) => v + 0.01),
  };
  await assertRejects(
    () => benchKernels([wrong], { rows: 8, seconds: 0.001 }),
    Error,
    "Cannot time kernel linear on onnx",
  );
  await right.dispose();
});
