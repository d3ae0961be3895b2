/**
 * Tiled matrix products for compute shaders: y[m, n] = alpha · Σ_k A(m, k) B(k, n) (+ what the epilogue adds).
 *
 * A workgroup of 16 × 16 invocations owns a tile of y; each owns TM × TN of it in registers and steps through k by 16 with
 * both operands' tiles in workgroup memory. Operands are kept as they lie in memory, so nothing is transposed: along k in
 * vec4 and multiplied by `dot`, or across it in vec4 and multiplied by `fma`. Rows of a k-contiguous tile are padded by one
 * vec4, which keeps reads of neighbouring invocations in different banks. Where few tiles face a long k (gradients of LoRA,
 * one row while generating), k is split over workgroups and a second dispatch sums the parts in a fixed order.
 * B may lie in memory as float16: it becomes float32 on its way to workgroup memory.
 * @module
 */
import type { WgslBinding, WgslDispatch, WgslLimits } from "../kernel.ts";
import { FEW_ROWS, fewRows } from "./_wgsl_few_rows.ts";
import { elementOf, literal, rowParts, shader, widthOf } from "./_wgsl.ts";

/** How the operands lie: "nt" A[m, k] B[n, k], "nn" A[m, k] B[k, n], "tn" A[k, m] B[k, n]. */
export type ProductLayout = "nt" | "nn" | "tn";

/** One product. */
export interface ProductSpec {
  label: string;
  layout: ProductLayout;
  m: number;
  n: number;
  k: number;
  /** Names of the operands and of the result. */
  a: string;
  b: string;
  y: string;
  alpha?: number;
  /** Added to the result, `[m, n]`. */
  base?: string;
  /** The result's old value, times a factor per row (`[m, 4]`, component 3) when named, is added. */
  keep?: { factor: string };
  /** Parts of `a`, `b` and `y` that this product is about, such as some rows of the vocabulary. */
  parts?: { a?: WgslBinding["part"]; b?: WgslBinding["part"]; y?: WgslBinding["part"] };
}

/** What a product is lowered to. */
export interface Product {
  dispatches: WgslDispatch[];
  temporaries: Record<string, number>;
}

/** Results of an invocation, and how far a workgroup steps through k. Two tiles fit the 16 KiB that every device has. */
interface Tile {
  tm: 1 | 4 | 8;
  tn: 1 | 4 | 8;
  depth: 8 | 16;
}

const SIDE = 16;
/** Workgroups below which k is split; laptops have 10 to 40 units that each want a few. */
const WANTED_GROUPS = 96;
const LEAST_DEPTH = 128;
/** Tiles of 128 × 128 that make the larger tile worth it; with fewer, more small ones keep all units busy. */
const MANY_TILES = 64;

function tileFor(m: number, n: number): Tile {
  const large = m > 64 && n > 64 && Math.ceil(m / 128) * Math.ceil(n / 128) >= MANY_TILES;
  if (large) return { tm: 8, tn: 8, depth: 8 };
  return { tm: m <= SIDE ? 1 : 4, tn: n <= SIDE ? 1 : 4, depth: 16 };
}

/** Lowers a product; operands larger than a binding are taken in parts of their leading axis. */
export function product(spec: ProductSpec, limits: WgslLimits): Product {
  const { layout, m, n, k } = spec;
  const few = layout === "nt" && m <= FEW_ROWS && !spec.keep ? fewRows(spec, limits) : null;
  if (few) return { dispatches: few, temporaries: {} };
  const columnsOfA = layout === "tn" ? m : k, columnsOfB = layout === "nt" ? k : n;
  const mParts = smallest(rowParts(m, n, limits), layout === "tn" ? [] : rowParts(m, columnsOfA, limits));
  const half = limits.half?.has(spec.b) ?? false;
  const nParts = layout === "nt" ? rowParts(n, columnsOfB, limits, half) : [{ first: 0, count: n }];
  const kParts = smallest(
    layout === "nt" ? [{ first: 0, count: k }] : rowParts(k, columnsOfB, limits, half),
    layout === "tn" ? rowParts(k, columnsOfA, limits) : [],
  );
  const result: Product = { dispatches: [], temporaries: {} };
  for (const rows of mParts) {
    for (const columns of nParts) {
      for (const depth of kParts) {
        const part = productPart(spec, rows, columns, depth, half);
        result.dispatches.push(...part.dispatches);
        for (const [name, size] of Object.entries(part.temporaries)) {
          result.temporaries[name] = Math.max(size, result.temporaries[name] ?? 0);
        }
      }
    }
  }
  return result;
}

