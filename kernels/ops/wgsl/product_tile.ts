/**
 * The shader of a tile of a product: 16 × 16 invocations, each with TM × TN results in registers.
 *
 * A workgroup steps through k with both operands' tiles in workgroup memory. Operands are kept as they lie in memory, so nothing
 * is transposed: along k or across it in vec4, and multiplied by `fma` (a `dot` is a product, three `fma` and a sum). Rows of a
 * k-contiguous tile are padded by one vec4, or, where both tiles fill the memory, their vec4 change places by row; both keep reads of
 * neighbouring invocations in different banks.
 *
 * A k-contiguous operand is read 16 numbers of a row at a time, in float32 64 bytes side by side, in float16 32: whole sectors of
 * memory. With 8 float16 used half of each. That an H100 was then 3.2 times as slow for float16 as for float32 at n = 18,944 may have
 * been for this; no device has shown it since.
 * @module
 */
import type { ProductLayout } from "./product_spec.ts";
import type { Width } from "./shader.ts";

/** Invocations of a workgroup along each side of a tile. */
export const SIDE = 16;

/** Results of an invocation, and how far a workgroup steps through k. Two tiles fit the 16 KiB that every device has. */
export interface Tile {
  tm: 1 | 4 | 8;
  tn: 1 | 4 | 8;
  depth: 8 | 16;
}

/** A shader's access to an operand. */
interface Operand {
  name: "a" | "b";
  alongK: boolean;
  width: Width;
  /** WGSL of the column at which the part begins. */
  firstColumn: string;
}

/** A function that reads a vec4 of an operand, along or across k, with zeros outside of its bounds. */
function reader({ name, alongK, width, firstColumn }: Operand): string {
  const stride = `sizes.ld${name}`, count = name === "a" ? "sizes.m" : "sizes.n";
  // `row` counts the leading axis, `col` the contiguous one, both from the part's beginning.
  const [rows, columns] = alongK ? [count, "limit"] : ["limit", count];
  const start = `row * ${stride} + ${firstColumn} + col`;
  const value = width === 4 ? `return vec4<f32>(${name}[(${start}) / 4u]);` : `let index = ${start};
  var v = vec4<f32>(f32(${name}[index]), 0f, 0f, 0f);
  if (col + 1u < ${columns}) { v.y = f32(${name}[index + 1u]); }
  if (col + 2u < ${columns}) { v.z = f32(${name}[index + 2u]); }
  if (col + 3u < ${columns}) { v.w = f32(${name}[index + 3u]); }
  return v;`;
  return `fn read_${name}(row: u32, col: u32, limit: u32) -> vec4<f32> {
  if (row >= ${rows} || col >= ${columns}) { return vec4<f32>(); }
  ${value}
}`;
}

/** vec4 of a row of a k-contiguous tile with its padding; the large tile has none. */
function rowQuads({ depth, perInvocation }: { depth: number; perInvocation: number }): number {
  return depth / 4 + (swapped(depth, perInvocation) ? 0 : 1);
}

/** True if vec4 of a k-contiguous tile change places by row. */
function swapped(depth: number, perInvocation: number): boolean {
  return depth === 16 && perInvocation === 8;
}

/** WGSL of where vec4 `quad` of a row of a k-contiguous tile stands. */
function placeAlong(row: string, quad: string, size: { depth: number; perInvocation: number }): string {
  const turned = swapped(size.depth, size.perInvocation) ? `((${quad}) ^ (${row} / 2u % 4u))` : quad;
  return `${row} * ${rowQuads(size)}u + ${turned}`;
}

/** Workgroup memory of both tiles, and functions that read the operands. */
export function tileDeclarations(
  { layout, tile: { tm, tn, depth }, widths }: {
    layout: ProductLayout;
    tile: Tile;
    widths: { a: Width; b: Width };
  },
): string {
  const size = (along: boolean, perInvocation: number) =>
    SIDE * perInvocation * (along ? rowQuads({ depth, perInvocation }) : depth / 4);
  return `var<workgroup> tile_a: array<vec4<f32>, ${size(layout !== "tn", tm)}>;
var<workgroup> tile_b: array<vec4<f32>, ${size(layout === "nt", tn)}>;
${reader({ name: "a", alongK: layout !== "tn", width: widths.a, firstColumn: "sizes.a_column" })}
${reader({ name: "b", alongK: layout === "nt", width: widths.b, firstColumn: "0u" })}`;
}

