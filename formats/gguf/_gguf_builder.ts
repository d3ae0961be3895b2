/**
 * Small GGUF files, whole and broken ones.
 * @module
 */
import { join } from "@std/path";

export const ggufGolden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

export function withGguf(bytes: Uint8Array, fn: (path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    const path = join(directory, "a.gguf");
    Deno.writeFileSync(path, bytes);
    fn(path);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Writes the little that the bad cases below need; version 3. */
class GgufBuilder {
  #parts: number[] = [];
  u32(value: number): this {
    this.#parts.push(...new Uint8Array(new Uint32Array([value]).buffer));
    return this;
  }
  u64(value: number | bigint): this {
    this.#parts.push(...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
    return this;
  }
  text(value: string | readonly number[]): this {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    this.u64(bytes.length);
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }
  head(tensors: number | bigint, pairs: number | bigint, version = 3): this {
    return this.u32(0x46554747).u32(version).u64(tensors).u64(pairs);
  }
  pair(key: string, value: string | number): this {
    return typeof value === "string" ? this.text(key).u32(8).text(value) : this.text(key).u32(4).u32(value);
  }
  tensor(name: string, sizes: number[], type: number, offset: number | bigint): this {
    this.text(name).u32(sizes.length);
    for (const size of sizes) this.u64(size);
    return this.u32(type).u64(offset);
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.#parts);
  }
  data(count: number): Uint8Array {
    const start = Math.ceil(this.#parts.length / 32) * 32;
    const bytes = new Uint8Array(start + count);
    bytes.set(this.#parts);
    return bytes;
  }
}

export const buildGguf = () => new GgufBuilder();

/** A file of `size` bytes, all zero (and not on the disk) behind a header. */
export function withSparse(header: Uint8Array, size: number, check: (path: string) => void): void {
  withGguf(header, (path) => {
    Deno.truncateSync(path, size);
    check(path);
  });
}
