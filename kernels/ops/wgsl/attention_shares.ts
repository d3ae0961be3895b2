/**
 * Blocks of attention shared out over workgroups, where blocks and heads alone are too few to keep a device busy.
 *
 * Forward and dQ pass: every so manyth block of keys that 32 queries see is one workgroup's, which leaves its maximum, sum and
 * unscaled result; a dispatch of its own joins them in their order (Flash-Decoding, Dao et al. 2023). dK and dV: by query heads and
 * every so manyth block of queries, and the shares are summed. No share is without a block of the causal triangle.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../../wgsl_program.ts";
import { type AttentionShape, BLOCK, THREADS, widthFor } from "./attention_tiles.ts";
import { elementOf, literal, shader, widthOf } from "./shader.ts";

/** Workgroups below which a block is shared out: some for each of the 132 units of an H100. */
export const WANTED_WORKGROUPS = 1024;
const MOST_RANGES = 8;

/** A power of two of ranges for `owners` workgroups, of which at most `most` are useful or possible. */
function rangesFor(owners: number, most: number): number {
  const wanted = Math.ceil(WANTED_WORKGROUPS / owners);
  return 2 ** Math.floor(Math.log2(Math.max(1, Math.min(wanted, most, MOST_RANGES))));
}

/** Workgroups that share a block of keys of one key head: by its query heads, and by every so manyth block of queries. */
export interface KeyShares {
  heads: number;
  ranges: number;
}

/**
 * Shares of dK and dV are summed by dispatches of their own. Query heads are parted first, since they have equal work. Where queries
 * come in parts, shares wouldn't fit a binding: a block then has one workgroup.
 */
export function keyShares(
  { rows, kvcols, heads, kvHeads }: AttentionShape,
  { bindingBytes }: WgslLimits,
): KeyShares {
  const blocks = Math.ceil(rows / BLOCK), owners = blocks * kvHeads, sharing = heads / kvHeads;
  const most = Math.floor(bindingBytes / (4 * rows * kvcols * sharing));
  if (owners >= WANTED_WORKGROUPS || most === 0) return { heads: 1, ranges: 1 };
  // The first block of keys is seen by all blocks of queries, the last by one.
  return { heads: sharing, ranges: rangesFor(owners * sharing, Math.min(most, Math.floor(blocks / 2))) };
}

/** `dk` or `dv` as the sum of its shares, in their order, times a factor. */
export function sumShares(
  { rows, kvcols }: AttentionShape,
  { heads, ranges }: KeyShares,
  { name, shares, factor }: { name: "dk" | "dv"; shares: string; factor: number },
): WgslDispatch {
  const width = widthOf(kvcols), element = elementOf(width), count = rows * kvcols / width;
  const value = factor === 1 ? "sum" : `${literal(factor)} * sum`;
  return shader({
    label: `attention_grad, sum of ${name}`,
    threads: THREADS,
    read: { shares: { of: shares, element } },
    write: { [name]: { element } },
    sizes: { count },
    workgroups: Math.ceil(count / THREADS),
    body: `  let i = workgroup * ${THREADS}u + lane;
  if (i >= sizes.count) { return; }
  var sum = shares[i];
  for (var s = 1u; s < ${heads * ranges}u; s++) { sum += shares[s * sizes.count + i]; }
  ${name}[i] = ${value};`,
  });
}

/** Workgroups that share a block of queries of one head; 1 where queries come in parts or shares wouldn't fit a binding. */
export function queryRanges(shape: AttentionShape, { bindingBytes }: WgslLimits): number {
  const { queries, rows, qcols, heads } = shape;
  const owners = Math.ceil(queries / BLOCK) * heads;
  const fit = Math.floor(bindingBytes / (Math.max(4 * qcols, 16 * heads) * queries));
  // The last queries come behind all blocks of keys, the first ones perhaps behind one.
  return rangesFor(owners, Math.min(fit, Math.floor(Math.ceil(rows / BLOCK) / 2)));
}

