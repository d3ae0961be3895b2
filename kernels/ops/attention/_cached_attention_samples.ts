import type { Sample } from "../../kernel.ts";
import { HIDDEN_PLACE } from "./_attention.ts";

/** Places of a sample's rows: `lengths[s]` tokens of slot s in the past, then its fresh rows, the last `queries` of them new. */
function sample(
  note: string,
  { lengths, past, fresh, queries, heads: [heads, kvHeads], d, window, cap, range }: {
    lengths: readonly number[];
    past: number;
    /** Fresh rows of a slot, and how many of them hold something. */
    fresh: readonly [rows: number, used: number];
    queries: number;
    /** Of queries, and of keys and values. */
    heads: readonly [queries: number, keys: number];
    d: number;
    window?: number;
    cap?: number;
    range?: Sample["range"];
  },
): Sample {
  const slots = lengths.length, [rows, used] = fresh;
  const place = (i: number, shown: number) => i < shown ? i : HIDDEN_PLACE;
  return {
    note,
    dims: {
      rows: slots * queries,
      qcols: heads * d,
      slots,
      heads: kvHeads,
      past,
      d,
      fresh: slots * rows,
      kvcols: kvHeads * d,
    },
    attrs: {
      heads,
      kv_heads: kvHeads,
      scale: 1 / Math.sqrt(d),
      window: window ?? null,
      ...(cap && { cap }),
    },
    data: {
      past_places: lengths.flatMap((n) => Array.from({ length: past }, (_, i) => place(i, n))),
      fresh_places: lengths.flatMap((n) => Array.from({ length: rows }, (_, i) => place(n + i, n + used))),
      places: lengths.flatMap((n) => Array.from({ length: queries }, (_, i) => n + used - queries + i)),
    },
    ...(range ? { range } : {}),
  };
}

/** Scores between −192 and −176. */
const FAR_BELOW = { q: [8, 8], past_k: [-12, -11], k: [-12, -11] } as const;

/** Rows that several samples have. */
const SHORT = { lengths: [6], past: 6, fresh: [3, 3], queries: 3 } as const;
const TWO = { lengths: [9, 4], past: 9, fresh: [6, 5], queries: 2 } as const;
/** More keys than a workgroup. */
const LONG = { lengths: [150, 131], past: 160, fresh: [70, 67], queries: 3 } as const;

/** Queries and keys between −`size` and `size`. */
const within = (size: number): Sample["range"] => ({
  q: [-size, size],
  past_k: [-size, size],
  k: [-size, size],
});

/** Samples of attention with a cache. */
export const cachedAttentionSamples: Sample[] = [
  sample("nothing in the past", { lengths: [0], past: 1, fresh: [1, 1], queries: 1, heads: [1, 1], d: 2 }),
  sample("one token of each of three sequences", {
    ...{ lengths: [5, 0, 3], past: 5, fresh: [4, 2], queries: 1 },
    ...{ heads: [4, 2], d: 3 },
  }),
  sample("a chunk of a prompt", { lengths: [6], past: 8, fresh: [7, 7], queries: 7, heads: [3, 1], d: 4 }),
  sample("a sliding window over both parts", { ...TWO, heads: [2, 1], d: 2, window: 4 }),
  sample("more keys than a workgroup, a head wider than one", { ...LONG, heads: [2, 2], d: 72 }),
  sample("no fresh rows", { lengths: [70, 3], past: 81, fresh: [0, 0], queries: 1, heads: [4, 2], d: 8 }),
  sample("scores that are capped, in a window", {
    ...TWO,
    ...{ heads: [4, 2], d: 4, window: 6, cap: 1.5, range: within(3) },
  }),
  sample("capped scores of more keys than a workgroup, no fresh rows", {
    ...{ ...LONG, fresh: [0, 0], queries: 1 },
    ...{ heads: [2, 2], d: 72, cap: 50, range: { q: [-40, 40], past_k: [-40, 40] } },
  }),
  sample("large scores", { ...SHORT, heads: [2, 1], d: 4, range: within(40) }),
  sample("all scores so far below 0 that their exponentials are 0", {
    ...SHORT,
    ...{ heads: [2, 1], d: 4, range: FAR_BELOW },
  }),
  sample("such scores of more keys than a workgroup", { ...LONG, heads: [2, 2], d: 4, range: FAR_BELOW }),
];
