import { assertEquals, assertThrows } from "@std/assert";
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
});
