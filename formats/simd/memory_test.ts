/** Vector code against the definitions of the forms of numbers; blocks are compared in ../gguf/ with values of the `gguf` package. */
import { assertEquals, assertThrows } from "@std/assert";

import { giveVectorMemory, takeVectorMemory, VECTOR_BYTES, VectorMemory, vectorMemoryOf } from "./memory.ts";

const EVERY = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const bytesOf = (array: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>) =>
  new Uint8Array(array.buffer);
const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice().buffer);
const shorts = (bytes: Uint8Array) => new Uint16Array(bytes.slice().buffer);

/** A float16 by its definition: sign, five bits of an exponent, ten behind the point. */
function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1024 + fraction) * 2 ** (exponent - 25) : sign * fraction * 2 ** -24;
}

/** First difference; a whole one of so many numbers takes minutes to show. */
function assertSame(found: Uint16Array | Uint32Array, expected: Uint16Array | Uint32Array, what: string) {
  assertEquals(found.length, expected.length, what);
  const at = found.findIndex((value, i) => value !== expected[i]);
  assertEquals(at, -1, `${what}: number ${at} is ${found[at]?.toString(16)}, ${expected[at]?.toString(16)}`);
}

Deno.test("widened() gives every float16 and bfloat16 as float32, those that are no numbers as quiet ones", () => {
  const memory = new VectorMemory();
  const floats = Float32Array.from(EVERY, valueOfHalf), expected = words(bytesOf(floats));
  EVERY.forEach((bits, i) => {
    // A NaN keeps sign and payload.
    if (Number.isNaN(floats[i])) {
      expected[i] = ((bits & 0x8000) << 16 | 0x7fc00000 | (bits & 1023) << 13) >>> 0;
    }
  });
  assertSame(words(memory.widened("f16", bytesOf(EVERY))), expected, "float16");
  assertSame(
    words(memory.widened("bf16", bytesOf(EVERY))),
    Uint32Array.from(EVERY, (b) => b << 16),
    "bfloat16",
  );
});

Deno.test("narrowed() rounds to the nearest float16, ties to even, and sees the largest number and lost bits", () => {
  const memory = new VectorMemory(), finite = EVERY.filter((bits) => (bits & 0x7fff) < 0x7bff);
  const exact = Float32Array.from(finite, valueOfHalf);
  // Halfway to the next one away from 0, and a float32 to either side of that.
  const middle = words(
    bytesOf(Float32Array.from(finite, (bits) => (valueOfHalf(bits) + valueOfHalf(bits + 1)) / 2)),
  );
  const cases: [string, Uint8Array, (bits: number) => number][] = [
    ["itself", bytesOf(exact), (bits) => bits],
    ["a tie", bytesOf(middle), (bits) => bits + bits % 2],
    ["below a tie", bytesOf(middle.map((word) => word - 1)), (bits) => bits],
    ["above a tie", bytesOf(middle.map((word) => word + 1)), (bits) => bits + 1],
  ];
  for (const findsLost of [true, false]) {
    for (const [what, bytes, expected] of cases) {
      const { halves, largest, isLossy } = memory.narrowed(bytes, findsLost);
      assertSame(shorts(halves), finite.map(expected), what);
      assertEquals(largest, words(bytes).reduce((most, word) => Math.max(most, word & 0x7fffffff), 0));
      assertEquals(isLossy, findsLost && what !== "itself", what);
    }
  }
  // Below 2⁻¹⁴ nothing counts as lost; subnormal float32s are 0 with their sign, whatever the thread makes of them.
  const small = words(bytesOf(Float32Array.of(1.5 * 2 ** -24, 2 ** -25, 1e-9))),
    tiny = [1, 0x80000001, 0x807fffff];
  const { halves, isLossy } = memory.narrowed(bytesOf(Uint32Array.of(...small, ...tiny)), true);
  assertEquals([...shorts(halves)], [2, 0, 0, 0, 0x8000, 0x8000]);
  assertEquals(isLossy, false);
  for (const [place, value] of [[0, 65_505], [4, Infinity], [8, NaN], [6, -70_000]] as const) {
    const values = new Float32Array(9);
    values[place] = value;
    assertEquals(memory.narrowed(bytesOf(values), false).largest > 0x477fe000, true, `${value}`);
  }
});

