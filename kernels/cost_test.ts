import { assertEquals, assertThrows } from "@std/assert";
import { kernelCost } from "./cost.ts";
import type { Dims } from "./kernel.ts";
import { KERNELS } from "./mod.ts";

function cost(name: string, dims: Dims, options: Parameters<typeof kernelCost>[2] = {}) {
  return kernelCost(KERNELS.find((k) => k.name === name)!, dims, options);
}

Deno.test("kernelCost() counts operations and bytes as by hand", () => {
  // 2 × 3 × 5 multiply-adds; x 2 × 3, w 5 × 3, y 2 × 5 numbers.
  assertEquals(cost("linear", { rows: 2, in: 3, out: 5 }), { flops: 60, bytes: 4 * (6 + 15 + 10) });
  assertEquals(
    cost("linear", { rows: 2, in: 3, out: 5 }, { half: new Set(["w"]) }),
    { flops: 60, bytes: 4 * (6 + 10) + 2 * 15 },
  );
  // And a sum of each output with what was there.
  assertEquals(cost("matmul_add", { rows: 2, in: 3, out: 5 }).flops, 60 + 2 * 5);
  assertEquals(cost("matmul_tn_add", { rows: 2, left: 3, right: 5 }).flops, 60 + 3 * 5);
  // Three queries see 1, 2 and 3 keys; q·k and p·v over 4 columns; q, o 3 × 4, k, v 3 × 2, until, positions 3.
  const seen = { queries: 3, rows: 3, qcols: 4, kvcols: 2 };
  assertEquals(cost("attention", seen), { flops: 6 * 2 * 2 * 4, bytes: 4 * (2 * 12 + 2 * 6 + 6) });
  // The last of three queries sees all 3; 5 pairs when told so.
  assertEquals(cost("attention", { ...seen, queries: 1 }).flops, 3 * 2 * 2 * 4);
  assertEquals(cost("attention", seen, { pairs: 5 }).flops, 5 * 2 * 2 * 4);
  // Two rows of a table of seven: read and written, and their two indices.
  assertEquals(cost("gather_rows", { rows: 7, cols: 3, labels: 2 }), { flops: 0, bytes: 4 * (6 + 6 + 2) });
  assertEquals(
    cost("gather_rows", { rows: 7, cols: 3, labels: 2 }, { half: new Set(["x"]) }).bytes,
    12 + 24 + 8,
  );
  // p, m, v, g read, p, m, v written, four constants.
  assertEquals(cost("adamw", { rows: 2, cols: 3, hyper: 4 }), { flops: 96, bytes: 4 * (7 * 6 + 4) });
});

Deno.test("kernelCost() knows every kernel and refuses another", () => {
  for (const kernel of KERNELS) kernelCost(kernel, kernel.samples[0]!.dims);
  assertThrows(() => kernelCost({ ...KERNELS[0]!, name: "new" }, {}), RangeError, "kernel new");
});
