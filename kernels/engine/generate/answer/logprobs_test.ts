import { assertAlmostEquals, assertEquals } from "@std/assert";
import { logprobsOf } from "./logprobs.ts";

Deno.test("logprobsOf() gives logarithms of shares, the best first and of equal ones the lower id", () => {
  // Shares 1, 2, 5, 2 of 10, on logits that are 700 too high for exp().
  const logits = Float32Array.from([1, 2, 5, 2], (share) => 700 + Math.log(share));
  const { id, logprob, top } = logprobsOf(logits, 0, 3);
  assertEquals([id, ...top.map((entry) => entry.id)], [0, 2, 1, 3]);
  // float32 has steps of 6e-5 at 700.
  assertAlmostEquals(logprob, Math.log(1 / 10), 1e-4);
  [5, 2, 2].forEach((share, i) => assertAlmostEquals(top[i]!.logprob, Math.log(share / 10), 1e-4));
  assertEquals(logprobsOf(logits, 3, 0).top, []);
  assertEquals(logprobsOf(logits, 3, 20).top.length, 4);
});