/** Workgroups for `blocks` blocks of queries that begin `offset` rows behind the first: a range has no block that sees fewer keys. */
export function queryWorkgroups(
  { blocks, offset }: { blocks: number; offset: number },
  { heads }: AttentionShape,
  ranges: number,
): number {
  let owners = 0;
  for (let range = 0; range < ranges; range++) owners += blocks - hiddenBlocks(range, offset);
  return owners * heads;
}

/** The first blocks of queries, that see no more blocks of keys than `range`. */
function hiddenBlocks(range: number, offset: number): number {
  return Math.max(0, Math.floor((BLOCK * range - offset) / BLOCK));
}

/** WGSL: the head, range and first query of a workgroup of {@linkcode queryWorkgroups}, those with the most keys first. */
export function queryOwner({ heads, kvHeads }: AttentionShape, shared: boolean): string {
  const own = `let head = workgroup % ${heads}u; let kv = head / ${heads / kvHeads}u;`;
  if (!shared) {
    return `  ${own}
  let start = (sizes.blocks - 1u - workgroup / ${heads}u) * ${BLOCK}u;`;
  }
  return `  ${own}
  var owner = workgroup / ${heads}u; var range = 0u; var hidden = 0u;
  while (owner >= sizes.blocks - hidden) {
    owner -= sizes.blocks - hidden;
    range++;
    hidden = select(0u, (${BLOCK}u * range - sizes.offset) / ${BLOCK}u, ${BLOCK}u * range > sizes.offset);
  }
  let start = (sizes.blocks - 1u - owner) * ${BLOCK}u;
  share_rows = range * sizes.queries;`;
}

/** Temporaries of shared queries: unscaled results of each range, and `(maximum, sum, δ)` of each by head and query. */
export function queryTemporaries(
  { queries, qcols, heads }: AttentionShape,
  ranges: number,
): Record<"shares" | "share_statistics", number> {
  return { shares: ranges * queries * qcols, share_statistics: 4 * ranges * heads * queries };
}

/**
 * Joins ranges: each counts e^(its maximum − the largest), in their order; ranges that see nothing don't. With `statistics` it
 * leaves each query's maximum, 1 / sum and δ.
 */
export function joinShares(
  shape: AttentionShape,
  ranges: number,
  { label, to, factor, statistics }: { label: string; to: string; factor: number; statistics: boolean },
): WgslDispatch {
  const { queries, rows, qcols, heads } = shape, width = widthFor(shape), element = elementOf(width);
  const wide = qcols / width, perHead = wide / heads, count = queries * wide;
  const value = factor === 1 ? "value / sum" : `(${literal(factor)} / sum) * value`;
  return shader({
    label,
    threads: THREADS,
    read: { shares: { element }, share_statistics: { element: "vec4<f32>" } },
    write: { [to]: { element }, ...(statistics && { statistics: { element: "vec4<f32>" } }) },
    sizes: { count, queries, ranges, offset: rows - queries, rows },
    workgroups: Math.ceil(count / THREADS),
    body: `  let i = workgroup * ${THREADS}u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${wide}u; let head = i % ${wide}u / ${perHead}u;
  let ranges = min(sizes.ranges, (row / ${BLOCK}u * ${BLOCK}u + sizes.offset + ${
      BLOCK - 1
    }u) / ${BLOCK}u + 1u);
  var most = -1e38f;
  for (var r = 0u; r < ranges; r++) {
    most = max(most, share_statistics[(r * ${heads}u + head) * sizes.queries + row].x);
  }
  var value = ${element}(); var sum = 0f;
  for (var r = 0u; r < ranges; r++) {
    let known = share_statistics[(r * ${heads}u + head) * sizes.queries + row];
    if (known.y > 0f) {
      let fade = exp(known.x - most);
      sum += fade * known.y;
      value += fade * shares[r * sizes.count + i];
    }
  }
  ${to}[i] = ${value};${
      statistics
        ? `
  if (i % ${perHead}u == 0u) {
    let delta = share_statistics[head * sizes.queries + row].z;
    statistics[head * sizes.rows + sizes.offset + row] = vec4<f32>(most, 1f / sum, delta, 0f);
  }`
        : ""
    }`,
  });
}