/** Statements that fill a tile: `perInvocation` rows or columns of each of 16 invocations, `depth` deep, from `origin` on. */
function fill(
  { name, alongK, perInvocation, depth, origin }: {
    name: "a" | "b";
    alongK: boolean;
    perInvocation: number;
    depth: number;
    origin: string;
  },
): string {
  const quads = depth / 4, total = SIDE * perInvocation * quads;
  const per = alongK ? quads : SIDE * perInvocation / 4;
  const store = alongK
    ? `tile_${name}[${
      placeAlong(`(e / ${per}u)`, `e % ${per}u`, { depth, perInvocation })
    }] = read_${name}(${origin} + e / ${per}u, k0 + e % ${per}u * 4u, limit);`
    : `tile_${name}[e] = read_${name}(k0 + e / ${per}u, ${origin} + e % ${per}u * 4u, limit);`;
  const fills: string[] = [];
  for (let done = 0; done < total; done += SIDE * SIDE) {
    const one = `{ let e = lane + ${done}u; ${store} }`;
    fills.push(total < SIDE * SIDE ? `if (lane < ${total}u) ${one}` : one);
  }
  return fills.join("\n    ");
}

/** A low-rank product beside that of a tile: Σ_r left(row, r) right(r, column) is added to the results behind the walk. */
export interface BesideTile {
  /** Statements: variables; what fills workgroup memory in a step, beside the tiles; what reads it; what follows the last step. */
  variables: string;
  fill: string;
  /** @param place WGSL of where a vec4 of a row of A stands. */
  step(place: (row: string, quad: string) => string): string;
  finish: string;
  rank: number;
  /** WGSL of factors at `r`, by the row in the tile and the column of the result, which exists. */
  left(row: string): string;
  right(column: string): string;
}

