/**
 * Tests of the library where it is there.
 * @module
 */
import { openLibrary, OrtSession, OrtTensor, type SessionOptions } from "./mod.ts";
import { node, type SmallModel, smallModel } from "./_test_model.ts";

/** The library, or why it isn't there. */
export const { library, reason } = openLibrary();
/** Element types by ONNX's numbers. */
export const FLOAT = 1, INT64 = 7, BOOL = 9;

/** A test that is left out, with the reason, where the library is missing. */
export function libraryTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: library ? name : `${name}: ${reason}`, ignore: library === null, fn });
}

/** A float32 tensor over these values. */
export const tensorOver = (values: number[], shape: number[]) =>
  OrtTensor.over(library!, Float32Array.from(values), shape, "f32");
/** A copy of a float32 tensor's values. */
export const floatsOf = (tensor: OrtTensor) => [...new Float32Array(tensor.bytes().buffer)];
/** A session of one thread. */
export const openSmall = (model: SmallModel, options: Partial<SessionOptions> = {}) =>
  new OrtSession(library!, smallModel(model), { threads: 1, ...options });

/** y = x·w; s = x + x, behind an output that is made in a run. */
export const PRODUCT_MODEL: SmallModel = {
  nodes: [node("MatMul", ["x", "w"], ["y"]), node("Add", ["x", "x"], ["s"])],
  inputs: [["x", FLOAT, ["T", 2]], ["w", FLOAT, [2, 2]]],
  outputs: [["y", FLOAT, ["T", 2]], ["s", FLOAT, ["T", 2]]],
};
/** A session of {@linkcode PRODUCT_MODEL}. */
export const openProduct = (options?: Partial<SessionOptions>) => openSmall(PRODUCT_MODEL, options);