Deno.test("halved() gives every bfloat16 that float16 reaches as the nearest float16", () => {
  const held = EVERY.filter((bits) => (bits & 0x7fff) < 0x4780), memory = new VectorMemory();
  const floats = new Float32Array(Uint32Array.from(held, (bits) => bits << 16).buffer);
  const expected = shorts(memory.narrowed(bytesOf(floats), false).halves);
  const { halves, largest } = memory.halved("bf16", bytesOf(held.slice()));
  assertSame(shorts(halves), expected, "float16");
  assertEquals([largest, memory.halved("f16", bytesOf(Uint16Array.of(3, 0x8005, 4))).largest], [0x477f, 5]);
});

/** Bytes elsewhere at an odd place, then in a memory at an odd one. */
function* placed(memory: VectorMemory, bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (
    const place of [
      new Uint8Array(bytes.length + 7).subarray(7),
      memory.bytes.subarray(13, 13 + bytes.length),
    ]
  ) {
    // Bytes that others left there must not be seen.
    memory.bytes.fill(0x77);
    place.set(bytes);
    yield place;
  }
}

Deno.test("any count of numbers at any address, none as well, becomes what the platform's Float16Array makes of it", () => {
  const memory = new VectorMemory();
  for (let count = 0; count < 40; count++) {
    const floats = Float32Array.from(
      { length: count },
      (_, i) => (i % 2 ? -1 : 1) * (1 + i) * 2 ** (i % 9 - 6),
    );
    const halves = Float16Array.from(floats),
      brains = Uint16Array.from(words(bytesOf(floats)), (word) => word >>> 16);
    const cut = new Float32Array(Uint32Array.from(brains, (bits) => bits << 16).buffer);
    const halfBits = new Uint16Array(halves.buffer), even = 2 * Math.ceil(count / 2);
    const padded = (numbers: Iterable<number>) => {
      const out = new Float16Array(even);
      out.set([...numbers]);
      return new Uint16Array(out.buffer);
    };
    const largest = (bits: Iterable<number>) => Math.max(0, ...bits);
    for (const place of placed(memory, bytesOf(halfBits))) {
      assertSame(
        words(memory.widened("f16", place)),
        words(bytesOf(Float32Array.from(halves))),
        `${count} f16`,
      );
      const found = memory.halved("f16", place);
      assertSame(shorts(found.halves), padded(halves), `${count} f16 kept`);
      assertEquals(found.largest, largest(halfBits.map((bits) => bits & 0x7fff)), `${count} f16`);
    }
    for (const place of placed(memory, bytesOf(brains))) {
      assertSame(words(memory.widened("bf16", place)), words(bytesOf(cut)), `${count} bf16`);
      const found = memory.halved("bf16", place);
      assertSame(shorts(found.halves), padded(cut), `${count} bf16 halved`);
      assertEquals(found.largest, largest(brains.map((bits) => bits & 0x7fff)), `${count} bf16`);
    }
    for (const place of placed(memory, bytesOf(floats))) {
      const found = memory.narrowed(place, true);
      assertSame(shorts(found.halves), padded(floats), `${count} f32`);
      assertEquals(
        found.largest,
        largest(words(bytesOf(floats)).map((bits) => bits & 0x7fffffff)),
        `${count} f32`,
      );
      assertEquals(found.isLossy, floats.some((value, i) => value !== halves[i]), `${count} f32`);
    }
  }
});

Deno.test("numbers that lie in a memory are changed there, others are copied, and no two takers have the same", () => {
  const first = takeVectorMemory(), second = takeVectorMemory();
  first.bytes.set([1, 0, 2, 0]);
  second.bytes.fill(255, 0, 64);
  assertEquals(vectorMemoryOf(first.bytes.subarray(0, 4)) === first, true);
  assertEquals([...new Float32Array(first.widened("f16", first.bytes.subarray(0, 4)).slice().buffer)], [
    2 ** -24,
    2 ** -23,
  ]);
  assertEquals(second.bytes[3], 255);
  const elsewhere = Uint8Array.of(0, 0x3c);
  assertEquals([...new Float32Array(vectorMemoryOf(elsewhere).widened("f16", elsewhere).slice().buffer)], [
    1,
  ]);
  giveVectorMemory(second);
  assertEquals(takeVectorMemory() === second, true);
  giveVectorMemory(first);
  giveVectorMemory(second);
  assertThrows(
    () => first.narrowed(new Uint8Array(VECTOR_BYTES + 1), false),
    RangeError,
    "1048577 bytes at once",
  );
  assertThrows(
    () => first.dequantized("Q4_0", new Uint8Array(18), VECTOR_BYTES),
    RangeError,
    "values at once",
  );
  assertThrows(() => first.dequantized("Q4_X", new Uint8Array(18), 32), RangeError, "by Q4_X");
});