interface Range {
  first: number;
  count: number;
}

/** The finer of two ways to cut the same axis. */
function smallest(a: Range[], b: Range[]): Range[] {
  return b.length > a.length ? b : a;
}

function within(part: Range | undefined, rows: Range, columns: number): Range {
  return { first: (part?.first ?? 0) + rows.first * columns, count: rows.count * columns };
}

function productPart(spec: ProductSpec, rows: Range, columns: Range, depth: Range, half: boolean): Product {
  const { layout, m, n, k, a, b, y, base, keep, parts } = spec;
  const tile = tileFor(rows.count, columns.count);
  const across = Math.ceil(rows.count / (SIDE * tile.tm)), down = Math.ceil(columns.count / (SIDE * tile.tn));
  const splits = Math.max(
    1,
    Math.min(Math.ceil(WANTED_GROUPS / (across * down)), Math.floor(depth.count / LEAST_DEPTH), 32),
  );
  const split = Math.ceil(depth.count / splits / tile.depth) * tile.depth;
  const widthA = widthOf(layout === "tn" ? m : k), widthB = widthOf(layout === "nt" ? k : n);
  const partA = layout === "tn" ? within(parts?.a, depth, m) : within(parts?.a, rows, k);
  const partB = layout === "nt" ? within(parts?.b, columns, k) : within(parts?.b, depth, n);
  const partY = within(parts?.y, rows, n);
  const more = depth.first > 0;
  const alpha = spec.alpha ?? 1;
  const epilogue = {
    reads: {
      ...(base && !more ? { base: { of: base, part: within(undefined, rows, n) } } : {}),
      ...(keep && !more ? { factor: { of: keep.factor, element: "vec4<f32>" as const } } : {}),
    },
    value: (sum: string) =>
      [
        alpha === 1 ? sum : `${literal(alpha)} * ${sum}`,
        ...(more ? ["y[at_y]"] : base ? ["base[at_y]"] : []),
        ...(!more && keep ? ["factor[sizes.factor_row + row].w * y[at_y]"] : []),
      ].join(" + "),
  };
  const sizes = {
    m: rows.count,
    n: columns.count,
    k: depth.count,
    lda: layout === "tn" ? m : k,
    ldb: layout === "nt" ? k : n,
    ldy: n,
    // Columns at which this part begins in operands whose leading axis is another one.
    a_column: layout === "tn" ? rows.first : layout === "nn" ? depth.first : 0,
    y_column: columns.first,
    factor_row: rows.first,
    across,
    tiles: across * down,
    split,
  };
  const partial = `${y}_parts`;
  const main = shader({
    label: spec.label,
    threads: SIDE * SIDE,
    read: {
      a: { of: a, element: elementOf(widthA), part: partA },
      b: { of: b, element: elementOf(widthB, half), part: partB },
      ...(splits === 1 ? epilogue.reads : {}),
    },
    write: { y: splits === 1 ? { of: y, part: partY } : { of: partial } },
    sizes,
    groups: across * down * splits,
    declarations: declarations(layout, tile, widthA, widthB),
    body: body(
      layout,
      tile,
      splits === 1
        ? (row, column, sum) =>
          `if (${row} < sizes.m && ${column} < sizes.n) { let row = ${row}; let at_y = row * sizes.ldy + sizes.y_column + ${column}; y[at_y] = ${
            epilogue.value(sum)
          }; }`
        : (row, column, sum) =>
          `if (${row} < sizes.m && ${column} < sizes.n) { y[(part * sizes.m + ${row}) * sizes.n + ${column}] = ${sum}; }`,
    ),
  });
  if (splits === 1) return { dispatches: [main], temporaries: {} };
  const count = rows.count * columns.count;
  const sum = shader({
    label: `${spec.label}, sum of parts`,
    threads: 64,
    read: { parts: { of: partial }, ...epilogue.reads },
    write: { y: { of: y, part: partY } },
    sizes: { ...sizes, count, splits },
    groups: Math.ceil(count / 64),
    body: `  let i = group * 64u + lane;
  if (i >= sizes.count) { return; }
  var sum = 0f;
  for (var s = 0u; s < sizes.splits; s++) { sum += parts[s * sizes.count + i]; }
  let row = i / sizes.n;
  let at_y = row * sizes.ldy + sizes.y_column + i % sizes.n;
  y[at_y] = ${epilogue.value("sum")};`,
  });
  return { dispatches: [main, sum], temporaries: { [partial]: count * splits } };
}

