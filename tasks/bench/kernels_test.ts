import { assertEquals } from "@std/assert";

import { kernelBenchText } from "./kernels.ts";

Deno.test("kernelBenchText() aligns a backend's kernels under its peaks", () => {
  const timing = { backend: "onnx", error: 0, share: 0.5 };
  const text = kernelBenchText({
    rows: 8,
    peaks: [{ backend: "onnx", description: "2 threads", gflops: 100, gbs: 10 }],
    timings: [
      {
        ...timing,
        kernel: "linear",
        dims: { M: 8, N: 16 },
        storage: "float16",
        milliseconds: 1,
        gflops: 50,
        gbs: 5,
      },
      {
        ...timing,
        kernel: "gather_rows",
        dims: { T: 8 },
        storage: "float32",
        milliseconds: 0.25,
        gflops: 0,
        gbs: 5,
      },
      {
        ...timing,
        backend: "webgpu",
        kernel: "add",
        dims: {},
        storage: "float32",
        milliseconds: 1,
        gflops: 1,
        gbs: 1,
      },
    ],
    tiledOverNaive: null,
  });
  assertEquals(text.split("\n").slice(3), [
    "onnx: 2 threads",
    "  peak measured here: 100.0 GFLOP/s, 10.0 GB/s",
    "",
    "  kernel       weight     ms  GFLOP/s  GB/s  of peak  sizes",
    "  linear       float16  1.00    50.00  5.00   50.0 %  M 8, N 16",
    "  gather_rows           0.25        -  5.00   50.0 %  T 8",
  ]);
});
