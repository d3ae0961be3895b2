/**
 * Times of compute passes by the device's own clock: neither the host's encoding nor its waits are in them.
 * @module
 */
import type { Device } from "./device.ts";

/** Passes that a timer has room for. */
const TIMED_PASSES = 256;
/** `GPUBufferUsage.QUERY_RESOLVE` and `COPY_SRC` by value. */
const RESOLVED = 512 | 4;

/** Times up to {@linkcode TIMED_PASSES} passes. */
export class PassTimer {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  #passes = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#queries = device.gpu.createQuerySet({ type: "timestamp", count: 2 * TIMED_PASSES });
  }

  /** For the next pass. @throws {RangeError} If there is no room for it. */
  next(): GPUComputePassTimestampWrites {
    if (this.#passes === TIMED_PASSES) {
      throw new RangeError(`Cannot time a pass: there is room for ${TIMED_PASSES}`);
    }
    const first = 2 * this.#passes++;
    return { querySet: this.#queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** Seconds of all passes together. */
  async seconds(): Promise<number> {
    const { gpu } = this.#device, count = 2 * this.#passes, bytes = 8 * count;
    const buffer = gpu.createBuffer({ size: bytes, usage: RESOLVED }), encoder = gpu.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, count, buffer, 0);
    this.#device.submit([encoder.finish()]);
    const times = new BigUint64Array(await this.#device.read({ buffer, offset: 0 }, bytes));
    buffer.destroy();
    this.#queries.destroy();
    let sum = 0;
    for (let i = 0; i < count; i += 2) sum += Number((times[i + 1] ?? 0n) - (times[i] ?? 0n));
    return sum / 1e9;
  }
}