/** Reading a vec4 of an operand with zeros outside of its bounds, along or across k. */
function reader(
  name: string,
  alongK: boolean,
  width: 1 | 4,
  ld: string,
  column: string,
  count: string,
): string {
  // `row` counts the leading axis, `col` the contiguous one, both from the part's beginning.
  const [rows, columns] = alongK ? [`sizes.${count}`, "limit"] : ["limit", `sizes.${count}`];
  const start = `row * sizes.${ld} + ${column} + col`;
  const value = width === 4 ? `return vec4<f32>(${name}[(${start}) / 4u]);` : `let at = ${start};
  var v = vec4<f32>(f32(${name}[at]), 0f, 0f, 0f);
  if (col + 1u < ${columns}) { v.y = f32(${name}[at + 1u]); }
  if (col + 2u < ${columns}) { v.z = f32(${name}[at + 2u]); }
  if (col + 3u < ${columns}) { v.w = f32(${name}[at + 3u]); }
  return v;`;
  return `fn read_${name}(row: u32, col: u32, limit: u32) -> vec4<f32> {
  if (row >= ${rows} || col >= ${columns}) { return vec4<f32>(); }
  ${value}
}`;
}

function declarations(layout: ProductLayout, { tm, tn, depth }: Tile, widthA: 1 | 4, widthB: 1 | 4): string {
  const size = (along: boolean, t: number) => along ? SIDE * t * (depth / 4 + 1) : depth * SIDE * t / 4;
  return `var<workgroup> tile_a: array<vec4<f32>, ${size(layout !== "tn", tm)}>;
var<workgroup> tile_b: array<vec4<f32>, ${size(layout === "nt", tn)}>;
${reader("a", layout !== "tn", widthA, "lda", "sizes.a_column", "m")}
${reader("b", layout === "nt", widthB, "ldb", "0u", "n")}`;
}

/** Statements that fill a tile. */
function fill(name: string, along: boolean, t: number, depth: number, origin: string): string {
  const quads = depth / 4, total = SIDE * t * quads, per = along ? quads : SIDE * t / 4;
  const store = along
    ? `tile_${name}[e / ${per}u * ${
      quads + 1
    }u + e % ${per}u] = read_${name}(${origin} + e / ${per}u, k0 + e % ${per}u * 4u, limit);`
    : `tile_${name}[e] = read_${name}(k0 + e / ${per}u, ${origin} + e % ${per}u * 4u, limit);`;
  const fills: string[] = [];
  for (let done = 0; done < total; done += SIDE * SIDE) {
    const one = `{ let e = lane + ${done}u; ${store} }`;
    fills.push(total < SIDE * SIDE ? `if (lane < ${total}u) ${one}` : one);
  }
  return fills.join("\n    ");
}

