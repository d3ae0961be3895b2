/**
 * Memory in which sessions put what their operators give each other. An arena keeps the most that a run took, and each session
 * has its own; sessions that run one after another need no more than the largest of them, so they can share one.
 * @module
 */
import type { OrtLibrary } from "./library.ts";
import { cString, CStrings, stringAt } from "./memory.ts";
import { checkStatus, created } from "./status.ts";

/** ArenaExtendStrategy kSameAsRequested: it grows by what is asked for, and not to the next power of two. */
const SAME_AS_REQUESTED = 1n;
/** Of OrtMemoryInfo: OrtArenaAllocator, OrtMemTypeDefault. */
const ARENA_ALLOCATOR = 1, DEFAULT_MEMORY = 0;

const shared = new WeakSet<OrtLibrary>();

/**
 * Has the library keep an arena, in which sessions of the process that ask for it are put from now on; once for each thread of
 * JavaScript. An earlier one is freed with the last of its sessions.
 */
export function shareArena(library: OrtLibrary): void {
  if (shared.has(library)) return;
  const { api, env } = library, action = "share an arena";
  const names = new CStrings(["arena_extend_strategy"]), values = BigUint64Array.of(SAME_AS_REQUESTED);
  const settings = created(
    api,
    action,
    (out) => api.CreateArenaCfgV2(names.pointers, values, BigInt(names.length), out),
  );
  const memory = created(
    api,
    action,
    (out) => api.CreateMemoryInfo(cString("Cpu"), ARENA_ALLOCATOR, 0, DEFAULT_MEMORY, out),
  );
  try {
    checkStatus(api, action, api.CreateAndRegisterAllocator(env, memory, settings));
  } finally {
    api.ReleaseMemoryInfo(memory);
    api.ReleaseArenaCfg(settings);
  }
  shared.add(library);
}

/**
 * Figures of an arena by the library's names: `TotalAllocated`, bytes it holds; `MaxInUse`, the most of them in use at once.
 * @param allocator OrtAllocator
 */
export function arenaStatistics({ api }: OrtLibrary, allocator: Deno.PointerValue): Record<string, number> {
  const action = "read an arena's figures";
  const pairs = created(api, action, (out) => api.AllocatorGetStats(allocator, out));
  try {
    const keys = new BigUint64Array(1), values = new BigUint64Array(1), count = new BigUint64Array(1);
    api.GetKeyValuePairs(pairs, keys, values, count);
    const texts = (list: BigUint64Array) => {
      const pointer = Deno.UnsafePointer.create(list[0] ?? 0n),
        view = pointer && new Deno.UnsafePointerView(pointer);
      return Array.from({ length: Number(count[0]) }, (_, i) => stringAt(view?.getPointer(8 * i) ?? null));
    };
    const numbers = texts(values);
    return Object.fromEntries(texts(keys).map((key, i) => [key, Number(numbers[i])]));
  } finally {
    api.ReleaseKeyValuePairs(pairs);
  }
}
