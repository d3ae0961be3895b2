/**
 * Vectors that the library's products and attention use: AVX-512's where the processor has them, AVX2's elsewhere, to the same bits.
 * @module
 */
import { nativeLibrary } from "./library.ts";

/**
 * Bits of the widest vectors from now on in this process, at most as many as asked for; 0: as many as the processor has.
 * @returns Bits in use, 512 or 256
 * @throws {Error} If there is no library on this machine
 */
export function vectorBits(most: 0 | 256 | 512 = 0): number {
  const { path, reason } = nativeLibrary();
  if (path === null) throw new Error(`Cannot choose vectors of operators of our own: ${reason}`);
  const { symbols } = Deno.dlopen(path, { dinotune_vector_bits: { parameters: ["i32"], result: "i32" } });
  return symbols.dinotune_vector_bits(most);
}
