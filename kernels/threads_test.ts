import { assertEquals, assertThrows } from "@std/assert";
import { defaultThreads, fittingThreads } from "./threads.ts";

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

Deno.test("threads: up to 16 a processor, so that a file of a larger machine runs and 9999 hold nothing up", () => {
  assertEquals([fittingThreads(1, 1), fittingThreads(16, 1), fittingThreads(128, 8)], [1, 16, 128]);
  assertThrows(
    () => fittingThreads(9999, 2),
    RangeError,
    "Cannot use 9999 threads as this machine has 2 processors, and each product waits for all of them: set threads (--threads, " +
      "or the variable OMP_NUM_THREADS) to at most 32, best to 2",
  );
  assertThrows(() => fittingThreads(17, 1), RangeError, "this machine has 1 processor, and");
});
