/**
 * Memory of large arrays, given back when they are done with.
 * @module
 */

/**
 * Gives arrays' memory back at once; they are empty then, and so is whatever shares memory with them. The collector would leave it for long: it
 * sees small objects, however many bytes each stands for.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { release } from "./release.ts";
 *
 * const array = new Float32Array(8);
 * release([array, array.subarray(4)]);
 * assertEquals(array.length, 0);
 * ```
 */
export function release(arrays: Iterable<ArrayBufferView>): void {
  for (const { buffer } of arrays) {
    if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
  }
}
