/**
 * An open file of named tensors: common ground of the safetensors and GGUF readers. Opening reads and checks the header only.
 * @module
 */
import { nearest } from "./did_you_mean.ts";
import { shown } from "./message.ts";
import { RandomAccessFile } from "./random_access.ts";

/** Checked header of a file of tensors. */
export interface TensorFileHeader<Info> {
  /** By name. */
  readonly tensors: ReadonlyMap<string, Info>;
  /** Bytes in front of the first tensor. */
  readonly headerBytes: number;
}

/** An open file of tensors; a reader of a format adds how values are read. */
export class TensorFile<Info, Header extends TensorFileHeader<Info>> implements Disposable {
  /** As given. */
  readonly path: string;
  /** Header whose offsets and sizes fit the file. */
  protected readonly header: Header;
  /** The open file; closed with this. */
  protected readonly file: RandomAccessFile;

  /** Opens a file and checks its header with `parse`, whose errors close it again. */
  constructor(path: string, parse: (file: RandomAccessFile) => Header) {
    this.path = path;
    this.file = new RandomAccessFile(path);
    try {
      this.header = parse(this.file);
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  /** Descriptions of all tensors by name. */
  get tensors(): ReadonlyMap<string, Info> {
    return this.header.tensors;
  }

  /** Bytes in front of the first tensor. */
  get headerBytes(): number {
    return this.header.headerBytes;
  }

  /**
   * Type, shape and place of a tensor.
   * @throws {RangeError} If there is none of that name.
   */
  info(name: string): Info {
    const info = this.tensors.get(name);
    if (info) return info;
    const near = nearest(name, [...this.tensors.keys()]);
    const hint = near === undefined
      ? `, it has ${this.tensors.size} tensors`
      : ` - did you mean ${shown(near)}?`;
    throw new RangeError(
      `Cannot read tensor ${shown(name)} of ${this.path}: there is none of that name${hint}`,
    );
  }

  /** Closes the file; nothing can be read after it. */
  close(): void {
    this.file.close();
  }

  /** As {@linkcode TensorFile.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
