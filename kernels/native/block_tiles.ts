/**
 * Matrices in blocks as the library's products take them: tiles of 16 rows by a block's columns, see src/blocks.h. Blocks become float32
 * where a product lays them out, to the numbers that they are in float32.
 * @module
 */
import { f32, u8 } from "../../formats/elements.ts";
import { PACKED_GROUP, type PackedMatrix, unpacked } from "../../formats/packed/mod.ts";
import { vectorMemoryOf } from "../../formats/simd/memory.ts";
import { BLOCK_LAYOUTS, type BlockForm, type BlockLayout, isGroupForm, TILE_ROWS } from "./block_forms.ts";

/** A matrix in tiles, `[rows / 16, columns of tiles, bytes of a tile]`. */
export type BlockTiles = Uint8Array<ArrayBuffer>;

/** Lays a matrix's blocks out in tiles. @param pieces Whole blocks, row by row */
export function blockTiles(
  pieces: Iterable<Uint8Array>,
  [rows = 0, columns = 0]: readonly number[],
  form: BlockForm,
): BlockTiles {
  const { bytes, wide, columns: width } = BLOCK_LAYOUTS[form], across = columns / width;
  const end = wide.from + wide.count * wide.width, tiles = new Uint8Array(rows * across * bytes);
  let index = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += bytes, index++) {
      const row = Math.floor(index / across), inTile = row % TILE_ROWS;
      const tile = ((row - inTile) * across + index % across * TILE_ROWS) * bytes;
      for (let i = wide.from; i < end; i++) tiles[tile + widePlace(wide, i, inTile)] = u8(piece, at + i);
      const to = tile + inTile;
      for (let i = 0; i < wide.from; i++) tiles[to + TILE_ROWS * i] = u8(piece, at + i);
      for (let i = end; i < bytes; i++) tiles[to + TILE_ROWS * i] = u8(piece, at + i);
    }
  }
  return tiles;
}

/** Where byte `i` of a row's wide numbers lies in a tile: those of all rows are one behind another. */
function widePlace({ from, width }: BlockLayout["wide"], i: number, row: number): number {
  const byte = (i - from) % width;
  return (i - byte) * TILE_ROWS + width * row + byte;
}

/** A matrix's groups as blocks, a row at a time. */
export function* groupBlocks(
  { rows, columns, bits, codes, scales, minima }: PackedMatrix,
): Generator<Uint8Array> {
  const across = columns / PACKED_GROUP,
    codeBytes = 4 * bits,
    head = minima ? 8 : 4,
    bytes = head + codeBytes;
  const piece = new Uint8Array(across * bytes), numbers = new DataView(piece.buffer);
  for (let row = 0, group = 0; row < rows; row++) {
    for (let i = 0; i < across; i++, group++) {
      numbers.setFloat32(i * bytes, f32(scales, group), true);
      if (minima) numbers.setFloat32(i * bytes + 4, f32(minima, group), true);
      piece.set(codes.subarray(group * codeBytes, (group + 1) * codeBytes), i * bytes + head);
    }
    yield piece;
  }
}

/** The float32s of blocks of a row. */
function blockFloats(
  blocks: Uint8Array<ArrayBuffer>,
  columns: number,
  form: BlockForm,
): Uint8Array<ArrayBuffer> {
  if (!isGroupForm(form)) return vectorMemoryOf(blocks).dequantized(form, blocks, columns);
  const { bytes, wide: { count }, bits } = BLOCK_LAYOUTS[form],
    across = columns / PACKED_GROUP,
    head = 4 * count;
  const table = new DataView(blocks.buffer);
  const number = (place: number) =>
    Float32Array.from({ length: across }, (_, i) => table.getFloat32(i * bytes + place, true));
  const codes = new Uint8Array(across * 4 * bits);
  for (let i = 0; i < across; i++) {
    codes.set(blocks.subarray(i * bytes + head, (i + 1) * bytes), i * 4 * bits);
  }
  const minima = count > 1 ? number(4) : null;
  return new Uint8Array(unpacked({ rows: 1, columns, bits, codes, scales: number(0), minima }).buffer);
}

/** The float32s of a matrix in tiles, a fresh array. */
export function tileFloats(
  tiles: BlockTiles,
  [rows = 0, columns = 0]: readonly number[],
  form: BlockForm,
): Float32Array<ArrayBuffer> {
  const { bytes, wide, columns: width } = BLOCK_LAYOUTS[form], across = columns / width;
  const end = wide.from + wide.count * wide.width;
  const values = new Float32Array(rows * columns), out = new Uint8Array(values.buffer);
  const blocks = new Uint8Array(across * bytes);
  for (let row = 0; row < rows; row++) {
    const inTile = row % TILE_ROWS;
    for (let block = 0; block < across; block++) {
      const tile = ((row - inTile) * across + block * TILE_ROWS) * bytes, to = block * bytes;
      for (let i = 0; i < bytes; i++) {
        const isWide = i >= wide.from && i < end;
        blocks[to + i] = u8(tiles, tile + (isWide ? widePlace(wide, i, inTile) : TILE_ROWS * i + inTile));
      }
    }
    out.set(blockFloats(blocks, columns, form), 4 * row * columns);
  }
  return values;
}
