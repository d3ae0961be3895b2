/**
 * Forms in which frozen matrices of a file can lie in memory for operators of our own.
 * @module
 */
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { blockFormOf, isBlockForm, tileShape } from "../../native/mod.ts";
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
  return form !== null && isBlockForm(form) && (bits === 8 || form !== "Q8_0");
}

/** Bytes of a tensor in that form. */
export function heldBytes(form: WidenedType, shape: readonly number[]): number {
  const sizes = isBlockForm(form) ? tileShape(shape, form).map(Number) : shape;
  return sizes.reduce((product, size) => product * size, isBlockForm(form) ? 1 : 2);
}
