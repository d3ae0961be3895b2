/**
 * WebAssembly modules of functions on vectors of 128 bits, put together from named instructions: JavaScript has no vectors, and changes
 * numbers of a file one at a time at a tenth of their speed. An expression is its instructions in the order of the stack machine.
 *
 * Encoding: https://webassembly.github.io/spec/core/binary/
 * @module
 */

/** Instructions. */
export type WasmCode = readonly number[];

/** A number that fits into 32 bits, seven bits a byte, the lowest first (LEB128). */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + (rest >= 128 ? 128 : 0));
  }
  return bytes;
}

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
/** At an address in bytes and a distance to it, aligned or not. */
const load = (...opcode: number[]) => (at: WasmCode, distance = 0): WasmCode => [
  ...at,
  ...opcode,
  0,
  ...unsigned(distance),
];
const shift = (opcode: number) => (operand: WasmCode, bits: number): WasmCode =>
  vector(opcode)(operand, int32.of(bits));

/** Numbers of 32 bits. */
export const int32 = {
  of: (value: number): WasmCode => [0x41, ...signed(value)],
  load: load(0x28),
  loadByte: load(0x2d),
  loadSignedByte: load(0x2c),
  loadHalf: load(0x2f),
  below: plain(0x49),
  add: plain(0x6a),
  and: plain(0x71),
  or: plain(0x72),
  shiftLeft: (operand: WasmCode, bits: number): WasmCode => plain(0x74)(operand, int32.of(bits)),
  shiftRight: (operand: WasmCode, bits: number): WasmCode => plain(0x76)(operand, int32.of(bits)),
};

/** Float32 numbers. */
export const single = { load: load(0x2a), multiply: plain(0x94), ofInt: plain(0xb2) };

/** Vectors, whatever is in them. */
export const bits128 = {
  load: load(0xfd, 0x00),
  store: (at: WasmCode, value: WasmCode, distance = 0): WasmCode => [
    ...at,
    ...value,
    0xfd,
    0x0b,
    0,
    ...unsigned(distance),
  ],
  and: vector(0x4e),
  /** Bits of the first that the second hasn't. */
  without: vector(0x4f),
  or: vector(0x50),
  xor: vector(0x51),
  /** Bits of the first where the third has ones, else of the second. */
  select: vector(0x52),
};

/** 16 of 8 bits. */
export const bytes16 = {
  /** Bytes of a vector by their numbers. */
  take: (value: WasmCode, numbers: readonly number[]): WasmCode => [
    ...value,
    ...value,
    0xfd,
    0x0d,
    ...numbers,
  ],
  equal: vector(0x23),
  shiftLeft: shift(0x6b),
  shiftRight: shift(0x6d),
  add: vector(0x6e),
  subtract: vector(0x71),
};

/** Eight of 16 bits. */
export const shorts8 = {
  /** Of two vectors of four of 32 bits: signed ones, the nearest that 16 bits hold; without a sign, the same. */
  ofSigned: vector(0x85),
  ofUnsigned: vector(0x86),
  ofLowBytes: vector(0x87),
  ofHighBytes: vector(0x88),
  below: vector(0x2f),
  shiftLeft: shift(0x8b),
  subtract: vector(0x91),
  largest: vector(0x98),
};

/** Four of 32 bits. */
export const ints4 = {
  splat: vector(0x11),
  below: vector(0x39),
  ofLow: vector(0xa7),
  ofHigh: vector(0xa8),
  ofLowUnsigned: vector(0xa9),
  ofHighUnsigned: vector(0xaa),
  shiftLeft: shift(0xab),
  shiftRight: shift(0xad),
  shiftRightSigned: shift(0xac),
  add: vector(0xae),
  subtract: vector(0xb1),
  largest: vector(0xb8),
};

/** Four float32. */
export const singles4 = {
  splat: vector(0x13),
  ofInts: vector(0xfa),
  add: vector(0xe4),
  subtract: vector(0xe5),
  multiply: vector(0xe6),
};

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

  /** Appends what is done again while a condition holds behind it. */
  repeat(condition: WasmCode, ...code: WasmCode[]): void {
    this.run([0x03, 0x40], ...code, condition, [0x0d, 0x00, 0x0b]);
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
