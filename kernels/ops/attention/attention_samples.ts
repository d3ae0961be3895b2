import type { Sample } from "../../kernel.ts";

/** Ends of subtrees and depths of a row that holds the given trees; a tree is `[length, ...children]`. */
type Tree = readonly [length: number, ...children: Tree[]];

/** Lays trees out depth first. */
export function layOut(trees: readonly Tree[]): { until: number[]; positions: number[] } {
  const until: number[] = [], positions: number[] = [];
  const place = ([length, ...children]: Tree, depth: number) => {
    const start = until.length;
    for (let i = 0; i < length; i++) {
      until.push(0);
      positions.push(depth + i);
    }
    children.forEach((child) => place(child, depth + length));
    for (let i = start; i < start + length; i++) until[i] = until.length;
  };
  trees.forEach((tree) => place(tree, 0));
  return { until, positions };
}

function sample(
  note: string,
  { trees, heads, kvHeads, d, ...more }: {
    trees: readonly Tree[];
    heads: number;
    kvHeads: number;
    d: number;
    window?: number;
    cap?: number;
    queries?: number;
    range?: Sample["range"];
    gradient?: boolean;
  },
): Sample {
  const data = layOut(trees), rows = data.until.length;
  return {
    note,
    dims: { queries: more.queries ?? rows, rows, qcols: heads * d, kvcols: kvHeads * d },
    attrs: {
      heads,
      kv_heads: kvHeads,
      scale: 1 / Math.sqrt(d),
      window: more.window ?? null,
      ...(more.cap && { cap: more.cap }),
    },
    data,
    ...(more.range ? { range: more.range } : {}),
    ...(more.gradient === undefined ? {} : { gradient: more.gradient }),
  };
}

/** Several workgroups, heads and trees: what a driver is tried on, too. */
export const treesSample: Sample = sample("two examples, one a tree of trees", {
  trees: [[2, [3, [1], [2]], [2]], [4]],
  heads: 2,
  kvHeads: 2,
  d: 2,
});

/** Trees for both directions. */
const common: Sample[] = [
  sample("one token", { trees: [[1]], heads: 1, kvHeads: 1, d: 2 }),
  sample("causal, grouped heads", { trees: [[5]], heads: 4, kvHeads: 2, d: 3 }),
  sample("two answers behind one prompt", { trees: [[3, [2], [4]]], heads: 2, kvHeads: 1, d: 4 }),
  treesSample,
  sample("sliding window over a tree", { trees: [[4, [3], [5]]], heads: 2, kvHeads: 1, d: 2, window: 3 }),
  sample("scores that are capped, most of them far from it and some near it", {
    trees: [[3, [4], [2]], [5]],
    heads: 4,
    kvHeads: 2,
    d: 3,
    cap: 2,
    range: { q: [-2, 2], k: [-2, 2] },
  }),
  sample("capped scores in a window, longer than a chunk", {
    trees: [[70, [40], [60]]],
    heads: 2,
    kvHeads: 1,
    d: 4,
    window: 50,
    cap: 1.5,
    range: { q: [-3, 3], k: [-3, 3] },
    gradient: false,
  }),
  sample("longer than a chunk", {
    trees: [[100, [60], [40, [30], [20]]], [30]],
    heads: 2,
    kvHeads: 1,
    d: 4,
    gradient: false,
  }),
  sample("chunks that don't divide the rows evenly, in a window", {
    trees: [[70, [40], [27]]],
    heads: 2,
    kvHeads: 1,
    d: 2,
    window: 50,
    gradient: false,
  }),
  sample("a branch behind one longer than a chunk", {
    trees: [[20, [130], [140]]],
    heads: 2,
    kvHeads: 1,
    d: 2,
    gradient: false,
  }),
];

/** Scores of up to 3,000 forward. Backward 100: float32 holds a score of 3,000 only to 2e-4, which is that error in a weight. */
const large = (range: number, cap?: number) =>
  sample(cap ? "large scores, all at their cap" : "large scores", {
    trees: [[6, [3], [2]]],
    heads: 2,
    kvHeads: 1,
    d: 4,
    ...(cap && { cap }),
    range: { q: [-range, range], k: [-range, range] },
    gradient: false,
  });

/** Scores between −192 and −176. */
const FAR_BELOW = { q: [8, 8], k: [-12, -11] } as const;

/** Samples of the forward kernel. */
export const attentionSamples: Sample[] = [
  ...common,
  large(40),
  large(40, 50),
  sample("all scores so far below 0 that their exponentials are 0, several blocks of keys", {
    trees: [[20], [130, [40], [61]]],
    heads: 2,
    kvHeads: 1,
    d: 4,
    queries: 70,
    range: FAR_BELOW,
    gradient: false,
  }),
  sample("last two rows as queries, as with a cache", {
    trees: [[7]],
    heads: 2,
    kvHeads: 1,
    d: 2,
    queries: 2,
    gradient: false,
  }),
  sample("the last queries of a tree behind several blocks of keys, in a window", {
    trees: [[20], [130, [40], [61]]],
    heads: 2,
    kvHeads: 1,
    d: 3,
    window: 150,
    queries: 70,
    gradient: false,
  }),
  sample("more last queries than a chunk, not evenly divided, in a window", {
    trees: [[20], [90, [30], [15]]],
    heads: 2,
    kvHeads: 1,
    d: 2,
    window: 40,
    queries: 131,
    gradient: false,
  }),
];

/** Samples of the gradient kernel (as many queries as rows). */
export const attentionGradSamples: Sample[] = [
  ...common,
  large(7),
  large(7, 3),
  sample("all scores so far below 0 that their exponentials are 0", {
    trees: [[6, [3], [2]]],
    heads: 2,
    kvHeads: 1,
    d: 4,
    range: FAR_BELOW,
    gradient: false,
  }),
].map((
  { dims: { queries: _, ...dims }, ...rest },
) => ({ ...rest, dims }));
