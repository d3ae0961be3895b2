/**
 * Matrices in 4 or 8 bits.
 * @module
 */
export {
  codeAt,
  groupsOf,
  PACKED_GROUP,
  type PackedForm,
  type PackedMatrix,
  reordered,
  stacked,
  unpacked,
} from "./packed_matrix.ts";
export { quantized } from "./quantize.ts";
