/**
 * Attention over a prefix tree as compute shaders (FlashAttention, Dao et al. 2022): no `[T, T]` matrix, no atomics.
 *
 * A workgroup of 8 × 8 invocations owns 32 queries of a head (forward and dQ) or 32 keys of a key head (dK, dV) and walks
 * over blocks of 32 of the other side; an invocation owns 4 × 4 scores of a block and 4 rows of the result. Scores pass
 * through workgroup memory as the factor of the second product. Blocks that nothing sees are skipped: `bounds` holds the
 * largest `until` of every block of keys. The dQ pass is online like the forward pass and leaves each query's maximum,
 * 1 / sum and δ for the dK, dV pass, so scores are computed twice in the backward pass, not three times.
 *
 * Queries larger than a binding are taken in parts, `offset` rows behind the first that has keys; dK and dV add up over the
 * parts. Keys and values, which grouped heads make smaller, are bound whole.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslPart, WgslSubgroups } from "../../wgsl_program.ts";
import { together } from "./reduce.ts";
import { elementsOf, literal, rowParts, shader, type Width } from "./shader.ts";
import { cappedWgsl, softTanh } from "./soft_cap.ts";

/** Sizes and attributes of an attention. */
export interface AttentionShape {
  queries: number;
  rows: number;
  qcols: number;
  kvcols: number;
  heads: number;
  kvHeads: number;
  scale: number;
  window: number | null;
  cap: number | null;
  /** Of the device. */
  subgroups?: WgslSubgroups | undefined;
}

/** Queries or keys of a block. */
export const BLOCK = 32;
/** Invocations of a workgroup, 8 × 8. */
export const THREADS = 64;
const DEPTH = 8;
const SPAN = 16;
/** A block of scores: 8 vec4 a row and one of padding. */
export const SCORES = 9;

/** True if a tensor has rows of queries, or of keys and values. */
export type Side = "query" | "key";

/** Row length of a side, WGSL of its count of rows, and the name of a head there. */
const SIDES = {
  query: { cols: "qcols", head: "head", count: "sizes.queries" },
  key: { cols: "kvcols", head: "kv", count: "sizes.rows" },
} as const;

/** `until` and `positions` by row, then the largest `until` of every block of keys, in one binding. */
export function boundsDispatch({ rows }: AttentionShape): WgslDispatch {
  const blocks = Math.ceil(rows / BLOCK);
  return shader({
    label: "attention, bounds",
    threads: THREADS,
    read: { until: { element: "i32" }, positions: { element: "i32" } },
    write: { bounds: { element: "i32" } },
    sizes: { rows, blocks },
    workgroups: Math.ceil(Math.max(rows, blocks) / THREADS),
    body: `  let i = workgroup * ${THREADS}u + lane;
  if (i < sizes.rows) {
    bounds[2u * i] = until[i];
    bounds[2u * i + 1u] = positions[i];
  }
  if (i < sizes.blocks) {
    var last = 0i;
    for (var j = i * ${BLOCK}u; j < min((i + 1u) * ${BLOCK}u, sizes.rows); j++) { last = max(last, until[j]); }
    bounds[2u * sizes.rows + i] = last;
  }`,
  });
}

/** Elements of the temporary `bounds`. */
export function boundsSize({ rows }: AttentionShape): number {
  return 2 * rows + Math.ceil(rows / BLOCK);
}

/** vec4 of a head, the last one perhaps not full. */
export function quadsOf({ qcols, heads }: AttentionShape): number {
  return Math.ceil(qcols / heads / 4);
}

/** True if rows of heads are read by vec4. */
export function widthFor({ qcols, kvcols, heads }: AttentionShape): Width {
  const d = qcols / heads;
  return d % 4 === 0 && qcols % 4 === 0 && kvcols % 4 === 0 ? 4 : 1;
}

/** vec4 of a row that are staged at once for scores. */
export function depthFor(shape: AttentionShape): number {
  return Math.min(DEPTH, quadsOf(shape));
}

/** vec4 of a row that are staged at once for results. */
export function spanFor(shape: AttentionShape): number {
  return Math.min(SPAN, Math.ceil(quadsOf(shape) / 8) * 8);
}

