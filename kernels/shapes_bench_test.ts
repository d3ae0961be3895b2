import { assert, assertEquals, assertRejects } from "@std/assert";
import { item } from "../formats/elements.ts";
import { onnxBackend } from "./backends/onnx/mod.ts";
import { benchShapes, type ShapeTiming, withShares } from "./shapes_bench.ts";

const MATRICES = [{ model: "small", out: 24, in: 20 }];

Deno.test("benchShapes() measures both products of a matrix, once each has the values of sums in float64", async () => {
  const backend = onnxBackend();
  const found = await benchShapes(backend, { matrices: MATRICES, rows: [1, 12], seconds: 0.001 });
  assertEquals(found.map(({ layout, rows, storage }) => `${layout} ${rows} ${storage}`), [
    "linear 1 float32",
    "linear 12 float32",
    "matmul 12 float32",
  ]);
  for (const { milliseconds, gflops, gbs, rows } of found) {
    // By hand: 2 · rows · 24 · 20 operations; rows · (24 + 20) + 24 · 20 numbers of 4 bytes.
    assertEquals(Math.round(gflops * milliseconds * 1e6), 960 * rows);
    assertEquals(Math.round(gbs * milliseconds * 1e6), 4 * (44 * rows + 480));
  }
  const off = {
    ...backend,
    download: async (...given: Parameters<typeof backend.download>) => {
      const values = await backend.download(...given);
      return values.map((v) => v + 1e-3) as typeof values;
    },
  };
  await assertRejects(
    () => benchShapes(off, { matrices: MATRICES, rows: [1], seconds: 0.001 }),
    Error,
    "Cannot time linear 1 × 24 × 20 in float32: row 0, column",
  );
  await backend.dispose();
});

Deno.test("a shape stands beside neighbours that do no more work: float16 and `linear` that collapse are seen, a small product isn't", () => {
  type Row = [
    out: number,
    rows: number,
    layout: ShapeTiming["layout"],
    storage: ShapeTiming["storage"],
    gflops: number,
  ];
  const rows: Row[] = [
    [512, 1024, "linear", "float32", 8],
    [3584, 1024, "linear", "float32", 20],
    [3584, 4096, "linear", "float32", 5],
    [3584, 4096, "matmul", "float32", 20],
    [18944, 1024, "linear", "float32", 21],
    [18944, 1024, "linear", "float16", 7],
    [18944, 1, "linear", "float16", 3],
  ];
  const shares = withShares(rows.map(([out, rows, layout, storage, gflops]) => ({
    model: "made up",
    out,
    in: 3584,
    rows,
    layout,
    storage,
    gflops,
    milliseconds: 1,
    gbs: 1000,
  })));
  // 8 has nothing smaller; 20 by 8; 5 by 20, of fewer rows and of matmul; 21 by 20, and 7 by 21; one row has no row beside it.
  assertEquals(shares.map(({ share }) => share), [1, 2.5, 0.25, 4, 1.05, 7 / 21, 1]);
  assert(item(shares, 0).out === 512);
});
