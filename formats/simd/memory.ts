/**
 * Memory in which vector code changes numbers of a file: pieces are read into it, changed there, and taken from it.
 * @module
 */
import { u16, u32 } from "../elements.ts";
import { wasmModule } from "./assemble.ts";
import { BLOCK_FUNCTIONS } from "./blocks.ts";
import { GRID_BLOCKS } from "./grid_blocks.ts";
import { GRID_BYTES, writeGrids } from "./grids.ts";
import { NUMBER_FUNCTIONS, SEEN_BYTES } from "./numbers.ts";

/** Bytes of a piece at most. */
export const VECTOR_BYTES = 1 << 20;
/** Numbers of a piece at most. */
const VALUES = VECTOR_BYTES / 2;

const PAGE = 65_536;
/** Behind what functions see: the float32 of every half, grids, bytes of a file, float32s of them, float16s of those. */
const TABLE = PAGE, GRIDS = TABLE + 4 * 65_536, BYTES = GRIDS + PAGE, FLOATS = BYTES + VECTOR_BYTES;
const HALVES = FLOATS + 4 * VALUES, END = HALVES + 2 * VALUES;

type VectorFunction = (from: number, to: number, end: number) => void;

const modules = new Map<string, WebAssembly.Module>();

/** Compiled when it is first asked for: a file has few types, and all of them together take longer than reading a small one. */
function moduleOf(name: string): WebAssembly.Module {
  let found = modules.get(name);
  if (found) return found;
  const code = NUMBER_FUNCTIONS[name]?.() ?? BLOCK_FUNCTIONS[name]?.({ halves: TABLE, grids: GRIDS });
  if (!code) throw new RangeError(`Cannot change numbers by ${name}: there is no such function`);
  found = new WebAssembly.Module(wasmModule(code, END / PAGE));
  modules.set(name, found);
  return found;
}

/** Float16s of float32s. */
export interface NarrowedHalves {
  /** Bits of the nearest float16s. Meaningless where one is above 65504. */
  halves: Uint8Array<ArrayBuffer>;
  /** Bits of the largest float32 without its sign. */
  largest: number;
  /** True if a number from 2⁻¹⁴ on isn't a float16; false where it wasn't asked for. */
  isLossy: boolean;
}

/**
 * A mebibyte of numbers in their file's form and what is made of it. What a function gives lies here until the next one is called. Bytes
 * that lie here already are changed by whole vectors: what is behind them, up to a multiple of 32 bytes from their first one, is overwritten.
 */
