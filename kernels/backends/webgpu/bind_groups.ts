/**
 * Groups of bindings, kept from run to run: making one takes 10 µs, two thirds of encoding a dispatch. Each takes 1.7 kB of the host's
 * memory (Deno 2.9.6), and a long training meets ever new sets of buffers, so those that weren't used for long are forgotten.
 * @module
 */

/** Groups that are surely remembered: those of the packs of some ten lengths of SmolLM2-135M. At most twice as many exist, 110 MB. */
const KEPT = 32_768;

/** Groups by key, the ones used last. */
export class BindGroups {
  #recent = new Map<string, GPUBindGroup>();
  #before = new Map<string, GPUBindGroup>();

  /** @param kept Groups that are surely remembered, ≥ 1. */
  constructor(readonly kept: number = KEPT) {}

  /** Groups that are remembered, at most twice as many as are surely remembered; one that was used again may count twice. */
  get size(): number {
    return this.#recent.size + this.#before.size;
  }

  /** The group of a key, made by `make` where it isn't remembered. */
  of(key: string, make: () => GPUBindGroup): GPUBindGroup {
    const recent = this.#recent.get(key);
    if (recent) return recent;
    const group = this.#before.get(key) ?? make();
    if (this.#recent.size >= this.kept) {
      this.#before = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, group);
    return group;
  }
}
