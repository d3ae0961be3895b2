/**
 * The file of a program's constants. ONNX Runtime maps it into memory, so matrices that it rearranges for its products aren't held twice.
 * @module
 */
import { join } from "@std/path";
import type { BuilderType, FilePlace } from "../../../backends/onnx/model_builder.ts";

/** Name of the file in its folder. */
export const CONSTANTS = "weights.bin";

/** Constants begin at multiples of this, so that they can be mapped. */
const ALIGNMENT = 4096;

/** A constant, written. */
export interface WrittenConstant {
  readonly type: BuilderType;
  readonly shape: readonly number[];
  readonly place: FilePlace;
}

/** Writes constants one behind the other. */
export class ConstantsWriter implements Disposable {
  readonly #file: Deno.FsFile;
  #end = 0;
  /** By name, in the order in which they were written. */
  readonly written: Record<string, WrittenConstant> = {};

  /** @param folder Is there; the file isn't. */
  constructor(folder: string) {
    this.#file = Deno.openSync(join(folder, CONSTANTS), { write: true, createNew: true });
  }

  /** Writes an array; as u8 or f32 by its class. */
  write(
    name: string,
    shape: readonly number[],
    data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): void {
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT, length = data.byteLength;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, length);
    for (let done = 0; done < length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#end = offset + length;
    const type = data instanceof Uint8Array ? "u8" : "f32";
    this.written[name] = { type, shape: [...shape], place: { file: CONSTANTS, offset, length } };
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