/** The walk over k; `write` gives the statement that stores a result, from WGSL of its row, column and sum. */
export function tileBody(
  { layout, tile: { tm, tn, depth }, beside, write }: {
    layout: ProductLayout;
    tile: Tile;
    beside?: BesideTile;
    write(result: { row: string; column: string; sum: string }): string;
  },
): string {
  const is = range(tm), js = range(tn), lines: string[] = [];
  const alongA = layout !== "tn", alongB = layout === "nt";
  // Results of an invocation: scalars where B lies along k, else vec4 (or one scalar) across.
  const wide = !alongB && tn > 1, results = wide ? range(tn / 4) : js;
  lines.push(`  let tx = lane % ${SIDE}u; let ty = lane / ${SIDE}u;
  let tile = workgroup % sizes.tiles; let part = workgroup / sizes.tiles;
  let m0 = tile % sizes.across * ${SIDE * tm}u; let n0 = tile / sizes.across * ${SIDE * tn}u;
  let limit = min(sizes.k, (part + 1u) * sizes.split);`);
  for (const i of is) {
    for (const j of results) lines.push(`  var c${i}_${j} = ${wide ? "vec4<f32>()" : "0f"};`);
  }
  if (beside) lines.push(beside.variables);
  lines.push(`  for (var k0 = part * sizes.split; k0 < limit; k0 += ${depth}u) {
    ${fill({ name: "a", alongK: alongA, perInvocation: tm, depth, origin: "m0" })}
    ${fill({ name: "b", alongK: alongB, perInvocation: tn, depth, origin: "n0" })}
    ${beside?.fill ?? ""}
    workgroupBarrier();
    ${beside?.step((row, quad) => placeAlong(row, quad, { depth, perInvocation: tm })) ?? ""}`);
  // As statements 1,024 multiply-adds of a large tile's step are slow to compile, so there they are a loop.
  const looped = tm === 8 && depth > 8;
  for (const quad of looped ? ["q"] : range(depth / 4).map((q) => `${q}u`)) {
    lines.push(looped ? `    for (var q = 0u; q < ${depth / 4}u; q++) {` : "    {");
    if (alongA) {
      for (const i of is) {
        const place = placeAlong(`(ty + ${SIDE * i}u)`, quad, { depth, perInvocation: tm });
        lines.push(`      let a${i} = tile_a[${place}];`);
      }
    }
    if (alongB) {
      for (const j of js) {
        const place = placeAlong(`(tx + ${SIDE * j}u)`, quad, { depth, perInvocation: tn });
        lines.push(`      let b${j} = tile_b[${place}];`);
      }
      for (const s of range(4)) {
        for (const i of is) {
          for (const j of js) lines.push(`      c${i}_${j} = fma(a${i}[${s}], b${j}[${s}], c${i}_${j});`);
        }
      }
    } else {
      for (const s of range(4)) {
        const k = `(${quad} * 4u + ${s}u)`, vectors = range(Math.max(1, tm / 4));
        for (const j of results) {
          lines.push(
            `      let b${s}_${j} = ${
              across({ tile: "tile_b", k, perInvocation: tn, thread: "tx", index: j })
            };`,
          );
        }
        if (!alongA) {
          for (const v of vectors) {
            lines.push(
              `      let a${s}_${v} = ${
                across({ tile: "tile_a", k, perInvocation: tm, thread: "ty", index: v })
              };`,
            );
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
  const rowOf = (i: number) => offset({ alongK: alongA, perInvocation: tm, thread: "ty", index: i });
  const columnOf = (j: number) => offset({ alongK: alongB, perInvocation: tn, thread: "tx", index: j });
  if (beside) {
    lines.push(beside.finish, `  for (var r = 0u; r < ${beside.rank}u; r++) {`);
    for (const j of js) {
      lines.push(`    let u${j} = ${beside.right(`min(n0 + ${columnOf(j)}, sizes.n - 1u)`)};`);
    }
    for (const i of is) {
      lines.push(`    let l${i} = ${beside.left(rowOf(i))};`);
      for (const j of results) {
        const right = wide ? `vec4<f32>(${range(4).map((c) => `u${4 * j + c}`).join(", ")})` : `u${j}`;
        lines.push(`    c${i}_${j} = fma(${wide ? `vec4<f32>(l${i})` : `l${i}`}, ${right}, c${i}_${j});`);
      }
    }
    lines.push("  }");
  }
  for (const i of is) {
    for (const j of js) {
      const row = `(m0 + ${rowOf(i)})`, column = `(n0 + ${columnOf(j)})`;
      const sum = wide ? `c${i}_${Math.floor(j / 4)}[${j % 4}]` : `c${i}_${j}`;
      lines.push(`  ${write({ row, column, sum })}`);
    }
  }
  return lines.join("\n");
}

/** An invocation's rows or columns of a tile. */
interface Owned {
  perInvocation: number;
  /** WGSL of the invocation's index among 16. */
  thread: string;
  /** Number of the row or column among those of the invocation. */
  index: number;
}

/** Offset of one of them in the tile: every 16th along k, in fours across. */
function offset({ alongK, perInvocation, thread, index }: Owned & { alongK: boolean }): string {
  if (alongK || perInvocation === 1) return `${thread} + ${SIDE * index}u`;
  return `${thread} * 4u + ${4 * SIDE * Math.floor(index / 4) + index % 4}u`;
}

/** A tile's values at depth `k` (WGSL) for an invocation, where the tile lies across k: one of its vec4, or its only value. */
function across({ tile, k, perInvocation, thread, index }: Owned & { tile: string; k: string }): string {
  return perInvocation > 1
    ? `${tile}[${k} * ${SIDE * perInvocation / 4}u + ${index * SIDE}u + ${thread}]`
    : `${tile}[${k} * ${SIDE / 4}u + ${thread} / 4u][${thread} % 4u]`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
