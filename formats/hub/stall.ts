/**
 * Replies that don't come, or drip: a hub could hold a process for hours by a byte a second.
 * @module
 */

/** Bytes below which a reply drips. An honest link, however slow, brings whole packets, which are larger. */
const DRIP = 1000;

/** Milliseconds that a reply may take to go on, each > 0. */
export interface StallLimits {
  /** Without any byte. */
  readonly idle: number;
  /** With fewer than 1,000 bytes. */
  readonly drip: number;
}

/** Thrown for a reply that is too slow to be honest. */
export class Dripped extends Error {}

/** Aborts a request whose reply doesn't come or drips, from the constructor until it is disposed. */
export class StallTimer implements Disposable {
  readonly #controller = new AbortController();
  readonly #limits: StallLimits;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #drip: ReturnType<typeof setTimeout> | undefined;
  #arrived = 0;

  constructor(limits: StallLimits) {
    this.#limits = limits;
    this.#waitIdle();
  }

  /** For the request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** So many bytes have arrived. */
  heard(bytes: number): void {
    this.#waitIdle();
    this.#arrived += bytes;
    if (this.#drip !== undefined && this.#arrived < DRIP) return;
    this.#arrived = 0;
    clearTimeout(this.#drip);
    const { drip } = this.#limits;
    this.#drip = setTimeout(
      () => this.#controller.abort(new Dripped(`fewer than ${DRIP} bytes arrived in ${drip / 1000} s`)),
      drip,
    );
  }

  #waitIdle(): void {
    clearTimeout(this.#idle);
    const { idle } = this.#limits;
    this.#idle = setTimeout(
      () => this.#controller.abort(new Error(`nothing has arrived for ${idle / 1000} s`)),
      idle,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#drip);
  }
}
