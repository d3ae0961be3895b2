/**
 * Tensors made of a caller's numbers, each in the form that programs read it in: float32, 16 bits, or a file's blocks in tiles.
 * @module
 */
import { type FloatPieces, wholeBits } from "../../../formats/float_pieces.ts";
import { type Backend, checkUploaded, type Tensor } from "../../backend.ts";
import { blockTiles, groupBlocks, groupFormOf, isBlockForm } from "../../native/mod.ts";
import type { HalfType } from "../../onnx_node.ts";
import { fitsBits, heldForm } from "./held_form.ts";
import type { TensorStore } from "./store.ts";
import { HostTensor } from "./tensor.ts";

/** The part of {@linkcode Backend} that makes tensors of numbers. */
export class Uploads
  implements Required<Pick<Backend, "upload" | "uploadPieces" | "uploadPacked" | "holdsBlocks">> {
  readonly #half: HalfType | null;
  readonly #widens: boolean;
  #hasNarrow: boolean;

  /**
   * @param half Type that frozen matrices are rounded to; null: none are
   * @param widens True if operators of our own widen matrices as they read them
   */
  constructor(
    private readonly store: TensorStore,
    { half, widens }: { half: HalfType | null; widens: boolean },
  ) {
    this.#half = half;
    this.#widens = widens;
    this.#hasNarrow = half !== null;
  }

  /** True if any tensor isn't 32 bits a number. */
  get hasNarrow(): boolean {
    return this.#hasNarrow;
  }

  upload(...[values, shape, { frozen } = {}]: Parameters<Backend["upload"]>): Tensor {
    checkUploaded(values.length, shape);
    const isRounded = frozen && this.#half !== null && shape.length === 2;
    return isRounded && values instanceof Float32Array
      ? this.store.uploadHalf(values, shape)
      : this.store.upload(values, shape);
  }

  uploadPieces(pieces: FloatPieces, shape: readonly number[]): Tensor | null {
    checkUploaded(pieces.count, shape);
    const form = heldForm(pieces, shape);
    // Where matrices are rounded, float16 has lengths to look at.
    if (form === null || !(this.#half ? this.#half === "bf16" && form === "bf16" : this.#widens)) return null;
    this.#hasNarrow = true;
    return pieces.blocks && isBlockForm(form)
      ? new HostTensor(blockTiles(pieces.blocks.pieces(), shape, form), shape, null, form)
      : this.store.uploadBits(wholeBits(pieces), shape, form as HalfType);
  }

  uploadPacked(...[matrix]: Parameters<NonNullable<Backend["uploadPacked"]>>): Tensor | null {
    const form = this.#widens ? groupFormOf({ ...matrix, minima: matrix.minima !== null }) : null;
    if (form === null) return null;
    this.#hasNarrow = true;
    const shape = [matrix.rows, matrix.columns];
    return new HostTensor(blockTiles(groupBlocks(matrix), shape, form), shape, null, form);
  }

  holdsBlocks(pieces: FloatPieces, shape: readonly number[], bits: 4 | 8): boolean {
    return this.#widens && fitsBits(heldForm(pieces, shape), bits);
  }
}
