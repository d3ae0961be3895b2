import { assertEquals, assertThrows } from "@std/assert";
import { onnxBackend } from "./backends/onnx/mod.ts";
import { defaultThreads } from "./threads.ts";

Deno.test("threads that nobody chose: OMP_NUM_THREADS, then the processors", () => {
  assertEquals(["", " ", "3", " 2 ", "4,2"].map(defaultThreads), [
    navigator.hardwareConcurrency,
    navigator.hardwareConcurrency,
    3,
    2,
    4,
  ]);
  for (const wrong of ["0", "-1", "1.5", "many", ",2"]) {
    assertThrows(() => defaultThreads(wrong), RangeError, `OMP_NUM_THREADS as a number of threads`);
  }
  const before = Deno.env.get("OMP_NUM_THREADS");
  try {
    Deno.env.set("OMP_NUM_THREADS", "5");
    assertEquals(onnxBackend().description.split(", ").slice(-2), ["cpu", "5 threads"]);
    assertEquals(onnxBackend({ threads: 2 }).description.split(", ").slice(-1), ["2 threads"]);
  } finally {
    if (before === undefined) Deno.env.delete("OMP_NUM_THREADS");
    else Deno.env.set("OMP_NUM_THREADS", before);
  }
});
