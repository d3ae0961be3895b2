/**
 * Groups of bindings, kept from run to run: making one takes several times as long as all else about a dispatch. Each takes 1.7 kB of the host's
 * memory (Deno 2.9.6), and a long training meets ever new sets of buffers, so those that weren't used for long are forgotten.
 * @module
 */

/** Groups of whole runs that are surely remembered: those of the packs of some ten lengths of SmolLM2-135M. At most twice as many exist, 110 MB. */
const KEPT = 32_768;
/** Groups that are surely remembered one by one, for runs of which only a part is new; at most twice as many. */
const KEPT_ALONE = 8192;

/** What was made for keys, the entries used last. */
class Kept<T> {
  #recent = new Map<string, T>();
  #before = new Map<string, T>();
  /** Groups of the recent ones, and of those before. */
  #recentCount = 0;
  #beforeCount = 0;

  /** @param kept Groups that are surely remembered, ≥ 1. */
  constructor(readonly kept: number) {}

  /** Groups that are remembered; one that was used again may count twice. */
  get size(): number {
    return this.#recentCount + this.#beforeCount;
  }

  /** @param groups Groups that are made for the key */
  of(key: string, groups: number, make: () => T): T {
    const recent = this.#recent.get(key);
    if (recent) return recent;
    const found = this.#before.get(key) ?? make();
    if (this.#recent.size && this.#recentCount + groups > this.kept) {
      this.#before = this.#recent;
      this.#beforeCount = this.#recentCount;
      this.#recent = new Map();
      this.#recentCount = 0;
    }
    this.#recent.set(key, found);
    this.#recentCount += groups;
    return found;
  }
}

/** Groups by key, the ones used last: those of a run of a program together, since a run that is repeated has the same buffers in all dispatches. */
export class BindGroups {
  readonly #runs: Kept<readonly GPUBindGroup[]>;
  readonly #alone: Kept<GPUBindGroup>;

  /**
   * @param kept Groups of whole runs that are surely remembered, ≥ 1
   * @param alone Groups that are surely remembered one by one, ≥ 1
   */
  constructor(kept: number = KEPT, alone: number = KEPT_ALONE) {
    this.#runs = new Kept(kept);
    this.#alone = new Kept(alone);
  }

  /** Groups that are remembered, with whole runs and one by one; at most twice as many as are surely remembered each. */
  get size(): { runs: number; alone: number } {
    return { runs: this.#runs.size, alone: this.#alone.size };
  }

  /** The groups of a run, made by `make` where they aren't remembered. */
  ofRun(key: string, groups: number, make: () => readonly GPUBindGroup[]): readonly GPUBindGroup[] {
    return this.#runs.of(key, groups, make);
  }

  /** A group alone. */
  of(key: string, make: () => GPUBindGroup): GPUBindGroup {
    return this.#alone.of(key, 1, make);
  }
}
