/**
 * Figures of a program that continues token ids, ours or a peer's: the same code in both processes. Imports nothing, since it is
 * also copied beside the peer's package.
 * @module
 */

/** A program that continues sequences greedily, past its end tokens. */
export interface Continuer {
  /**
   * Continues a prompt by `count` tokens, forgetting what was before.
   * @param stream Number of the answer among those that run at once; null: it runs alone.
   * @param onToken Called for each token when it is there or soon after.
   */
  continue(
    stream: number | null,
    ids: readonly number[],
    count: number,
    onToken: () => void,
  ): Promise<void>;
}

/** Sizes of the work. */
export interface MeasuredSizes {
  /** Tokens of the long prompt, ≥ 32. */
  prompt: number;
  /** Steps that are timed, ≥ 8. */
  steps: number;
  /** Answers at once, ≥ 1. */
  streams: number;
  /** Ids are taken below this. */
  vocabulary: number;
}

/** Measured figures; speeds in tokens per second, memory in MiB (0 where the system doesn't tell). */
export interface MeasuredFigures {
  decodeAfter32: number;
  decodeAfterPrompt: number;
  prompt: number;
  streams: number;
  /** Of a text that repeats its prompt. */
  repeating: number;
  memory: number;
  memoryOfStreams: number;
}

/** Line that a process prints when its first token is there. */
export const FIRST_TOKEN = "first token";

/** Resident memory now, MiB. */
function residentMebibytes(): number {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Measures everything; prints {@linkcode FIRST_TOKEN} on the way. */
export async function measureContinuer(model: Continuer, sizes: MeasuredSizes): Promise<MeasuredFigures> {
  const { prompt, steps, streams, vocabulary } = sizes;
  const low = Math.min(1000, vocabulary >> 2), span = Math.min(40_000, vocabulary - low);
  /** No two prompts begin alike, so that nothing is taken over. */
  const ids = (count: number, seed: number) =>
    Array.from({ length: count }, (_, i) => low + (i * 7919 + seed * 104_729 + (i % 5) * seed) % span);
  await model.continue(null, ids(8, 1), 1, () => {});
  console.log(FIRST_TOKEN);

  const decode = async (tokens: readonly number[], count: number) => {
    let first = 0;
    await model.continue(null, tokens, count + 1, () => first ||= performance.now());
    return 1000 * count / (performance.now() - first);
  };
  await decode(ids(32, 2), 8);
  const decodeAfter32 = await decode(ids(32, 3), steps);
  const decodeAfterPrompt = await decode(ids(prompt, 4), steps);
  let best = Infinity;
  for (const seed of [5, 6]) {
    const start = performance.now();
    await model.continue(null, ids(prompt, seed), 1, () => {});
    best = Math.min(best, performance.now() - start);
  }
  const memory = residentMebibytes();
  const part = ids(24, 7);
  const repeating = await decode(Array.from({ length: 6 }, () => part).flat(), 2 * steps);
  const together = await decodeTogether(
    model,
    Array.from({ length: streams }, (_, s) => ids(prompt, 10 + s)),
    steps,
  );
  return {
    decodeAfter32,
    decodeAfterPrompt,
    prompt: 1000 * prompt / best,
    streams: together,
    repeating,
    memory,
    memoryOfStreams: residentMebibytes(),
  };
}

/** Tokens a second of all, from when each has begun until the first has ended. */
async function decodeTogether(
  model: Continuer,
  prompts: readonly number[][],
  steps: number,
): Promise<number> {
  const times: number[][] = prompts.map(() => []);
  // Prompts of others go through meanwhile, a step between two parts of them.
  const count = steps + 8 * prompts.length;
  await Promise.all(
    prompts.map((ids, s) => model.continue(s, ids, count, () => times[s]?.push(performance.now()))),
  );
  const begun = Math.max(...times.map((list) => list[0] ?? Infinity));
  const ended = Math.min(...times.map((list) => list[list.length - 1] ?? 0));
  const inside = times.flat().filter((time) => time > begun && time <= ended).length;
  return 1000 * inside / (ended - begun);
}
