import { assert, assertEquals } from "@std/assert";

import { runDeno } from "../../../../tests/helpers/deno_process.ts";
import { addedRanges, anonymousRanges, filledParts } from "./huge_pages.ts";

const HUGE = 2 ** 21, PAGES = HUGE / 4096;

Deno.test("anonymousRanges() takes what can be written, isn't shared and has no file", () => {
  const maps = [
    "55d0a000-55d0b000 r--p 00000000 fe:00 1234    /usr/bin/deno",
    "55d0b000-55d0c000 rw-p 00001000 fe:00 1234    /usr/bin/deno",
    "55d1a000-55d2a000 rw-p 00000000 00:00 0       [heap]",
    "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 ",
    "7f0000400000-7f0000500000 ---p 00000000 00:00 0 ",
    "7f0000500000-7f0000600000 rw-s 00000000 00:00 0 ",
    "7f0000600000-7f0000700000 rwxp 00000000 00:00 0",
    "",
  ].join("\n");
  assertEquals(anonymousRanges(maps), [
    [0x55d1a000, 0x55d2a000],
    [0x7f0000000000, 0x7f0000400000],
    [0x7f0000600000, 0x7f0000700000],
  ]);
});

Deno.test("addedRanges() gives grown, new and filled-in ranges", () => {
  assertEquals(addedRanges([[10, 20], [30, 40]], [[5, 45], [50, 60]]), [[5, 10], [20, 30], [40, 45], [
    50,
    60,
  ]]);
  assertEquals(addedRanges([[10, 20], [20, 30]], [[10, 30]]), []);
  assertEquals(addedRanges([[10, 20], [70, 90]], [[15, 25], [80, 85]]), [[20, 25]]);
});

Deno.test("filledParts() takes huge pages of which a sixteenth is missing, at most, and joins neighbours", () => {
  const pages = new Uint8Array(5 * PAGES).fill(1);
  pages.fill(0, PAGES, PAGES + PAGES / 16);
  pages.fill(0, 2 * PAGES, 2 * PAGES + PAGES / 16 + 1);
  // Other bits say nothing.
  pages.fill(254, 4 * PAGES);
  assertEquals(filledParts(pages), [[0, 2 * HUGE], [3 * HUGE, 4 * HUGE]]);
});

const why = cannotCollapse();

Deno.test({
  name: `useHugePages() moves what was allocated and filled, and nothing else (${why ?? "here"})`,
  ignore: why !== null,
  async fn() {
    const child = new URL("_huge_pages_child.ts", import.meta.url).pathname;
    const { code, stdout, stderr } = await runDeno(["run", "-A", "--no-check", child]);
    assertEquals(code, 0, stderr);
    const { bytes, grown, kept, unchanged } = JSON.parse(stdout);
    // The system may fail to find a huge page, and then says so of the whole range.
    assert(grown >= HUGE && bytes < 2 ** 27, `${bytes} bytes, and ${grown} more in huge pages`);
    assertEquals([kept, unchanged], [true, 0]);
  },
});

/** Why the system makes no huge pages when it is asked to. */
function cannotCollapse(): string | null {
  const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
  if (Deno.build.os !== "linux") return `${Deno.build.os} isn't Linux`;
  if (major < 6 || (major === 6 && minor < 1)) return `Linux ${major}.${minor} is older than 6.1`;
  // Where the kernel was built without them, there is no such folder.
  try {
    Deno.statSync("/sys/kernel/mm/transparent_hugepage");
  } catch {
    return "this Linux was built without huge pages";
  }
  return null;
}
