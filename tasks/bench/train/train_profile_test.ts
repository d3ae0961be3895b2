import { assertEquals, assertStringIncludes } from "@std/assert";

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
      runs: 77,
      operators: [
        operator("linear", "Gemm", 10, [100, 50], [30, 50]),
        operator("matmul", "Gemm", 20, [100, 30], [30, 50]),
        operator("matmul_add", "FusedConv", 15, [1, 30, 50, 1], [100, 30, 1, 1], [1, 100, 50, 1]),
        operator("matmul_add", "FusedConv", 1, [1, 8, 50, 1], [100, 8, 1, 1], [1, 100, 50, 1]),
        operator("linear", "Gemm", 1, [100, 50], [8, 50]),
        operator("lora_up", "Add", 2, [100, 30], [100, 30]),
        operator("matmul_tn", "Gemm", 3, [100, 8], [100, 30]),
        operator("matmul_tn_add", "Gemm", 1, [100, 8], [100, 30]),
        operator("attention_grad", "Loop", 7, []),
        operator("rotary", "RotaryEmbedding", 4, [1, 100, 50]),
        operator("label_logprob_unit", "Softmax", 5, [4, 90]),
        operator(null, "Identity", 6, [100, 50]),
      ],
    },
    117,
    8,
  );
  assertEquals(parts.map(({ group, milliseconds }) => [group, milliseconds]), [
    ["products with a frozen weight", 45],
    ["attention", 7],
    ["LoRA", 8],
    ["norms, RoPE, SwiGLU, sums", 4],
    ["embedding and head", 5],
    ["copies of outputs", 6],
    ["ONNX Runtime around them", 2],
    ["between programs", 40],
  ]);
  // Three products of 2 · 100 · 30 · 50 operations in 45 ms.
  assertEquals(parts[0]!.gflops, 0.02);
  assertEquals(parts[1]!.gflops, null);
  // 2 · 8 · 100 · (50 + 50 + 30 + 30) in 8 ms.
  assertEquals(parts[2]!.gflops, 0.032);
  const lines = stepText([{ ...parts[0]!, gflops: 20 }], 80).split("\n");
  assertEquals(
    lines.at(-3)?.replaceAll(/ +/g, " "),
    "| products with a frozen weight | 45 | 100.0 % | 20 (25 %) |",
  );
  assertStringIncludes(lines.at(-1)!, "are of 80, what this backend's product of 512 rows reaches alone");
});

Deno.test("stepParts() counts a trained head's two products by the factors' sizes", () => {
  const shapes = [[[4, 50], [90, 50]], [[4, 90], [4, 50]]];
  const operators = shapes.map((factors) => ({
    kernel: "label_logprob_weight_grad",
    op: "Gemm",
    milliseconds: 1,
    shapes: factors,
  }));
  const [head] = stepParts({ runs: 2, operators }, 2, 8);
  assertEquals([head?.group, head?.gflops], ["embedding and head", 2 * 4 * 50 * 90 / 1e6]);
});

Deno.test("stepParts() counts the head's own operators: logits, and the mean of the vocabulary's rows beside them", () => {
  const operators = ["LabelLogprob", "LabelLogprobUnit"].map((op) => ({
    kernel: "label_logprob",
    op,
    milliseconds: 1,
    shapes: [[4, 50], [90, 50], [4]],
  }));
  const [head] = stepParts({ runs: 2, operators }, 2, 8);
  assertEquals(head?.gflops, (2 + 4) * 4 * 50 * 90 / 2 / 1e6);
});

Deno.test("stepParts() takes attention's operations as given", () => {
  const times = { kernel: "attention", op: "Attention", milliseconds: 2, shapes: [] };
  assertEquals(stepParts({ runs: 2, operators: [times] }, 2, 8, 5e6)[0]?.gflops, 2.5);
});
