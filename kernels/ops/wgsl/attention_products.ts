/**
 * The two products of attention in a shader, and the walk over blocks of keys that both of a query's passes take.
 *
 * `i` counts an invocation's 4 rows, `j` its 4 columns of a block, `o` its vec4 of a result row; names in WGSL end with them.
 * @module
 */
import {
  type AttentionShape,
  BLOCK,
  depthFor,
  keyPlace,
  quadsOf,
  queryPlace,
  scoreOf,
  SCORES,
  sees,
  spanFor,
  THREADS,
} from "./attention_tiles.ts";
import { type Reduction, shuffled, together } from "./reduce.ts";

/** Rows of one head of a tensor from a start on: a name that `rowReader` or `writeRow` declared, and WGSL of start and head. */
export interface HeadRows {
  tensor: string;
  start: string;
  head: string;
}

/** Rows of this workgroup's queries. */
export const QUERIES = (tensor: string): HeadRows => ({ tensor, start: "start", head: "head" });
/** Rows of a block of keys. */
export const KEYS = (tensor: string): HeadRows => ({ tensor, start: "key", head: "kv" });

/** `NAME{i}_{j}` = Σ over the head of `a` rows (ty + 8 i) · `b` rows (tx + 8 j), through the tile. */
export function scores(
  shape: AttentionShape,
  { name, a, b }: { name: string; a: HeadRows; b: HeadRows },
): string {
  const depth = depthFor(shape), stride = depth + 1, lines: string[] = [];
  for (const i of four) for (const j of four) lines.push(`  var ${name}${i}_${j} = 0f;`);
  lines.push(`  for (var q0 = 0u; q0 < ${quadsOf(shape)}u; q0 += ${depth}u) {
    workgroupBarrier();
    for (var e = lane; e < ${BLOCK * depth}u; e += ${THREADS}u) {
      let r = e / ${depth}u; let q = e % ${depth}u;
      tile[r * ${stride}u + q] = read_${a.tensor}(${a.start} + r, ${a.head}, q0 + q);
      tile[${BLOCK * stride}u + r * ${stride}u + q] = read_${b.tensor}(${b.start} + r, ${b.head}, q0 + q);
    }
    workgroupBarrier();
    for (var q = 0u; q < ${depth}u; q++) {`);
  for (const i of four) lines.push(`      let a${i} = tile[(ty + ${8 * i}u) * ${stride}u + q];`);
  for (const j of four) lines.push(`      let b${j} = tile[(${BLOCK}u + tx + ${8 * j}u) * ${stride}u + q];`);
  // A `dot` is a product, three `fma` and a sum.
  for (const s of four) {
    for (const i of four) {
      for (const j of four) {
        lines.push(`      ${name}${i}_${j} = fma(a${i}[${s}], b${j}[${s}], ${name}${i}_${j});`);
      }
    }
  }
  lines.push("    }", "  }");
  return lines.join("\n");
}

