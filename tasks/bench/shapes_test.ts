import { assertEquals } from "@std/assert";
import { shapesText } from "./shapes.ts";

Deno.test("shapesText() marks the shapes that are slower than their neighbours", () => {
  const shape = { model: "Qwen2-7B", out: 18944, in: 3584, rows: 1024, layout: "linear", gbs: 50 } as const;
  const text = shapesText("WebGPU, a card", [
    { ...shape, storage: "float32", milliseconds: 6, gflops: 21000, share: 1.05 },
    { ...shape, storage: "float16", milliseconds: 19, gflops: 7000, share: 1 / 3 },
  ]);
  assertEquals(text.split("\n").slice(3), [
    "model     product  weight   rows         n × k      ms  GFLOP/s  GB/s  of neighbours",
    "Qwen2-7B  linear   float32  1024  18944 × 3584   6.000  21000.0  50.0           1.05",
    "Qwen2-7B  linear   float16  1024  18944 × 3584  19.000   7000.0  50.0           0.33  slow",
    "",
    "1 of 2 shapes are below 0.7 of a neighbour.",
  ]);
});
