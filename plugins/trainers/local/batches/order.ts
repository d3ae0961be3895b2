/**
 * The order in which training visits rows: that of the Hugging Face Trainer (accelerate's SeedableRandomSampler), which
 * shuffles again each epoch from `seed + epoch`.
 * @module
 */
import { torchRandperm } from "../../../../kernels/random/mt19937.ts";

/**
 * Row numbers in training order, `[n]`.
 *
 * @param epoch From 0.
 * @param shuffle false: file order (`disable_shuffling`).
 */
export function trainOrder(n: number, seed: number, epoch: number, shuffle = true): Int32Array {
  return shuffle ? torchRandperm(n, seed + epoch) : Int32Array.from({ length: n }, (_, i) => i);
}
