/** Process of its own for huge_pages_test.ts, since other tests' threads allocate and free meanwhile: prints what collapsing did. */
import { anonymousMemory, useHugePages } from "./huge_pages.ts";

const before = anonymousMemory();
// More than the C library keeps for later: it comes from the system.
const size = 2 ** 26, filled = new Uint32Array(size / 4), empty = new Uint8Array(size);
for (let i = 0; i < filled.length; i++) filled[i] = i;
const there = hugeMemory(), bytes = await useHugePages(before);
console.log(JSON.stringify({
  bytes,
  grown: hugeMemory() - there,
  kept: filled.every((value, i) => value === i) && empty.length === size,
  unchanged: await useHugePages(anonymousMemory()),
}));

/** Bytes of this process in huge pages. */
function hugeMemory(): number {
  return 1024 * Number(/AnonHugePages: +(\d+)/.exec(Deno.readTextFileSync("/proc/self/smaps_rollup"))?.[1]);
}
