/**
 * Things that the library made and that we free.
 * @module
 */

/** Something of the library's by its address, freed once. */
export abstract class OrtHandle {
  #pointer: Deno.PointerValue = null;
  #users = 0;

  /** @param what For errors: "a session"; a function where there are so many that text costs. */
  constructor(
    private readonly what: string | (() => string),
    private readonly release: (pointer: Deno.PointerValue) => void,
  ) {}

  get #named(): string {
    return typeof this.what === "string" ? this.what : this.what();
  }

  /** Takes over what a call made. */
  protected own(pointer: Deno.PointerValue): void {
    this.#pointer = pointer;
  }

  /** Address for calls. @throws {Error} Once it is disposed of. */
  get pointer(): Deno.PointerObject {
    if (this.#pointer === null) throw new Error(`Cannot use ${this.#named}: it was disposed of`);
    return this.#pointer;
  }

  /**
   * Frees it. Again is nothing.
   * @throws {Error} If a run in the background uses it.
   */
  dispose(): void {
    if (this.#users > 0) {
      throw new Error(`Cannot dispose of ${this.#named}: a run in the background that uses it isn't over`);
    }
    if (this.#pointer !== null) this.release(this.#pointer);
    this.#pointer = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Awaits a call in another thread, which needs these: until it is over they can't be disposed of. */
  static async during<T>(used: readonly (OrtHandle | null)[], call: () => Promise<T>): Promise<T> {
    const held = used.filter((handle) => handle !== null);
    for (const handle of held) handle.#users++;
    try {
      return await call();
    } finally {
      for (const handle of held) handle.#users--;
    }
  }
}