/** Adds to `ACC{i}_{o}` the product of the stored `factors` (4 rows × 32) and rows of `b`, through the tile. */
export function weighted(shape: AttentionShape, { acc, b }: { acc: string; b: HeadRows }): string {
  const span = spanFor(shape), perSpan = span / 8, total = outputs(shape), lines: string[] = [];
  for (let o0 = 0; o0 < total; o0 += perSpan) {
    const here = range(Math.min(perSpan, total - o0));
    lines.push(`  workgroupBarrier();
  for (var e = lane; e < ${BLOCK * span}u; e += ${THREADS}u) {
    tile[e] = read_${b.tensor}(${b.start} + e / ${span}u, ${b.head}, ${8 * o0}u + e % ${span}u);
  }
  workgroupBarrier();
  for (var x = 0u; x < 8u; x++) {`);
    for (const i of four) lines.push(`    let f${i} = factors[(ty + ${8 * i}u) * ${SCORES}u + x];`);
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
function outputs(shape: AttentionShape): number {
  return Math.ceil(quadsOf(shape) / 8);
}

/** Declares an accumulator of 4 rows. */
export function zeros(shape: AttentionShape, acc: string): string {
  return four.flatMap((i) => range(outputs(shape)).map((o) => `  var ${acc}${i}_${o} = vec4<f32>();`)).join(
    "\n",
  );
}

/** Reduces `NAME{i}` over the 8 invocations that share a row. */
export function reduceRows({ subgroups }: AttentionShape, name: string, combine: Reduction): string {
  if (together(8, subgroups) === 8) return four.map((i) => shuffled(`${name}${i}`, 8, combine)).join("\n");
  const all = (row: string) =>
    range(8).map((x) => `line[${row} * 8u + ${x}u]`).reduce(combine === "sum" ? sum : largest);
  return `  workgroupBarrier();
${four.map((i) => `  line[(ty + ${8 * i}u) * 8u + tx] = ${name}${i};`).join("\n")}
  workgroupBarrier();
${four.map((i) => `  ${name}${i} = ${all(`(ty + ${8 * i}u)`)};`).join("\n")}`;
}

const sum = (a: string, b: string) => `${a} + ${b}`;
const largest = (a: string, b: string) => `max(${a}, ${b})`;
/** The 4 rows of an invocation. */
export const four = [0, 1, 2, 3] as const;

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/**
 * A walk of 32 queries over the blocks of keys they see, with a running maximum `m`, sum `l` and scaled accumulators. `factor`
 * is what a block's scores become for the second product, of WGSL names `p{i}_{j}`; `result` adds that product. `shared`: of the
 * blocks they see, this workgroup takes every so manyth.
 */
export function walk(
  shape: AttentionShape,
  inner: { scores?: string; factor(i: number, j: number): string; result: string; shared: boolean },
): string {
  const accumulators = four.map((i) =>
    range(outputs(shape)).map((o) => `acc${i}_${o} *= fade${i};`).join(" ")
  );
  return `${zeros(shape, "acc")}
${four.map((i) => `  var m${i} = -1e38f; var l${i} = 0f;`).join("\n")}
  let first = start + sizes.offset;
  let blocks = min(first + ${BLOCK - 1}u, sizes.rows - 1u) / ${BLOCK}u + 1u;
${four.map((i) => queryPlace(shape, { name: `query${i}`, row: `first + ty + ${8 * i}u` })).join("\n")}
${inner.shared ? "  var turn = sizes.ranges - range;" : ""}
  for (var block = 0u; block < blocks; block++) {
    if (bounds[2u * sizes.rows + block] <= i32(first)) { continue; }
${
    inner.shared
      ? `    if (turn < sizes.ranges) { turn++; continue; }
    turn = 1u;`
      : ""
  }
    let key = block * ${BLOCK}u;
${scores(shape, { name: "s", a: QUERIES("q"), b: KEYS("k") })}
${inner.scores ?? ""}
${four.map((j) => keyPlace(shape, { name: `key${j}`, row: `key + tx + ${8 * j}u` })).join("\n")}
${
    four.flatMap((i) => [
      ...four.map((j) =>
        `    let see${i}_${j} = ${sees(shape, `query${i}`, `key${j}`)}; ${shown(shape, `${i}_${j}`)}`
      ),
      `    var top${i} = ${four.map((j) => `s${i}_${j}`).reduce(largest)};`,
    ]).join("\n")
  }
${reduceRows(shape, "top", "max")}
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
        four.map((j) => inner.factor(i, j)).join(", ")
      });`
    ).join("\n")
  }
${inner.result}
  }
${reduceRows(shape, "l", "sum")}`;
}

/** A product becomes its score where the key is seen; of those that are capped `cNAME` is it everywhere. */
function shown(shape: AttentionShape, name: string): string {
  const score = scoreOf(shape, `s${name}`);
  return shape.cap === null
    ? `s${name} = select(-1e38f, ${score}, see${name});`
    : `let c${name} = ${score}; s${name} = select(-1e38f, c${name}, see${name});`;
}

/** An invocation's place among 8 × 8. */
export const HEADER = "  let tx = lane % 8u; let ty = lane / 8u;";

/** Writes an accumulator's rows, each times a factor. */
export function writeAll(
  shape: AttentionShape,
  { to, acc, factor }: { to: HeadRows; acc: string; factor(i: number): string },
): string {
  return four.flatMap((i) =>
    range(outputs(shape)).map((o) =>
      `  write_${to.tensor}(${to.start} + ty + ${8 * i}u, ${to.head}, tx + ${8 * o}u, ${acc}${i}_${o} * ${
        factor(i)
      });`
    )
  ).join("\n");
}

/** Writes a share of the walk: the accumulator as it is, and `(m, l, δ)` of every query. */
export function writeShare(
  shape: AttentionShape,
  { to, statistics, delta }: { to: string; statistics: string; delta(i: number): string },
): string {
  return `${writeAll(shape, { to: QUERIES(to), acc: "acc", factor: () => "1f" })}
${
    four.map((i) =>
      `  if (tx == 0u && start + ty + ${
        8 * i
      }u < sizes.queries) { ${statistics}[(range * ${shape.heads}u + head) * sizes.queries + start + ty + ${
        8 * i
      }u] = vec4<f32>(m${i}, l${i}, ${delta(i)}, 0f); }`
    ).join("\n")
  }`;
}
