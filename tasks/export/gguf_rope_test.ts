/** Rotary keys of a GGUF file from configurations that leave fields out. */
import { assertEquals } from "@std/assert";

import { ropeKeys } from "./gguf_rope.ts";

Deno.test("a configuration without rope_theta has its family's base in the file, and no divisors", () => {
  const headDim = 8;
  // default_theta of transformers' classes (5.17)
  for (
    const [model_type, theta] of [["llama", 1e4], ["qwen2_vl", 1e6], ["qwen3_vl", 5e5], [
      "smollm3",
      2e6,
    ], ["gemma3_text", 1e6]] as const
  ) {
    const inverseFrequencies = Float64Array.from(
      { length: headDim / 2 },
      (_, i) => theta ** (-2 * i / headDim),
    );
    const { keys, divisors } = ropeKeys({ model_type }, { inverseFrequencies }, "X");
    assertEquals(
      [keys, divisors.size],
      [[["X.rope.freq_base", { type: "f32", value: theta }]], 0],
      model_type,
    );
  }
});
