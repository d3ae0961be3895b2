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
import type { WgslDispatch, WgslLimits } from "../kernel.ts";
import { literal, rowParts, shader, type Width } from "./_wgsl.ts";

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
}

/** Queries or keys of a block. */
export const BLOCK = 32;
/** Invocations of a workgroup, 8 × 8. */
export const THREADS = 64;
/** vec4 of a row that are staged at once for scores, and columns (as vec4) for results. */
const DEPTH = 8;
const SPAN = 16;
/** A block of scores: 8 vec4 a row and one of padding. */
export const SCORES = 9;

/** Names of a tensor in a shader, its row length and how a head's start is found. */
interface Side {
  name: string;
  cols: "qcols" | "kvcols";
  head: string;
  /** Rows it has. */
  count: string;
}

/** `until` and `positions` by row, then the largest `until` of every block of keys, in one binding. */
export function boundsDispatch({ rows }: AttentionShape): WgslDispatch {
  const blocks = Math.ceil(rows / BLOCK);
  return shader({
    label: "attention, bounds",
    threads: THREADS,
    read: { until: { element: "i32" }, positions: { element: "i32" } },
    write: { bounds: { element: "i32" } },
    sizes: { rows, blocks },
    groups: Math.ceil(Math.max(rows, blocks) / THREADS),
    body: `  let i = group * ${THREADS}u + lane;
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

/** Whether rows of heads are read by vec4. */
export function widthFor({ qcols, kvcols, heads }: AttentionShape): Width {
  const d = qcols / heads;
  return d % 4 === 0 && qcols % 4 === 0 && kvcols % 4 === 0 ? 4 : 1;
}

function depthFor(at: AttentionShape): number {
  return Math.min(DEPTH, quadsOf(at));
}

function spanFor(at: AttentionShape): number {
  return Math.min(SPAN, Math.ceil(quadsOf(at) / 8) * 8);
}

/** Reads vec4 `quad` of a head's row; zeros outside. */
export function readRow(at: AttentionShape, { name, cols, head, count }: Side): string {
  const d = at.qcols / at.heads, start = `row * ${at[cols]}u + ${head} * ${d}u + quad * 4u`;
  const value = widthFor(at) === 4
    ? `return ${name}[(${start}) / 4u];`
    : `let at = ${start}; let left = ${d}u - quad * 4u;
  var got = vec4<f32>(${name}[at], 0f, 0f, 0f);
  if (left > 1u) { got.y = ${name}[at + 1u]; }
  if (left > 2u) { got.z = ${name}[at + 2u]; }
  if (left > 3u) { got.w = ${name}[at + 3u]; }
  return got;`;
  return `fn read_${name}(row: u32, ${head}: u32, quad: u32) -> vec4<f32> {
  if (row >= ${count} || quad >= ${quadsOf(at)}u) { return vec4<f32>(); }
  ${value}
}`;
}

/** Writes vec4 `quad` of a head's row, or adds to it. */
export function writeRow(at: AttentionShape, { name, cols, head, count }: Side, adds = false): string {
  const sign = adds ? "+=" : "=";
  const d = at.qcols / at.heads, start = `row * ${at[cols]}u + ${head} * ${d}u + quad * 4u`;
  const value = widthFor(at) === 4
    ? `${name}[(${start}) / 4u] ${sign} v;`
    : `let at = ${start}; let left = ${d}u - quad * 4u;
  ${name}[at] ${sign} v.x;
  if (left > 1u) { ${name}[at + 1u] ${sign} v.y; }
  if (left > 2u) { ${name}[at + 2u] ${sign} v.z; }
  if (left > 3u) { ${name}[at + 3u] ${sign} v.w; }`;
  return `fn write_${name}(row: u32, ${head}: u32, quad: u32, v: vec4<f32>) {
  if (row >= ${count} || quad >= ${quadsOf(at)}u) { return; }
  ${value}
}`;
}

/** Workgroup memory: one tile for both products, scores, a line per row to reduce over. */
export function memory(at: AttentionShape, scores: readonly string[]): string {
  const tile = Math.max(2 * BLOCK * (depthFor(at) + 1), BLOCK * spanFor(at));
  return `var<workgroup> tile: array<vec4<f32>, ${tile}>;
${scores.map((name) => `var<workgroup> ${name}: array<vec4<f32>, ${BLOCK * SCORES}>;`).join("\n")}
var<workgroup> line: array<f32, ${BLOCK * 8}>;`;
}

/** Whether query i (of its sequence number among rows) sees key j. */
export function visibility({ window }: AttentionShape): string {
  return `fn sees(i: u32, j: u32) -> bool {
  if (i >= sizes.rows || j > i || i32(i) >= bounds[2u * j]) { return false; }
  ${window === null ? "return true;" : `return bounds[2u * i + 1u] - bounds[2u * j + 1u] < ${window}i;`}
}`;
}

/** `NAME{i}_{j}` = Σ over the head of `a` rows (ty + 8 i) · `b` rows (tx + 8 j), through the tile. */
export function scores(
  at: AttentionShape,
  name: string,
  a: string,
  aStart: string,
  aHead: string,
  b: string,
  bStart: string,
  bHead: string,
): string {
  const depth = depthFor(at), stride = depth + 1, lines: string[] = [];
  for (const i of four) for (const j of four) lines.push(`  var ${name}${i}_${j} = 0f;`);
  lines.push(`  for (var q0 = 0u; q0 < ${quadsOf(at)}u; q0 += ${depth}u) {
    workgroupBarrier();
    for (var e = lane; e < ${BLOCK * depth}u; e += ${THREADS}u) {
      let r = e / ${depth}u; let q = e % ${depth}u;
      tile[r * ${stride}u + q] = read_${a}(${aStart} + r, ${aHead}, q0 + q);
      tile[${BLOCK * stride}u + r * ${stride}u + q] = read_${b}(${bStart} + r, ${bHead}, q0 + q);
    }
    workgroupBarrier();
    for (var q = 0u; q < ${depth}u; q++) {`);
  for (const i of four) lines.push(`      let a${i} = tile[(ty + ${8 * i}u) * ${stride}u + q];`);
  for (const j of four) lines.push(`      let b${j} = tile[(${BLOCK}u + tx + ${8 * j}u) * ${stride}u + q];`);
  for (const i of four) for (const j of four) lines.push(`      ${name}${i}_${j} += dot(a${i}, b${j});`);
  lines.push("    }", "  }");
  return lines.join("\n");
}

/** Adds to `ACC{i}_{o}` the product of stored scores `factor` (4 rows × 32) and rows of `b`, through the tile. */
export function weighted(
  at: AttentionShape,
  acc: string,
  factor: string,
  b: string,
  bStart: string,
  bHead: string,
): string {
  const span = spanFor(at), perSpan = span / 8, total = outputs(at), lines: string[] = [];
  for (let o0 = 0; o0 < total; o0 += perSpan) {
    const here = range(Math.min(perSpan, total - o0));
    lines.push(`  workgroupBarrier();
  for (var e = lane; e < ${BLOCK * span}u; e += ${THREADS}u) {
    tile[e] = read_${b}(${bStart} + e / ${span}u, ${bHead}, ${8 * o0}u + e % ${span}u);
  }
  workgroupBarrier();
  for (var x = 0u; x < 8u; x++) {`);
    for (const i of four) lines.push(`    let f${i} = ${factor}[(ty + ${8 * i}u) * ${SCORES}u + x];`);
    for (const s of four) {
      for (const o of here) {
        lines.push(`    let v${s}_${o} = tile[(x + ${8 * s}u) * ${span}u + tx + ${8 * o}u];`);
        for (const i of four) {
          lines.push(
            `    ${acc}${i}_${o0 + o} = fma(vec4<f32>(f${i}[${s}]), v${s}_${o}, ${acc}${i}_${o0 + o});`,
          );
        }
      }
    }
    lines.push("  }");
  }
  return lines.join("\n");
}

/** vec4 of a result row that an invocation owns: every 8th. */
function outputs(at: AttentionShape): number {
  return Math.ceil(quadsOf(at) / 8);
}

/** Declares an accumulator of 4 rows. */
export function zeros(at: AttentionShape, acc: string): string {
  return four.flatMap((i) => range(outputs(at)).map((o) => `  var ${acc}${i}_${o} = vec4<f32>();`)).join(
    "\n",
  );
}

/** Reduces `NAME{i}` over the 8 invocations that share a row. */
export function reduceRows(name: string, combine: (a: string, b: string) => string): string {
  const all = (row: string) => range(8).map((x) => `line[${row} * 8u + ${x}u]`).reduce(combine);
  return `  workgroupBarrier();
${four.map((i) => `  line[(ty + ${8 * i}u) * 8u + tx] = ${name}${i};`).join("\n")}
  workgroupBarrier();
${four.map((i) => `  ${name}${i} = ${all(`(ty + ${8 * i}u)`)};`).join("\n")}`;
}

/** Adds, for {@linkcode reduceRows}. */
export const sum = (a: string, b: string) => `${a} + ${b}`;
const largest = (a: string, b: string) => `max(${a}, ${b})`;
/** The 4 rows of an invocation. */
export const four = [0, 1, 2, 3] as const;

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** A walk of 32 queries over the blocks of keys they see, with a running maximum `m`, sum `l` and scaled accumulators. */
export function walk(
  at: AttentionShape,
  inner: { scores?: string; value: (i: number, j: number) => string; result: string },
): string {
  const accumulators = four.map((i) => range(outputs(at)).map((o) => `acc${i}_${o} *= fade${i};`).join(" "));
  return `${zeros(at, "acc")}
${four.map((i) => `  var m${i} = -1e38f; var l${i} = 0f;`).join("\n")}
  let first = start + sizes.offset;
  let blocks = min(first + ${BLOCK - 1}u, sizes.rows - 1u) / ${BLOCK}u + 1u;
  for (var block = 0u; block < blocks; block++) {
    if (bounds[2u * sizes.rows + block] <= i32(first)) { continue; }
    let key = block * ${BLOCK}u;
${scores(at, "s", "q", "start", "head", "k", "key", "kv")}
${inner.scores ?? ""}
${
    four.flatMap((i) => [
      ...four.map((j) =>
        `    let see${i}_${j} = sees(first + ty + ${8 * i}u, key + tx + ${
          8 * j
        }u); s${i}_${j} = select(-1e38f, s${i}_${j} * ${literal(at.scale)}, see${i}_${j});`
      ),
      `    var top${i} = ${four.map((j) => `s${i}_${j}`).reduce(largest)};`,
    ]).join("\n")
  }
${reduceRows("top", largest)}
${
    four.map((i) =>
      `    let now${i} = max(m${i}, top${i}); let fade${i} = exp(m${i} - now${i}); m${i} = now${i}; l${i} *= fade${i}; ${
        accumulators[i]
      }
${
        four.map((j) =>
          `    let p${i}_${j} = select(0f, exp(s${i}_${j} - now${i}), see${i}_${j}); l${i} += p${i}_${j};`
        ).join("\n")
      }
    factors[(ty + ${8 * i}u) * ${SCORES}u + tx] = vec4<f32>(${
        four.map((j) => inner.value(i, j)).join(", ")
      });`
    ).join("\n")
  }
${inner.result}
  }
${reduceRows("l", sum)}`;
}

/** An invocation's place among 8 × 8. */
export const HEADER = "  let tx = lane % 8u; let ty = lane / 8u;";

/** Writes an accumulator's rows times a factor. */
export function writeAll(
  at: AttentionShape,
  name: string,
  acc: string,
  start: string,
  head: string,
  factor: (i: number) => string,
): string {
  return four.flatMap((i) =>
    range(outputs(at)).map((o) =>
      `  write_${name}(${start} + ty + ${8 * i}u, ${head}, tx + ${8 * o}u, ${acc}${i}_${o} * ${factor(i)});`
    )
  ).join("\n");
}

/** Queries in parts that fit a binding, and the sizes that a dispatch about one needs. */
export function queryParts(at: AttentionShape, limits: WgslLimits) {
  return rowParts(at.queries, at.qcols, limits).map(({ first, count }) => ({
    part: { first: first * at.qcols, count: count * at.qcols },
    sizes: {
      rows: at.rows,
      queries: count,
      offset: at.rows - at.queries + first,
      blocks: Math.ceil(count / BLOCK),
    },
  }));
}
