/**
 * Matrices in few bits as the library's PackedProduct takes them: tiles of 8 outputs, see src/packed_product.h.
 * @module
 */
import { f32, u8 } from "../../formats/elements.ts";
import { groupsOf, PACKED_GROUP, type PackedMatrix } from "../../formats/packed/mod.ts";

/** Outputs of a tile. */
const TILE = 8;

/** A matrix in tiles. */
export interface TiledMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  /** Whether scales and minima are float16: where that keeps them all, as of GGUF files. */
  readonly half: boolean;
  /** `⌈rows / 8⌉` tiles of {@linkcode tileBytes}; rows that the last one lacks are zeros. */
  readonly tiles: Uint8Array<ArrayBuffer>;
}

/** Bytes of a tile. */
export function tileBytes(columns: number, bits: 4 | 8, half: boolean): number {
  return groupsOf(columns) * groupBytes(bits, half);
}

function groupBytes(bits: 4 | 8, half: boolean): number {
  return TILE * (half ? 4 : 8) + bits * TILE * PACKED_GROUP / 8;
}

/** Lays a matrix out in tiles. */
export function tiled(matrix: PackedMatrix): TiledMatrix {
  const { rows, columns, bits, scales } = matrix, groups = groupsOf(columns), minima = codeMinima(matrix);
  const half = fitHalf(scales, minima), bytes = groupBytes(bits, half), count = Math.ceil(rows / TILE);
  const tiles = new Uint8Array(count * groups * bytes), table = new DataView(tiles.buffer);
  const put = half
    ? (at: number, i: number, value: number) => table.setFloat16(at + 2 * i, value, true)
    : (at: number, i: number, value: number) => table.setFloat32(at + 4 * i, value, true);
  for (let row = 0; row < rows; row++) {
    const inTile = row % TILE, tile = Math.floor(row / TILE) * groups * bytes;
    for (let g = 0; g < groups; g++) {
      const at = tile + g * bytes, from = row * groups + g;
      put(at, inTile, f32(scales, from));
      put(at, TILE + inTile, f32(minima, from));
      const codes = at + TILE * (half ? 4 : 8) + 4 * inTile;
      if (bits === 8) tileBytesOf(matrix.codes, 32 * from, tiles, codes);
      else tileHalvesOf(matrix.codes, 16 * from, tiles, codes);
    }
  }
  return { rows, columns, bits, half, tiles };
}

/** Codes of a group in 8 bits: vector v of 32 bytes has columns 4v to 4v + 3 of the tile's outputs, less 128. */
function tileBytesOf(codes: Uint8Array, from: number, tiles: Uint8Array, to: number): void {
  for (let i = 0; i < 32; i++) tiles[to + 32 * (i >> 2) + (i & 3)] = u8(codes, from + i) ^ 128;
}

/** In 4 bits: columns 8v to 8v + 3 in the low halves of vector v, 8v + 4 to 8v + 7 in the high ones. */
function tileHalvesOf(codes: Uint8Array, from: number, tiles: Uint8Array, to: number): void {
  for (let v = 0; v < 4; v++) {
    for (let j = 0; j < 4; j++) {
      const half = 4 * (j & 1);
      const low = u8(codes, from + 4 * v + (j >> 1)) >> half & 15;
      const high = u8(codes, from + 4 * v + 2 + (j >> 1)) >> half & 15;
      tiles[to + 32 * v + j] = low | high << 4;
    }
  }
}

/** Minima of `scale · code + minimum`: codes in 4 bits count from 0, in 8 bits from −128, as {@linkcode PackedMatrix} has them. */
function codeMinima({ bits, scales, minima }: PackedMatrix): Float32Array<ArrayBuffer> {
  if (bits === 8) return minima ?? new Float32Array(scales.length);
  // a loop: `from` with a function costs some 150 ns a number, and a model has one for each 32 of its values
  const own = new Float32Array(scales.length);
  for (let i = 0; i < own.length; i++) own[i] = (minima ? f32(minima, i) : 0) - 8 * f32(scales, i);
  return own;
}

/** Minima that were sums of float16 numbers come back with a rounding error of float32's, which they may lose again. */
const ROUNDING = 2 ** -22;

function fitHalf(scales: Float32Array, minima: Float32Array): boolean {
  return scales.every((scale, i) => {
    const minimum = f32(minima, i), error = Math.abs(Math.f16round(minimum) - minimum);
    return Math.f16round(scale) === scale &&
      error <= ROUNDING * Math.max(Math.abs(minimum), 8 * Math.abs(scale));
  });
}
