/**
 * Forms of blocks that the library's products take, in tiles of 16 rows by a block's columns (src/blocks.h), and which matrices can have them.
 * @module
 */
import type { FloatPieces } from "../../formats/float_pieces.ts";
import type { PackedForm } from "../../formats/packed/mod.ts";

/** Rows of a tile. */
export const TILE_ROWS = 16;

/**
 * A type of blocks that products take: by ggml's name, or groups of formats/packed with codes of 4 or 8 bits and float32 scales (_0), and
 * minima (_1).
 */
export type BlockForm =
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "G4_0"
  | "G4_1"
  | "G8_0"
  | "G8_1";
type GroupForm = Extract<BlockForm, `G${string}`>;

/** A block: the values and bytes that it has, and which bytes are numbers of more than one byte. */
export interface BlockLayout {
  columns: number;
  bytes: number;
  /** First byte of such numbers, how many there are, and bytes of each. */
  wide: { from: number; count: number; width: 2 | 4 };
  /** A code's bits, as packed weights have them. */
  bits: 4 | 8;
}

const of32 = (bytes: number, count: number, width: 2 | 4, bits: 4 | 8): BlockLayout => ({
  columns: 32,
  bytes,
  wide: { from: 0, count, width },
  bits,
});

const of256 = (bytes: number, from: number, count: number, bits: 4 | 8): BlockLayout => ({
  columns: 256,
  bytes,
  wide: { from, count, width: 2 },
  bits,
});

/** By the form. */
export const BLOCK_LAYOUTS: Readonly<Record<BlockForm, BlockLayout>> = {
  Q4_0: of32(18, 1, 2, 4),
  Q4_1: of32(20, 2, 2, 4),
  Q5_0: of32(22, 1, 2, 8),
  Q5_1: of32(24, 2, 2, 8),
  Q8_0: of32(34, 1, 2, 8),
  Q4_K: of256(144, 0, 2, 4),
  Q5_K: of256(176, 0, 2, 8),
  Q6_K: of256(210, 208, 1, 8),
  G4_0: of32(20, 1, 4, 4),
  G4_1: of32(24, 2, 4, 4),
  G8_0: of32(36, 1, 4, 8),
  G8_1: of32(40, 2, 4, 8),
};

/** True of a form of weights that lies in tiles. */
export function isBlockForm(form: string): form is BlockForm {
  return Object.hasOwn(BLOCK_LAYOUTS, form);
}

/** True of groups, whose tiles are given to operators as bytes with a sign, since some are as large as those of ggml's types. */
export function isGroupForm(form: BlockForm): form is GroupForm {
  return BLOCK_LAYOUTS[form].wide.width === 4;
}

/** Bits that a code of a form needs, of 4 and 8. */
export function blockBits(form: BlockForm): 4 | 8 {
  return BLOCK_LAYOUTS[form].bits;
}

/** Shape of the tiles of a matrix; null for a size that isn't known. */
export function tileShape(
  [rows, columns]: readonly (number | null)[],
  form: BlockForm,
): [rows: number | null, columns: number | null, bytes: number] {
  const parts = (size: number | null | undefined, by: number) => size == null ? null : size / by;
  return [
    parts(rows, TILE_ROWS),
    parts(columns, BLOCK_LAYOUTS[form].columns),
    TILE_ROWS * BLOCK_LAYOUTS[form].bytes,
  ];
}

function isWhole([rows = 0, columns = 0, ...more]: readonly number[], form: BlockForm): boolean {
  return more.length === 0 && rows % TILE_ROWS === 0 && columns % BLOCK_LAYOUTS[form].columns === 0;
}

/** The form in which a matrix can lie in tiles; null: it can't, by its type or since it isn't of whole tiles. */
export function blockFormOf(
  { blocks }: Pick<FloatPieces, "blocks">,
  shape: readonly number[],
): BlockForm | null {
  const type = blocks?.type;
  if (type === undefined || !isBlockForm(type) || isGroupForm(type)) return null;
  return isWhole(shape, type) ? type : null;
}

/** The form in which a packed matrix can lie in tiles; null: it isn't of whole tiles. */
export function groupFormOf(
  { rows, columns, bits, minima }: { rows: number; columns: number } & PackedForm,
): GroupForm | null {
  const form = `G${bits}_${minima ? 1 : 0}` as const;
  return isWhole([rows, columns], form) ? form : null;
}
