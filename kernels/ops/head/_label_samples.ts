import type { Sample } from "../../kernel.ts";

/** Samples of the kernels of the output head. */
export const labelSamples: Sample[] = [
  { dims: { labels: 1, cols: 1, vocab: 1 }, data: { ids: [0] }, note: "one element" },
  {
    dims: { labels: 5, cols: 7, vocab: 33 },
    data: { ids: [0, 32, 7, 7, 1] },
    range: { h: [-2, 2] },
    note: "odd sizes",
  },
  {
    dims: { labels: 5, cols: 7, vocab: 33 },
    attrs: { cap: 1.5 },
    data: { ids: [0, 32, 7, 7, 1] },
    range: { h: [-2, 2] },
    note: "logits that are capped, some of them near it",
  },
  {
    dims: { labels: 9, cols: 20, vocab: 700 },
    attrs: { cap: 30 },
    data: { ids: Array.from({ length: 9 }, (_, i) => (i * 97) % 700) },
    range: { h: [-20, 20] },
    gradient: false,
    note: "capped logits of hundreds, more than a chunk of the vocabulary",
  },
  {
    dims: { labels: 67, cols: 4, vocab: 130 },
    data: { ids: Array.from({ length: 67 }, (_, i) => (i * 31) % 130) },
    note: "more labels than a tile",
  },
  {
    dims: { labels: 3, cols: 4, vocab: 9 },
    data: { ids: [0, 4, 8] },
    range: { h: [-30, 30], w: [-10, 10] },
    gradient: false,
    note: "logits of hundreds: log-probabilities far below log of the smallest float",
  },
  {
    dims: { labels: 2, cols: 2, vocab: 3 },
    // Logits −100, −101, −100.5, and −194, −196, −194.25, without rounding.
    data: { ids: [0, 2], h: [8, 4, 16, 2], w: [-12, -1, -12.125, -1, -12, -1.125] },
    note: "all logits so far below 0 that their exponentials are 0",
  },
];
