/** How far numbers are from expected ones as a whole, where single ones are small beside the error of their sums. */
import { assert, assertEquals } from "@std/assert";

import { entryOf, item } from "../../formats/elements.ts";

type Tensors = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Relative L2 distance of an update: |trained − expected| / |expected − start| over all tensors. Single numbers can't be held: AdamW
 * makes a full step of any gradient, also of one that is rounding alone.
 * @throws {RangeError} If a name or a number that is expected isn't there
 */
export function updateDistance(trained: Tensors, { expected, start }: { expected: Tensors; start: Tensors }) {
  let off = 0, update = 0;
  for (const [name, values] of Object.entries(expected)) {
    const found = entryOf(trained, name), before = entryOf(start, name);
    for (let i = 0; i < values.length; i++) {
      off += (item(found, i) - item(values, i)) ** 2;
      update += (item(values, i) - item(before, i)) ** 2;
    }
  }
  return Math.sqrt(off / update);
}

/** Asserts that {@linkcode updateDistance} is below a limit, and that just these tensors were trained. */
export function assertUpdate(
  trained: Tensors,
  { limit, ...golden }: { expected: Tensors; start: Tensors; limit: number },
): void {
  assertEquals(Object.keys(trained).sort(), Object.keys(golden.expected).sort(), "trained tensors");
  const distance = updateDistance(trained, golden);
  assert(distance < limit, `relative L2 of the update is ${distance}, at most ${limit} is allowed`);
}
