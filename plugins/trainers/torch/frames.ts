/**
 * Binary frames between this program and its PyTorch ranks: the length of a JSON header (u32), the header, then the bytes of its
 * arrays; all little-endian. The header's `arrays` lists `[name, type, count]`. python/dinotune_torch/frames.py has the same.
 * @module
 */
import type { NamedArrays } from "../../../kernels/engine/optimizer/optimizer.ts";

/** An array of a frame. */
export type FrameArray = Int32Array | Float32Array | Float64Array;

/** A request or an answer. */
export interface Frame {
  header: Readonly<Record<string, unknown>>;
  arrays: Readonly<Record<string, FrameArray>>;
}

/** A stream read byte by byte. */
export class StreamBytes {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #have: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * The next bytes.
   * @throws {Deno.errors.UnexpectedEof} If the stream ends before
   */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count;) {
      if (this.#have.length === 0) await this.#more();
      const part = this.#have.subarray(0, count - done);
      bytes.set(part, done);
      this.#have = this.#have.subarray(part.length);
      done += part.length;
    }
    return bytes;
  }

  /** Reads on until behind an ASCII text. @throws {Deno.errors.UnexpectedEof} If it doesn't come */
  async passOver(text: string): Promise<void> {
    for (let seen = ""; !seen.endsWith(text);) {
      seen = (seen + String.fromCharCode(...await this.read(1))).slice(-text.length);
    }
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#reader.read();
    if (done) throw new Deno.errors.UnexpectedEof("the PyTorch ranks said nothing more");
    this.#have = value;
  }
}

type Kind = "i32" | "f32" | "f64";

/** Bytes of a frame, part by part; arrays aren't copied. */
export function frameParts({ header, arrays }: Frame): Uint8Array[] {
  const listed = Object.entries(arrays).map(([name, values]) => [name, kindOf(values), values.length]);
  const head = new TextEncoder().encode(JSON.stringify({ ...header, arrays: listed }));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.length, true);
  const bodies = Object.values(arrays).map(({ buffer, byteOffset, byteLength }) =>
    new Uint8Array(buffer, byteOffset, byteLength)
  );
  return [length, head, ...bodies];
}

/**
 * Reads the next frame.
 * @throws {Deno.errors.UnexpectedEof} If the stream ends
 */
export async function readFrame(source: StreamBytes): Promise<Frame> {
  const length = new DataView((await source.read(4)).buffer).getUint32(0, true);
  const { arrays: listed, ...header } = JSON.parse(
    new TextDecoder().decode(await source.read(length)),
  ) as { arrays: [string, Kind, number][] };
  const arrays: Record<string, FrameArray> = {};
  for (const [name, kind, count] of listed) {
    const bytes = await source.read(count * (kind === "f64" ? 8 : 4));
    arrays[name] = kind === "f64"
      ? new Float64Array(bytes.buffer)
      : kind === "f32"
      ? new Float32Array(bytes.buffer)
      : new Int32Array(bytes.buffer);
  }
  return { header, arrays };
}

/** Arrays of a frame whose names begin so, under the rest of their names. */
export function arraysUnder(arrays: Readonly<Record<string, FrameArray>>, prefix: string): NamedArrays {
  const found = Object.entries(arrays).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    found.map(([name, values]) => [name.slice(prefix.length), values]),
  ) as NamedArrays;
}

/** Arrays under names that begin so. */
export function withPrefix(
  prefix: string,
  arrays: Readonly<Record<string, FrameArray>>,
): Record<string, FrameArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [prefix + name, values]));
}

function kindOf(values: FrameArray): Kind {
  return values instanceof Int32Array ? "i32" : values instanceof Float32Array ? "f32" : "f64";
}
