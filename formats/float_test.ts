import { assert, assertEquals } from "@std/assert";

import { bfloat16ToFloat32 } from "../tests/helpers/bfloat16.ts";
import { float32ToBfloat16, float32ToHalf, halfToFloat32 } from "./float.ts";

/** IEEE 754-2008 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
function halfByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14);
}

Deno.test("halfToFloat32() equals the definition of binary16 for all 65536 patterns, float32ToHalf() undoes it", () => {
  const bits = new Uint16Array(65536).map((_, i) => i);
  const values = new Float32Array(65536);
  halfToFloat32(bits, values);
  for (let i = 0; i < 65536; i++) {
    assert(Object.is(values[i], halfByDefinition(i)), `pattern ${i}: ${values[i]}`);
  }
  const back = new Uint16Array(65536);
  float32ToHalf(values, back);
  const isNaN = (pattern: number) => (pattern & 0x7fff) > 0x7c00;
  for (let i = 0; i < 65536; i++) if (!isNaN(i)) assertEquals(back[i], i);
});

Deno.test("float32ToHalf() rounds ties to even and overflows to infinity", () => {
  const cases: [number, number][] = [
    [1 + 2 ** -11, 0x3c00], // halfway between 1 and 1 + 2^-10: even is 1
    [1 + 3 * 2 ** -11, 0x3c02], // halfway to the next: even is up
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [2 ** -25, 0], // halfway between 0 and the smallest subnormal
    [-(2 ** -24), 0x8001],
  ];
  const out = new Uint16Array(cases.length);
  float32ToHalf(new Float32Array(cases.map(([value]) => value)), out);
  assertEquals([...out], cases.map(([, bits]) => bits));
});

Deno.test("float32ToBfloat16() rounds ties to even, keeps infinities, and NaN stays NaN", () => {
  const words = new Uint32Array([
    0x3f800000, // 1
    0x3f808000, // halfway, even below
    0x3f818000, // halfway, even above
    0x3f808001, // just above halfway
    0xbf807fff, // just below, negative
    0x7f800000, // infinity
    0x7f7fffff, // largest float32 rounds to infinity
    0x7fffffff, // NaN whose fraction would carry into the sign
    0x7f800001, // signalling NaN whose upper half alone would be infinity
    0x00000001,
    0x80000000,
  ]);
  const out = new Uint16Array(words.length);
  float32ToBfloat16(new Float32Array(words.buffer), out);
  assertEquals([...out], [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80, 0x7f80, 0x7f80, 0x7fff, 0x7fc0, 0, 0x8000]);
});

Deno.test("float32ToBfloat16() undoes what a bfloat16 stands for, for every pattern that is a number", () => {
  const bits = new Uint16Array(65536).map((_, i) => i);
  const values = new Float32Array(65536);
  bfloat16ToFloat32(bits, values);
  assertEquals(values[0x4049], 3.140625); // sign 0, exponent 128 - 127 = 1, fraction 1001001 = 73/128
  assertEquals(values[0xc2c8], -100);
  const back = new Uint16Array(65536);
  float32ToBfloat16(values, back);
  for (let i = 0; i < 65536; i++) if ((i & 0x7fff) <= 0x7f80) assertEquals(back[i], i);
});

Deno.test("conversions respect views into a larger buffer", () => {
  const buffer = new ArrayBuffer(16);
  const bits = new Uint16Array(buffer, 2, 2);
  float32ToHalf(new Float32Array([9, 1, -2]).subarray(1), bits);
  assertEquals([...new Uint16Array(buffer)], [0, 0x3c00, 0xc000, 0, 0, 0, 0, 0]);
  const out = new Float32Array(4);
  halfToFloat32(bits, out.subarray(1, 3));
  assertEquals([...out], [0, 1, -2, 0]);
  bfloat16ToFloat32(new Uint16Array([0x3f80, 0x4000]), out.subarray(2));
  assertEquals([...out], [0, 1, 1, 2]);
});
