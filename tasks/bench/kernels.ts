/**
 * The table of `deno task bench kernels`.
 * @module
 */
import type { KernelBench } from "../../kernels/kernels_bench.ts";
import { textTable } from "../common/report/table.ts";

const COLUMNS = ["kernel", "weight", "ms", "GFLOP/s", "GB/s", "of peak", "sizes"].map((title) => ({
  title,
  align: ["kernel", "weight", "sizes"].includes(title) ? "left" as const : "right" as const,
}));

/** A human-readable table a backend. */
export function kernelBenchText({ rows, peaks, timings, tiledOverNaive }: KernelBench): string {
  const lines = [
    `One SmolLM2-135M block and head at ${rows} tokens; every kernel was first compared with its float64 reference.`,
    "Small operands stay in caches, which the peak of bytes, taken on large ones, doesn't have: shares above 100 %.",
  ];
  for (const { backend, description, gflops, gbs } of peaks) {
    const cells = timings.filter((timing) => timing.backend === backend).map((timing) => [
      timing.kernel,
      timing.storage === "float16" ? "float16" : "",
      timing.milliseconds.toFixed(2),
      timing.gflops ? timing.gflops.toFixed(2) : "-",
      timing.gbs.toFixed(2),
      `${(100 * timing.share).toFixed(1)} %`,
      Object.entries(timing.dims).map(([axis, size]) => `${axis} ${size}`).join(", "),
    ]);
    lines.push(
      "",
      `${backend}: ${description}`,
      `  peak measured here: ${gflops.toFixed(1)} GFLOP/s, ${gbs.toFixed(1)} GB/s`,
      "",
      ...textTable({ columns: COLUMNS, rows: cells }, Infinity).map((line) => `  ${line}`),
    );
  }
  if (tiledOverNaive !== null) {
    lines.push("", `WebGPU's tiled product is ${tiledOverNaive.toFixed(1)} times as fast as a naive one.`);
  }
  return lines.join("\n");
}
