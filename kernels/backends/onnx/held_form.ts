/**
 * Forms in which frozen matrices of a file can lie in memory for operators of our own.
 * @module
 */
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { groupsOf, type PackedForm } from "../../../formats/packed/mod.ts";
import { blockBits, blockFormOf, groupFormOf, isBlockForm, tileShape } from "../../native/mod.ts";
import type { WidenedType } from "../../onnx_node.ts";

/** The form that a tensor has in its file and may keep; null: it becomes float32, as vectors do. */
export function heldForm(
  pieces: Pick<FloatPieces, "type" | "blocks">,
  shape: readonly number[],
): WidenedType | null {
  if (shape.length !== 2) return null;
  return pieces.type === "f32" ? blockFormOf(pieces, shape) : pieces.type;
}

/** True of blocks whose codes have at most so many bits. */
export function fitsBits(form: WidenedType | null, bits: 4 | 8): boolean {
  return form !== null && isBlockForm(form) && blockBits(form) <= bits;
}

/**
 * Bytes of a matrix in 4 or 8 bits: groups in tiles where it can lie so, else codes, scales and minima, which all have.
 * @param tiles Whether the backend takes it in tiles
 */
export function packedBytes(
  { bits, minima }: PackedForm,
  shape: readonly [number, number],
  tiles: boolean,
): number {
  const [rows, columns] = shape, form = tiles ? groupFormOf({ rows, columns, bits, minima }) : null;
  return form === null ? rows * groupsOf(columns) * (4 * bits + 8) : heldBytes(form, shape);
}

/** Bytes of a tensor in that form. */
export function heldBytes(form: WidenedType, shape: readonly number[]): number {
  const sizes = isBlockForm(form) ? tileShape(shape, form).map(Number) : shape;
  return sizes.reduce((product, size) => product * size, isBlockForm(form) ? 1 : 2);
}
