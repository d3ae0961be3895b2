import { assertAlmostEquals, assertThrows } from "@std/assert";

import { assertUpdate, updateDistance } from "./relative_distance.ts";

const start = { a: [1, 1], b: [0] };
// the update is (2, 0, 4), of length √20
const expected = { a: [3, 1], b: [4] };

Deno.test("updateDistance() by hand: an error of (0, 1, 2), of length √5, is half of an update of length √20", () => {
  assertAlmostEquals(updateDistance({ a: [3, 2], b: [6] }, { expected, start }), 0.5, 1e-15);
});

Deno.test("assertUpdate() fails from its limit on, at an update of nothing, and where tensors are missing or more", () => {
  const near = { a: [3, 2], b: [6] };
  assertUpdate(near, { expected, start, limit: 0.51 });
  for (const limit of [0.49, 0.5]) {
    assertThrows(
      () => assertUpdate(near, { expected, start, limit }),
      Error,
      "relative L2 of the update is 0.5",
    );
  }
  assertThrows(() => assertUpdate(start, { expected: start, start, limit: 1 }), Error, "is NaN");
  assertThrows(() => assertUpdate({ a: [3, 1] }, { expected, start, limit: 1 }), Error, "trained tensors");
  assertThrows(
    () => assertUpdate({ ...near, c: [1] }, { expected, start, limit: 1 }),
    Error,
    "trained tensors",
  );
});
