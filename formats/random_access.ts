/**
 * Reads at positions of one open file, for the formats that read tensors lazily.
 * @module
 */

/** An open file and its size when opened, in bytes. */
export class RandomAccessFile {
  /** As given. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly #file: Deno.FsFile;

  /**
   * Opens a file.
   * @throws {Deno.errors.NotFound} If there is no such file.
   * @throws {TypeError} If it's a directory.
   */
  constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { read: true });
    const found = this.#file.statSync();
    if (!found.isFile) {
      this.#file.close();
      throw new TypeError(`Cannot open ${path} as a file: it is a directory or a device`);
    }
    this.size = found.size;
  }

  /**
   * Fills `into` with the bytes from `position` on.
   * @throws {SyntaxError} If the file ends before.
   */
  readInto(position: number, into: Uint8Array): void {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let filled = 0; filled < into.length;) {
      const count = this.#file.readSync(into.subarray(filled));
      if (count === null) {
        throw new SyntaxError(
          `Cannot read ${this.path}: it ends at byte ${position + filled}, ${
            into.length - filled
          } bytes before the end ` +
            `of what was asked for`,
        );
      }
      filled += count;
    }
  }

  /** A fresh array with `length` bytes from `position` on. */
  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.readInto(position, bytes);
    return bytes;
  }

  /** Closes the file; nothing can be read after it. */
  close(): void {
    this.#file.close();
  }
}
