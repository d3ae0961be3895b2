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

/** Bytes of a tensor in that form. */
export function heldBytes(form: WidenedType, shape: readonly number[]): number {
  const sizes = isBlockForm(form) ? tileShape(shape, form).map(Number) : shape;
  return sizes.reduce((product, size) => product * size, isBlockForm(form) ? 1 : 2);
}