/** A function that reads vec4 `quad` of a head's row; zeros outside. */
export function rowReader(shape: AttentionShape, name: string, side: Side): string {
  const { cols, head, count } = SIDES[side];
  const d = shape.qcols / shape.heads, start = `row * ${shape[cols]}u + ${head} * ${d}u + quad * 4u`;
  const value = widthFor(shape) === 4
    ? `return ${name}[(${start}) / 4u];`
    : `let index = ${start}; let left = ${d}u - quad * 4u;
  var got = vec4<f32>(${name}[index], 0f, 0f, 0f);
  if (left > 1u) { got.y = ${name}[index + 1u]; }
  if (left > 2u) { got.z = ${name}[index + 2u]; }
  if (left > 3u) { got.w = ${name}[index + 3u]; }
  return got;`;
  return `fn read_${name}(row: u32, ${head}: u32, quad: u32) -> vec4<f32> {
  if (row >= ${count} || quad >= ${quadsOf(shape)}u) { return vec4<f32>(); }
  ${value}
}`;
}

/**
 * A function that writes vec4 `quad` of a head's row, or adds to it; with `share` to one of several such tensors that lie side by
 * side, by the variable `share_rows`.
 */
export function writeRow(
  shape: AttentionShape,
  name: string,
  side: Side,
  { adds = false, share = false } = {},
): string {
  const { cols, head, count } = SIDES[side], sign = adds ? "+=" : "=";
  const from = share ? "(share_rows + row)" : "row";
  const d = shape.qcols / shape.heads, start = `${from} * ${shape[cols]}u + ${head} * ${d}u + quad * 4u`;
  const value = widthFor(shape) === 4
    ? `${name}[(${start}) / 4u] ${sign} v;`
    : `let index = ${start}; let left = ${d}u - quad * 4u;
  ${name}[index] ${sign} v.x;
  if (left > 1u) { ${name}[index + 1u] ${sign} v.y; }
  if (left > 2u) { ${name}[index + 2u] ${sign} v.z; }
  if (left > 3u) { ${name}[index + 3u] ${sign} v.w; }`;
  return `fn write_${name}(row: u32, ${head}: u32, quad: u32, v: vec4<f32>) {
  if (row >= ${count} || quad >= ${quadsOf(shape)}u) { return; }
  ${value}
}`;
}

/** Workgroup memory: one tile for both products, the scores as `factors`, a line per row to reduce over; and what caps scores. */
export function memory(shape: AttentionShape): string {
  const inSubgroup = together(8, shape.subgroups) === 8;
  const tile = Math.max(2 * BLOCK * (depthFor(shape) + 1), BLOCK * spanFor(shape));
  return `var<workgroup> tile: array<vec4<f32>, ${tile}>;
var<workgroup> factors: array<vec4<f32>, ${BLOCK * SCORES}>;${
    inSubgroup ? "" : `\nvar<workgroup> line: array<f32, ${BLOCK * 8}>;`
  }${shape.cap === null ? "" : `\n${softTanh("f32")}`}`;
}

/** WGSL: a query's row among `rows` as NAME, and where a window needs it its place as NAME_place. */
export function queryPlace({ window }: AttentionShape, { name, row }: { name: string; row: string }): string {
  const own = `  let ${name} = ${row};`;
  return window === null
    ? own
    : `${own} let ${name}_place = bounds[2u * min(${name}, sizes.rows - 1u) + 1u];`;
}

/** WGSL: a key's row as NAME, its `until` and its place, read once for all queries. */
export function keyPlace(shape: AttentionShape, { name, row }: { name: string; row: string }): string {
  return `${
    queryPlace(shape, { name, row })
  } let ${name}_until = bounds[2u * min(${name}, sizes.rows - 1u)];`;
}

/** WGSL: a product of a query and a key as its score. */
export function scoreOf({ scale, cap }: AttentionShape, product: string): string {
  const scaled = `${product} * ${literal(scale)}`;
  return cap === null ? scaled : cappedWgsl(scaled, cap);
}

/** WGSL: whether a query of {@linkcode queryPlace} sees a key of {@linkcode keyPlace}. */
export function sees({ window }: AttentionShape, query: string, key: string): string {
  const near = window === null ? "" : ` && ${query}_place - ${key}_place < ${window}i`;
  return `(${query} < sizes.rows && ${key} <= ${query} && i32(${query}) < ${key}_until${near})`;
}

/** Queries of one dispatch: their elements in `q`, and sizes for the shader. */
export interface QueryPart {
  part: WgslPart;
  sizes: { rows: number; queries: number; offset: number; blocks: number };
}

/** Queries in parts that fit a binding, and the sizes that a dispatch about one needs. */
export function queryParts(shape: AttentionShape, limits: WgslLimits): QueryPart[] {
  return rowParts(shape.queries, shape.qcols, limits).map((queries) => ({
    part: elementsOf(queries, shape.qcols),
    sizes: {
      rows: shape.rows,
      queries: queries.count,
      offset: shape.rows - shape.queries + queries.first,
      blocks: Math.ceil(queries.count / BLOCK),
    },
  }));
}
