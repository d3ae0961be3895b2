/**
 * Operators of our own for ONNX Runtime's CPU provider, in C (src/), compiled ahead (build.sh): what its operators can't do, or not
 * fast enough. Models name them in the domain {@linkcode NATIVE_DOMAIN}; a session gets them by its option `operators`.
 * @module
 */
export { type NativeLibrary, nativeLibrary, nativeLibraryAt, type NativePlace } from "./library.ts";
export { flushingSubnormals, flushingSubnormalsUntil } from "./subnormals.ts";
export { vectorBits } from "./vector_bits.ts";
export {
  blockBits,
  type BlockForm,
  blockFormOf,
  groupFormOf,
  isBlockForm,
  isGroupForm,
  tileShape,
} from "./block_forms.ts";
export { type BlockTiles, blockTiles, groupBlocks, tileFloats } from "./block_tiles.ts";
export { tileBytes, tiled, type TiledMatrix } from "./tiles.ts";

/** Domain of the operators. */
export const NATIVE_DOMAIN = "dinotune";
