/**
 * Files of a program's constants. ONNX Runtime maps them into memory, so matrices that it rearranges for its products aren't held twice.
 * @module
 */
import { join } from "@std/path";

import { writeError } from "../../../../formats/atomic.ts";
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

/** Names and sizes of the files; without them all constants are in {@linkcode CONSTANTS}. */
export interface ConstantFiles {
  /** Name by number, from 0 on. */
  readonly file: (index: number) => string;
  /** Bytes of a file at most, > 0; one larger constant gets a file of its own. */
  readonly limit: number;
}

function aligned(end: number): number {
  return Math.ceil(end / ALIGNMENT) * ALIGNMENT;
}

/** Writes constants one behind the other. */
export class ConstantsWriter implements Disposable {
  #file: Deno.FsFile;
  #name: string;
  #end = 0;
  /** Files so far. */
  files = 1;
  /** By name, in the order in which they were written. */
  readonly written: Record<string, WrittenConstant> = {};

  /** @param folder Is there; the files aren't. */
  constructor(
    readonly folder: string,
    readonly names: ConstantFiles = { file: () => CONSTANTS, limit: Infinity },
  ) {
    this.#name = names.file(0);
    this.#file = this.#open();
  }

  /**
   * Writes an array; as u8 or f32 by its class.
   * @throws {Error} If it can't be written; a full disk is named as such, with what to do
   */
  write(
    name: string,
    shape: readonly number[],
    data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): void {
    const length = data.byteLength;
    if (this.#end > 0 && aligned(this.#end) + length > this.names.limit) this.#next();
    const offset = aligned(this.#end);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, length);
    try {
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw writeError(error, join(this.folder, this.#name));
    }
    this.#end = offset + length;
    const type = data instanceof Uint8Array ? "u8" : "f32";
    this.written[name] = { type, shape: [...shape], place: { file: this.#name, offset, length } };
  }

  #open(): Deno.FsFile {
    const path = join(this.folder, this.#name);
    try {
      return Deno.openSync(path, { write: true, createNew: true });
    } catch (error) {
      throw writeError(error, path);
    }
  }

  #next(): void {
    this.#file.close();
    this.#name = this.names.file(this.files++);
    this.#file = this.#open();
    this.#end = 0;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
