/**
 * Repetitions of something that chance decides: `thorough` times in `deno task test:all`, `quick` times where tests should
 * be done within minutes.
 */
export function repetitions(thorough: number, quick: number): number {
  return Deno.env.get("TEST_ALL") ? thorough : quick;
}

/** Variants of one thing, each of which takes a process: all of them in `deno task test:all`, the first `quick` elsewhere. */
export function variants<T>(all: readonly T[], quick: number): readonly T[] {
  return all.slice(0, repetitions(all.length, quick));
}