export class VectorMemory {
  readonly #memory = new WebAssembly.Memory({ initial: END / PAGE, maximum: END / PAGE });
  readonly #buffer = this.#memory.buffer as ArrayBuffer;
  readonly #functions = new Map<string, VectorFunction>();
  #hasTable = false;
  #hasGrids = false;
  /** Where bytes of a file are read to, `[VECTOR_BYTES]`. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(this.#buffer, BYTES, VECTOR_BYTES);

  constructor() {
    byBuffer.set(this.#buffer, this);
  }

  #run(name: string, from: number, to: number, bytes: number): void {
    let found = this.#functions.get(name);
    if (!found) {
      const { exports } = new WebAssembly.Instance(moduleOf(name), { in: { memory: this.#memory } });
      found = exports[name] as VectorFunction;
      this.#functions.set(name, found);
    }
    found(from, to, from + bytes);
  }

  /** Address of bytes that lie here, others are copied to `place`; and whole vectors, zeros behind. */
  #here(bytes: Uint8Array, place: number): { address: number; length: number } {
    if (bytes.length > VECTOR_BYTES) {
      throw new RangeError(`Cannot change ${bytes.length} bytes at once: ${VECTOR_BYTES} are the most`);
    }
    const length = 32 * Math.ceil(bytes.length / 32), isHere = bytes.buffer === this.#buffer;
    const address = isHere ? bytes.byteOffset : place;
    if (!isHere) new Uint8Array(this.#buffer, place, bytes.length).set(bytes);
    if (length > bytes.length) {
      new Uint8Array(this.#buffer, address + bytes.length, length - bytes.length).fill(0);
    }
    return { address, length };
  }

  /**
   * Float32s of whole blocks of one of ggml's types.
   * @param bytes `[VECTOR_BYTES]` or fewer, here or elsewhere
   * @param count Values of them, `VECTOR_BYTES / 2` or fewer
   * @throws {RangeError} If there are more
   */
  dequantized(type: string, bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
    if (count > VALUES) throw new RangeError(`Cannot make ${count} values at once: ${VALUES} are the most`);
    if (!this.#hasTable) {
      const every = new Uint16Array(this.#buffer, TABLE + 2 * PAGE, PAGE);
      for (let bits = 0; bits < PAGE; bits++) every[bits] = bits;
      // It overtakes what it reads at the last one.
      this.#run("widenHalves", TABLE + 2 * PAGE, TABLE, 2 * PAGE);
      this.#hasTable = true;
    }
    if (!this.#hasGrids && Object.hasOwn(GRID_BLOCKS, type)) {
      writeGrids(new Int8Array(this.#buffer, GRIDS, GRID_BYTES));
      this.#hasGrids = true;
    }
    const { address } = this.#here(bytes, BYTES);
    this.#run(type, address, FLOATS, bytes.length);
    return new Uint8Array(this.#buffer, FLOATS, 4 * count);
  }

  /** Float32s of numbers of 16 bits, of `[VECTOR_BYTES]` or fewer. */
  widened(type: "f16" | "bf16", bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { address, length } = this.#here(bytes, BYTES);
    this.#run(type === "f16" ? "widenHalves" : "widenBfloats", address, FLOATS, length);
    return new Uint8Array(this.#buffer, FLOATS, 2 * bytes.length);
  }

  /**
   * Nearest float16s of float32s, ties to even; an odd count gets a zero behind it.
   * @param bytes `[VECTOR_BYTES]` or fewer
   */
  narrowed(bytes: Uint8Array, findsLost: boolean): NarrowedHalves {
    const { address, length } = this.#here(bytes, FLOATS);
    this.#run(findsLost ? "narrowExactly" : "narrow", address, HALVES, length);
    const seen = new Uint32Array(this.#buffer, 0, SEEN_BYTES / 4);
    let largest = 0, lost = 0;
    for (let i = 0; i < 4; i++) {
      largest = Math.max(largest, u32(seen, i));
      lost |= u32(seen, 4 + i);
    }
    const halves = new Uint8Array(this.#buffer, HALVES, 4 * Math.ceil(bytes.length / 8));
    return { halves, largest, isLossy: lost !== 0 };
  }

  /**
   * Largest of float16s or bfloat16s, by its bits without the sign, and their bytes: of bfloat16s the nearest float16s over them, which mean
   * nothing where one is above 65504. An odd count gets a zero behind it.
   * @param bytes `[VECTOR_BYTES]` or fewer; where they lie here, they are changed
   */
  halved(type: "f16" | "bf16", bytes: Uint8Array): Pick<NarrowedHalves, "halves" | "largest"> {
    const { address, length } = this.#here(bytes, BYTES);
    this.#run(type === "f16" ? "largestShort" : "halveBfloats", address, address, length);
    const seen = new Uint16Array(this.#buffer, 0, SEEN_BYTES / 4);
    let largest = 0;
    for (let i = 0; i < seen.length; i++) largest = Math.max(largest, u16(seen, i));
    return { halves: new Uint8Array(this.#buffer, address, 4 * Math.ceil(bytes.length / 4)), largest };
  }
}

const byBuffer = new WeakMap<ArrayBufferLike, VectorMemory>();
const free: VectorMemory[] = [];
let own: VectorMemory | null = null;

/** The memory that bytes lie in, or one for bytes from elsewhere, which are copied there. */
export function vectorMemoryOf(bytes: Uint8Array): VectorMemory {
  return byBuffer.get(bytes.buffer) ?? (own ??= new VectorMemory());
}

/** A memory that nobody else has until it is given back; one that isn't given back is collected. */
export function takeVectorMemory(): VectorMemory {
  return free.pop() ?? new VectorMemory();
}

/** Gives a memory back; its content may be overwritten from now on. */
export function giveVectorMemory(memory: VectorMemory): void {
  free.push(memory);
}
