import { assertEquals } from "@std/assert";
import { MT19937 } from "./mt19937.ts";

const words = (generator: MT19937, count: number) => Array.from({ length: count }, () => generator.next());

Deno.test("MT19937.ofKey() gives the authors' mt19937ar.out", () => {
  // first numbers of mt19937ar.out, init_by_array({0x123, 0x234, 0x345, 0x456})
  assertEquals(words(MT19937.ofKey([0x123, 0x234, 0x345, 0x456]), 4), [
    1067595299,
    955945823,
    477289528,
    4107218783,
  ]);
});

Deno.test("MT19937.ofKey() gives the words of Python's random.seed(), keys of several words too", () => {
  // CPython 3.11: [random.Random(seed).getrandbits(32) for _ in range(3)], seeds 0 and 2**70 + 12345
  assertEquals(words(MT19937.ofKey([0]), 3), [3626764237, 1654615998, 3255389356]);
  assertEquals(words(MT19937.ofKey([12345, 0, 64]), 3), [4124372728, 1880144277, 4058479540]);
});
