/**
 * WebAssembly modules of functions on vectors of 128 bits, put together from named instructions: JavaScript has no vectors, and changes
 * numbers of a file one at a time at a tenth of their speed. An expression is its instructions in the order of the stack machine.
 *
 * Encoding: https://webassembly.github.io/spec/core/binary/, whose names of instructions stand behind their numbers. Byte order is
 * little-endian, places of a vector are counted from its lowest byte.
 * @module
 */

/** Bytes of instructions that leave one value on the stack, or none. */
export type WasmCode = readonly number[];

/** A whole number from 0 on, seven bits a byte, the lowest first (LEB128). */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + (rest >= 128 ? 128 : 0));
  }
  return bytes;
}

/** The same of a signed number of 32 bits: bit 6 of the last byte is its sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0, done = false; !done; rest >>= 7) {
    done = rest >= -64 && rest < 64;
    bytes.push(rest & 127 | (done ? 0 : 128));
  }
  return bytes;
}

const plain = (opcode: number) => (...operands: WasmCode[]): WasmCode => [...operands.flat(), opcode];
const vector = (opcode: number) => (...operands: WasmCode[]): WasmCode => [
  ...operands.flat(),
  0xfd,
  ...unsigned(opcode),
];
/** From an address in bytes and a distance to it; the 0 promises no alignment. */
const load = (...opcode: number[]) => (at: WasmCode, distance = 0): WasmCode => [
  ...at,
  ...opcode,
  0,
  ...unsigned(distance),
];
const shift = (opcode: number) => (operand: WasmCode, bits: number): WasmCode =>
  vector(opcode)(operand, int32.of(bits));

/** Instructions on whole numbers of 32 bits; `below` takes them as unsigned. */
export const int32 = {
  of: (value: number): WasmCode => [0x41, ...signed(value)], // i32.const
  load: load(0x28), // i32.load
  loadByte: load(0x2d), // i32.load8_u
  loadSignedByte: load(0x2c), // i32.load8_s
  loadHalf: load(0x2f), // i32.load16_u
  below: plain(0x49), // i32.lt_u
  add: plain(0x6a), // i32.add
  and: plain(0x71), // i32.and
  or: plain(0x72), // i32.or
  shiftLeft: (operand: WasmCode, bits: number): WasmCode => plain(0x74)(operand, int32.of(bits)), // i32.shl
  shiftRight: (operand: WasmCode, bits: number): WasmCode => plain(0x76)(operand, int32.of(bits)), // i32.shr_u
  subtract: plain(0x6b), // i32.sub
  /** Count of ones among the bits. */
  ones: plain(0x69), // i32.popcnt
};

/** Instructions on a float32. */
export const single = {
  of: (value: number): WasmCode => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)], // f32.const
  load: load(0x2a), // f32.load
  multiply: plain(0x94), // f32.mul
  ofInt: plain(0xb2), // f32.convert_i32_s
};

/** Instructions on vectors of any numbers. */
export const bits128 = {
  load: load(0xfd, 0x00), // v128.load
  store: (at: WasmCode, value: WasmCode, distance = 0): WasmCode =>
    [at, value, [0xfd, 0x0b, 0], unsigned(distance)].flat(), // v128.store
  and: vector(0x4e), // v128.and
  /** Bits of the first that the second hasn't. */
  without: vector(0x4f), // v128.andnot
  or: vector(0x50), // v128.or
  xor: vector(0x51), // v128.xor
  /** 4 or 8 bytes from an address, all over the vector. */
  splat4: load(0xfd, 0x09), // v128.load32_splat
  splat8: load(0xfd, 0x0a), // v128.load64_splat
  /** The vector with 4 or 8 bytes from an address in that place of it. */
  with4: (value: WasmCode, at: WasmCode, distance: number, place: number): WasmCode =>
    [at, value, [0xfd, 0x56, 0], unsigned(distance), [place]].flat(), // v128.load32_lane
  with8: (value: WasmCode, at: WasmCode, distance: number, place: number): WasmCode =>
    [at, value, [0xfd, 0x57, 0], unsigned(distance), [place]].flat(), // v128.load64_lane
  /** Bits of the first where the third has ones, else of the second. */
  select: vector(0x52), // v128.bitselect
};

/** Instructions on 16 whole numbers of 8 bits. */
export const bytes16 = {
  /** Bytes of a vector by their numbers, `[16]` of 0 to 15. */
  take: (value: WasmCode, numbers: readonly number[]): WasmCode =>
    [value, value, [0xfd, 0x0d], numbers].flat(), // i8x16.shuffle
  /** Bytes of the first by the numbers of the second, `[16]` of 0 to 15. */
  pick: vector(0x0e), // i8x16.swizzle
  splat: vector(0x0f), // i8x16.splat
  equal: vector(0x23), // i8x16.eq
  /** Of bytes without a sign. */
  above: vector(0x28), // i8x16.gt_u
  shiftLeft: shift(0x6b), // i8x16.shl
  shiftRight: shift(0x6d), // i8x16.shr_u
  add: vector(0x6e), // i8x16.add
  subtract: vector(0x71), // i8x16.sub
};

/** Instructions on eight whole numbers of 16 bits. */
export const shorts8 = {
  /** Of two vectors of four signed numbers of 32 bits: the nearest that 16 bits with a sign, or without one, hold. */
  ofSigned: vector(0x85), // i16x8.narrow_i32x4_s
  ofUnsigned: vector(0x86), // i16x8.narrow_i32x4_u
  ofLowBytes: vector(0x87), // i16x8.extend_low_i8x16_s
  ofHighBytes: vector(0x88), // i16x8.extend_high_i8x16_s
  below: vector(0x2f), // i16x8.lt_s
  shiftLeft: shift(0x8b), // i16x8.shl
  subtract: vector(0x91), // i16x8.sub
  largest: vector(0x98), // i16x8.max_s
};

