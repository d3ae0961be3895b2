/**
 * Sizes that the dispatches of a plan read, in one buffer.
 * @module
 */
import type { WgslDispatch } from "../../../wgsl_program.ts";
import type { Device } from "../device/device.ts";

/** Uniform structs begin at multiples of this. */
const UNIFORM_ALIGNMENT = 256;

/** Sizes of all dispatches, one behind the other. */
export class Uniforms {
  readonly #values: number[] = [];

  /** Where the sizes of a dispatch stand, bytes. */
  add({ sizes }: WgslDispatch): { uniformOffset: number; uniformSize: number } {
    const values = Object.values(sizes), uniformOffset = this.#values.length * 4;
    this.#values.push(...values);
    while (this.#values.length * 4 % UNIFORM_ALIGNMENT) this.#values.push(0);
    return { uniformOffset, uniformSize: Math.ceil(values.length / 4) * 16 };
  }

  upload(device: Device): GPUBuffer {
    const buffer = device.memory.take(4 * this.#values.length);
    device.write(buffer, Uint32Array.from(this.#values));
    return buffer;
  }
}
