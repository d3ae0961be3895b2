/**
 * Matrices in ggml's blocks as the library's products take them: tiles of 16 rows by 32 columns, see src/blocks.h. Blocks become float32
 * where a product lays them out, to the numbers that they are in float32.
 * @module
 */
import { u8 } from "../../formats/elements.ts";
import type { FloatPieces, StoredBlocks } from "../../formats/float_pieces.ts";
import { vectorMemoryOf } from "../../formats/simd/memory.ts";

/** Rows and columns of a tile. */
const ROWS = 16, COLUMNS = 32;

/** A type of blocks that products take, by ggml's name. */
export type BlockForm = "Q4_0" | "Q4_1" | "Q8_0";

/** Bytes of a block: a scale, perhaps a minimum, and codes. */
const FORMS: Readonly<Record<BlockForm, { head: number; codes: number }>> = {
  Q4_0: { head: 2, codes: 16 },
  Q4_1: { head: 4, codes: 16 },
  Q8_0: { head: 2, codes: 32 },
};

/** A matrix in tiles, `[rows / 16, columns / 32, bytes of a tile]`. */
export type BlockTiles = Uint8Array<ArrayBuffer>;

/** True of a form of weights that lies in tiles. */
export function isBlockForm(form: string): form is BlockForm {
  return Object.hasOwn(FORMS, form);
}

function blockBytes(form: BlockForm): number {
  return FORMS[form].head + FORMS[form].codes;
}

/** Shape of the tiles of a matrix; null for a size that isn't known. */
export function tileShape(
  [rows, columns]: readonly (number | null)[],
  form: BlockForm,
): [rows: number | null, columns: number | null, bytes: number] {
  const parts = (size: number | null | undefined, by: number) => size == null ? null : size / by;
  return [parts(rows, ROWS), parts(columns, COLUMNS), ROWS * blockBytes(form)];
}

/** The form in which a matrix can lie in tiles; null: it can't, by its type or since it isn't of whole tiles. */
export function blockFormOf(
  { blocks }: Pick<FloatPieces, "blocks">,
  shape: readonly number[],
): BlockForm | null {
  const [rows = 0, columns = 0] = shape;
  const isWhole = shape.length === 2 && rows % ROWS === 0 && columns % COLUMNS === 0;
  return blocks && isWhole && isBlockForm(blocks.type) ? blocks.type : null;
}

/** Lays a matrix's blocks out in tiles. */
export function blockTiles(
  { pieces }: Pick<StoredBlocks, "pieces">,
  [rows = 0, columns = 0]: readonly number[],
  form: BlockForm,
): BlockTiles {
  const { head, codes } = FORMS[form], across = columns / COLUMNS, bytes = head + codes;
  const tiles = new Uint8Array(rows * across * bytes);
  let index = 0;
  for (const piece of pieces()) {
    for (let at = 0; at < piece.length; at += bytes, index++) {
      const row = Math.floor(index / across), inTile = row % ROWS;
      const tile = ((row - inTile) * across + index % across * ROWS) * bytes;
      for (let i = 0; i < head; i++) tiles[tile + headPlace(i, inTile)] = u8(piece, at + i);
      const from = at + head, to = tile + head * ROWS + inTile;
      for (let i = 0; i < codes; i++) tiles[to + ROWS * i] = u8(piece, from + i);
    }
  }
  return tiles;
}

/** Where byte `i` of a row's scale and minimum lies: float16s of all rows are one behind another. */
function headPlace(i: number, row: number): number {
  return (i >> 1) * 2 * ROWS + 2 * row + (i & 1);
}

/** The float32s of a matrix in tiles, a fresh array. */
export function tileFloats(
  tiles: BlockTiles,
  [rows = 0, columns = 0]: readonly number[],
  form: BlockForm,
): Float32Array<ArrayBuffer> {
  const { head, codes } = FORMS[form], across = columns / COLUMNS, bytes = head + codes;
  const values = new Float32Array(rows * columns), out = new Uint8Array(values.buffer);
  const blocks = new Uint8Array(across * bytes);
  for (let row = 0; row < rows; row++) {
    const inTile = row % ROWS;
    for (let block = 0; block < across; block++) {
      const tile = ((row - inTile) * across + block * ROWS) * bytes, to = block * bytes;
      for (let i = 0; i < head; i++) blocks[to + i] = u8(tiles, tile + headPlace(i, inTile));
      for (let i = 0; i < codes; i++) blocks[to + head + i] = u8(tiles, tile + (head + i) * ROWS + inTile);
    }
    out.set(vectorMemoryOf(blocks).dequantized(form, blocks, columns), 4 * row * columns);
  }
  return values;
}
