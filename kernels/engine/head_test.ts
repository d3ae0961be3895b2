import { assert, assertEquals } from "@std/assert";

import { evenChunk } from "./head.ts";

Deno.test("evenChunk() makes few chunks of one size, a quarter larger than asked for at most", () => {
  const sizes = [0, 1, 127, 128, 144, 160, 161, 298, 592].map((labels) => evenChunk(labels, 128));
  assertEquals(sizes, [0, 1, 127, 128, 144, 160, 81, 149, 148]);
  assertEquals([1, 2, 5, 6, 11].map((labels) => evenChunk(labels, 4)), [1, 2, 5, 3, 4]);
  for (const chunk of [1, 3, 16, 128]) {
    for (let labels = 1; labels < 700; labels++) {
      const size = evenChunk(labels, chunk), chunks = Math.ceil(labels / size);
      assert(size <= Math.max(1, 1.25 * chunk), `${labels} labels in chunks of ${chunk}: ${size}`);
      assert(chunks <= Math.ceil(labels / chunk), `${labels} labels in chunks of ${chunk}: ${chunks} chunks`);
    }
  }
});