function body(
  layout: ProductLayout,
  { tm, tn, depth }: Tile,
  write: (row: string, column: string, sum: string) => string,
): string {
  const is = range(tm), js = range(tn), lines: string[] = [];
  const alongA = layout !== "tn", alongB = layout === "nt";
  // Results of an invocation: scalars where B lies along k, else vec4 (or one scalar) across.
  const wide = !alongB && tn > 1, results = wide ? range(tn / 4) : js;
  lines.push(`  let tx = lane % ${SIDE}u; let ty = lane / ${SIDE}u;
  let tile = group % sizes.tiles; let part = group / sizes.tiles;
  let m0 = tile % sizes.across * ${SIDE * tm}u; let n0 = tile / sizes.across * ${SIDE * tn}u;
  let limit = min(sizes.k, (part + 1u) * sizes.split);`);
  for (const i of is) {
    for (const j of results) lines.push(`  var c${i}_${j} = ${wide ? "vec4<f32>()" : "0f"};`);
  }
  lines.push(`  for (var k0 = part * sizes.split; k0 < limit; k0 += ${depth}u) {
    ${fill("a", alongA, tm, depth, "m0")}
    ${fill("b", alongB, tn, depth, "n0")}
    workgroupBarrier();`);
  for (const q of range(depth / 4)) {
    lines.push("    {");
    if (alongA) {
      for (const i of is) {
        lines.push(`      let a${i} = tile_a[(ty + ${SIDE * i}u) * ${depth / 4 + 1}u + ${q}u];`);
      }
    }
    if (alongB) {
      for (const j of js) {
        lines.push(`      let b${j} = tile_b[(tx + ${SIDE * j}u) * ${depth / 4 + 1}u + ${q}u];`);
      }
      for (const i of is) for (const j of js) lines.push(`      c${i}_${j} += dot(a${i}, b${j});`);
    } else {
      for (const s of range(4)) {
        const k = 4 * q + s, vectors = range(Math.max(1, tm / 4));
        for (const j of results) lines.push(`      let b${s}_${j} = ${across("tile_b", k, tn, "tx", j)};`);
        if (!alongA) {
          for (const v of vectors) {
            lines.push(`      let a${s}_${v} = ${across("tile_a", k, tm, "ty", v)};`);
          }
        }
        for (const i of is) {
          const a = alongA ? `a${i}[${s}]` : tm > 1 ? `a${s}_${Math.floor(i / 4)}[${i % 4}]` : `a${s}_0`;
          for (const j of results) {
            lines.push(`      c${i}_${j} = fma(${wide ? `vec4<f32>(${a})` : a}, b${s}_${j}, c${i}_${j});`);
          }
        }
      }
    }
    lines.push("    }");
  }
  lines.push("    workgroupBarrier();", "  }");
  for (const i of is) {
    for (const j of js) {
      const row = `(m0 + ${place(alongA, "ty", tm, i)})`, column = `(n0 + ${place(alongB, "tx", tn, j)})`;
      lines.push(`  ${write(row, column, wide ? `c${i}_${Math.floor(j / 4)}[${j % 4}]` : `c${i}_${j}`)}`);
    }
  }
  return lines.join("\n");
}

/** Where an invocation's i-th row or column stands in a tile: every 16th along k, in fours across. */
function place(along: boolean, thread: string, t: number, i: number): string {
  if (along || t === 1) return `${thread} + ${SIDE * i}u`;
  return `${thread} * 4u + ${4 * SIDE * Math.floor(i / 4) + i % 4}u`;
}

/** A tile's values at depth k for an invocation, where the tile lies across k: its v-th vec4, or its only value. */
function across(tile: string, k: number, t: number, thread: string, v: number): string {
  return t > 1
    ? `${tile}[${k * SIDE * t / 4 + v * SIDE}u + ${thread}]`
    : `${tile}[${k * SIDE / 4}u + ${thread} / 4u][${thread} % 4u]`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
