/** So many at once, in order. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { forEachWide } from "./for_each_wide.ts";

Deno.test("forEachWide(): a width beyond the number of values costs nothing, and nothing is done without values", async () => {
  let done = 0, asked = 0;
  /** Counts how often there might be another value. */
  const counted = (values: number[]) => ({
    [Symbol.iterator]: () => {
      const own = values[Symbol.iterator]();
      return { next: () => (asked++, own.next()) };
    },
  });
  await forEachWide(counted([1, 2, 3]), 1e9, () => Promise.resolve(void done++));
  await forEachWide(counted([]), 1e9, () => Promise.resolve(void done++));
  assertEquals(done, 3);
  // a worker more than there are values, and each asks for an end
  assert(asked <= 3 + 4 + 1, `${asked} times asked`);
});

Deno.test("forEachWide() holds no more than its width, in order of start, and tells the first error", async () => {
  let taken = 0, running = 0, most = 0;
  async function* values() {
    for (let i = 0; i < 50; i++) {
      taken++;
      yield await Promise.resolve(i);
    }
  }
  const order: number[] = [];
  await forEachWide(values(), 7, async (i) => {
    order.push(i);
    most = Math.max(most, ++running);
    assert(taken - order.length <= 8);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
  });
  assertEquals([order, most], [Array.from({ length: 50 }, (_, i) => i), 7]);
  await assertRejects(
    () =>
      forEachWide([1, 2, 3], 2, (i) => i === 2 ? Promise.reject(new RangeError("two")) : Promise.resolve()),
    RangeError,
    "two",
  );
});
