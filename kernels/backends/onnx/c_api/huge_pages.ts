/**
 * Huge pages for what the library allocated. A step of a model reads each of its weights once; in pages of 4 KiB, looking their
 * addresses up took one thread of a virtual processor a sixth of the time, and two threads next to nothing. On Linux from 6.1 on (MADV_COLLAPSE);
 * elsewhere nothing happens.
 * @module
 */
import { cString } from "./memory.ts";

/** First address and the one behind the last. */
export type MemoryRange = readonly [start: number, end: number];

/** Bytes of a page, and of a huge one. */
const PAGE = 4096, HUGE = 2 ** 21;
/** Pages of a huge one that must be in memory already, at least, so that next to nothing is added. */
const FILLED = 15 / 16 * HUGE / PAGE;
/** `madvise`'s number for making huge pages at once. */
const MADV_COLLAPSE = 25;
/** Bytes of the list of mappings that are read at once. */
const PART = 2 ** 16;

const CALLS = {
  getpagesize: { parameters: [], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  mincore: { parameters: ["usize", "usize", "buffer"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

let system: Deno.DynamicLibrary<typeof CALLS> | null | undefined;

/** The system's calls; null where huge pages can't be asked for. */
function calls(): Deno.DynamicLibrary<typeof CALLS>["symbols"] | null {
  try {
    system ??= Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", CALLS) : null;
  } catch {
    system = null;
  }
  return system && system.symbols.getpagesize() === PAGE ? system.symbols : null;
}

/** The process's own memory that no file stands behind, in order; none where huge pages can't be asked for. */
export function anonymousMemory(): MemoryRange[] {
  const c = calls();
  if (c === null) return [];
  // Deno shows the list to nobody without --allow-all, and to a program that loads libraries the C library shows it anyway.
  const file = c.open(cString("/proc/self/maps"), 0);
  if (file < 0) return [];
  const part = new Uint8Array(new ArrayBuffer(PART)), decoder = new TextDecoder();
  let text = "";
  try {
    for (let count; (count = Number(c.read(file, part, BigInt(PART)))) > 0;) {
      text += decoder.decode(part.subarray(0, count), { stream: true });
    }
  } finally {
    c.close(file);
  }
  return anonymousRanges(text);
}

/** Ranges of a list of mappings (proc(5), maps) that can be written, aren't shared and have no file. */
export function anonymousRanges(maps: string): MemoryRange[] {
  return [...maps.matchAll(/^(\w+)-(\w+) rw.p \w+ \S+ 0\b/gm)].map((
    [, start = "", end = ""],
  ) => [Number.parseInt(start, 16), Number.parseInt(end, 16)]);
}

/** Parts of `now` that `before` doesn't have; both are in order. */
export function addedRanges(before: readonly MemoryRange[], now: readonly MemoryRange[]): MemoryRange[] {
  return now.flatMap(([start, end]) => {
    const parts: MemoryRange[] = [];
    for (const [from, to] of before) {
      if (to <= start || from >= end) continue;
      if (from > start) parts.push([start, from]);
      start = to;
    }
    if (start < end) parts.push([start, end]);
    return parts;
  });
}

/**
 * Puts memory that was allocated since `before` and is filled into huge pages, in another thread. It may be used or freed meanwhile.
 * @param before As {@linkcode anonymousMemory} gave it.
 * @returns Bytes in huge pages.
 */
export async function useHugePages(before: readonly MemoryRange[]): Promise<number> {
  const c = calls();
  if (c === null) return 0;
  let bytes = 0;
  for (const [start, end] of addedRanges(before, anonymousMemory()).flatMap(filledRanges)) {
    if (await c.madvise(BigInt(start), BigInt(end - start), MADV_COLLAPSE) === 0) bytes += end - start;
  }
  return bytes;

  function filledRanges([first, last]: MemoryRange): MemoryRange[] {
    const start = Math.ceil(first / HUGE) * HUGE, end = Math.floor(last / HUGE) * HUGE;
    if (start >= end) return [];
    const pages = new Uint8Array(new ArrayBuffer((end - start) / PAGE));
    if (c?.mincore(BigInt(start), BigInt(end - start), pages) !== 0) return [];
    return filledParts(pages).map(([from, to]) => [start + from, start + to]);
  }
}

/**
 * Ranges of whole huge pages that are filled, in bytes.
 * @param pages For each page whether it is in memory, in the lowest bit; whole huge pages.
 */
export function filledParts(pages: Uint8Array): MemoryRange[] {
  const parts: [number, number][] = [], size = HUGE / PAGE;
  for (let i = 0; i < pages.length; i += size) {
    const filled = pages.subarray(i, i + size).reduce((sum, page) => sum + (page & 1), 0);
    if (filled < FILLED) continue;
    const start = i * PAGE, last = parts.at(-1);
    if (last?.[1] === start) last[1] = start + HUGE;
    else parts.push([start, start + HUGE]);
  }
  return parts;
}