/** Instructions on four whole numbers of 32 bits. */
export const ints4 = {
  splat: vector(0x11), // i32x4.splat
  below: vector(0x39), // i32x4.lt_s
  ofLow: vector(0xa7), // i32x4.extend_low_i16x8_s
  ofHigh: vector(0xa8), // i32x4.extend_high_i16x8_s
  ofLowUnsigned: vector(0xa9), // i32x4.extend_low_i16x8_u
  ofHighUnsigned: vector(0xaa), // i32x4.extend_high_i16x8_u
  shiftLeft: shift(0xab), // i32x4.shl
  shiftRight: shift(0xad), // i32x4.shr_u
  shiftRightSigned: shift(0xac), // i32x4.shr_s
  add: vector(0xae), // i32x4.add
  subtract: vector(0xb1), // i32x4.sub
  largest: vector(0xb8), // i32x4.max_s
};

/** Instructions on four float32. */
export const singles4 = {
  splat: vector(0x13), // f32x4.splat
  ofInts: vector(0xfa), // f32x4.convert_i32x4_s
  add: vector(0xe4), // f32x4.add
  subtract: vector(0xe5), // f32x4.sub
  multiply: vector(0xe6), // f32x4.mul
  divide: vector(0xe7), // f32x4.div
  size: vector(0xe0), // f32x4.abs
  root: vector(0xe3), // f32x4.sqrt
  equal: vector(0x41), // f32x4.eq
  above: vector(0x44), // f32x4.gt
  notBelow: vector(0x46), // f32x4.ge
  /** What is no number where one of both is. */
  smallest: vector(0xe8), // f32x4.min
  largest: vector(0xe9), // f32x4.max
  /** The first unless the second is smaller, or larger. */
  smaller: vector(0xea), // f32x4.pmin
  larger: vector(0xeb), // f32x4.pmax
};

/** Blocks without a result, and the branch to the beginning of the innermost loop. */
const CONTROL = { loop: [0x03, 0x40], ifTrue: [0x04, 0x40], branchIfTrue: [0x0d, 0], end: [0x0b] } as const;

const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;

/** A variable of a function. */
export interface WasmLocal {
  get: WasmCode;
  set(value: WasmCode): WasmCode;
}

/** A function of three numbers of 32 bits without a result. */
export class WasmFunction {
  readonly #types: number[] = [];
  readonly #body: number[] = [];
  /** Runs before the body. */
  readonly #first: number[] = [];
  readonly #constants = new Map<string, WasmLocal>();
  /** Numbers that it is given. */
  readonly given: readonly [WasmLocal, WasmLocal, WasmLocal] = [variable(0), variable(1), variable(2)];

  constructor(readonly name: string) {}

  /** A new variable, 0 at first. */
  local(type: keyof typeof TYPES): WasmLocal {
    this.#types.push(TYPES[type]);
    return variable(2 + this.#types.length);
  }

  /** A vector with one number of so many bytes in all places: a variable that is set once, which costs less than an operand. */
  all(value: number, bytes: 1 | 2 | 4): WasmCode {
    const numbers = Array.from({ length: 16 }, (_, i) => value >>> 8 * (i % bytes) & 255);
    return this.constant(numbers);
  }

  /** A vector of bytes, the first one lowest, as {@linkcode WasmFunction.all}. */
  constant(bytes: readonly number[]): WasmCode {
    const key = String(bytes), found = this.#constants.get(key) ?? this.local("v128");
    if (!this.#constants.has(key)) this.#first.push(...found.set([0xfd, 0x0c, ...bytes]));
    this.#constants.set(key, found);
    return found.get;
  }

  /** Appends. */
  run(...code: WasmCode[]): void {
    this.#body.push(...code.flat());
  }

  /** Appends what is done as long as a condition holds before it. */
  repeat(condition: WasmCode, ...code: WasmCode[]): void {
    const { ifTrue, loop, branchIfTrue, end } = CONTROL;
    this.run(condition, ifTrue, loop, ...code, condition, branchIfTrue, end, end);
  }

  /** Code with its length in front. */
  get encoded(): number[] {
    return sized([
      ...list(this.#types.map((type) => [1, type])),
      ...this.#first,
      ...this.#body,
      0x0b,
    ]);
  }
}

function variable(index: number): WasmLocal {
  const number = unsigned(index);
  return { get: [0x20, ...number], set: (value) => [...value, 0x21, ...number] };
}

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
const list = (entries: readonly (readonly number[])[]): number[] => [
  ...unsigned(entries.length),
  ...entries.flat(),
];
const section = (id: number, entries: readonly (readonly number[])[]): number[] => [
  id,
  ...sized(list(entries)),
];
const text = (value: string): number[] => sized([...new TextEncoder().encode(value)]);

/** A module that exports a function by its name and imports its memory, of so many pages of 64 KiB, as `in.memory`. */
export function wasmModule({ name, encoded }: WasmFunction, pages: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, 3, TYPES.i32, TYPES.i32, TYPES.i32, 0]]),
    ...section(2, [[...text("in"), ...text("memory"), 2, 1, ...unsigned(pages), ...unsigned(pages)]]),
    ...section(3, [[0]]),
    ...section(7, [[...text(name), 0, 0]]),
    ...section(10, [encoded]),
  ]);
}
