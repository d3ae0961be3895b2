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
export function placeAlong(
  row: string,
  quad: string,
  size: { depth: number; perInvocation: number },
): string {
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
export function fillTile(
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
