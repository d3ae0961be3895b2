import { assertEquals } from "@std/assert";

import { stepParts, stepText } from "./train_profile.ts";

Deno.test("stepParts() puts operators into kinds of work, LoRA's products by its rank; the rest is around and between", () => {
  const operator = (kernel: string | null, op: string, milliseconds: number, ...shapes: number[][]) => ({
    kernel,
    op,
    milliseconds,
    shapes,
  });
  const parts = stepParts(
    {
      runs: 76,
      operators: [
        operator("linear", "Gemm", 10, [100, 50], [30, 50]),
        operator("matmul", "Gemm", 20, [100, 30], [30, 50]),
        operator("matmul_add", "FusedConv", 15, [1, 30, 50, 1], [100, 30, 1, 1], [1, 100, 50, 1]),
        operator("matmul_add", "FusedConv", 1, [1, 8, 50, 1], [100, 8, 1, 1], [1, 100, 50, 1]),
        operator("linear", "Gemm", 1, [100, 50], [8, 50]),
        operator("lora_up", "Add", 2, [100, 30], [100, 30]),
        operator("matmul_tn", "Gemm", 3, [100, 8], [100, 30]),
        operator("attention_grad", "Loop", 7, []),
        operator("rotary", "RotaryEmbedding", 4, [1, 100, 50]),
        operator("label_logprob_unit", "Softmax", 5, [4, 90]),
        operator(null, "Identity", 6, [100, 50]),
      ],
    },
    116,
    8,
  );
  assertEquals(parts.map(({ group, milliseconds }) => [group, milliseconds]), [
    ["products with a frozen weight", 45],
    ["attention", 7],
    ["LoRA", 7],
    ["norms, RoPE, SwiGLU, sums", 4],
    ["embedding and head", 5],
    ["copies of outputs", 6],
    ["ONNX Runtime around them", 2],
    ["between programs", 40],
  ]);
  // Three products of 2 · 100 · 30 · 50 operations in 45 ms.
  assertEquals(parts[0]!.gflops, 0.02);
  assertEquals(parts[1]!.gflops, null);
  assertEquals(
    stepText([{ ...parts[0]!, gflops: 20 }], 80).split("\n").at(-2)?.replaceAll(/ +/g, " "),
    "| products with a frozen weight | 45 | 100.0 % | 20 (25 %) |",
  );
});
