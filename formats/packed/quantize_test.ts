import { assert, assertEquals, assertThrows } from "@std/assert";
import { quantized, unpacked } from "./mod.ts";

Deno.test("quantized() is within half a step, meets what is largest, and pads the last group", () => {
  const rows = 7, columns = 45;
  const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i) * (1 + i % 13));
  for (const bits of [4, 8] as const) {
    const matrix = quantized(values, rows, columns, bits), ours = unpacked(matrix);
    assertEquals(matrix.codes.length, rows * 2 * 4 * bits);
    for (let row = 0; row < rows; row++) {
      for (const [first, count] of [[0, 32], [32, 13]] as const) {
        const part = values.subarray(row * columns + first, row * columns + first + count);
        const largest = part.reduce((max, v) => Math.abs(v) > Math.abs(max) ? v : max, 0);
        part.forEach((v, i) => {
          const error = Math.abs(v - ours[row * columns + first + i]!), most = Math.abs(largest);
          // The end opposite to the largest value is one code short with 4 bits.
          const step = bits === 8 ? most / 127 : most / 8, short = bits === 4 && v * largest < 0;
          assert(
            error <= step * (short ? 1 : 0.5) * 1.00001,
            `${v} became ${ours[row * columns + first + i]}`,
          );
          if (v === largest) assert(error <= 1e-6 * most);
        });
      }
    }
  }
  // The padding stands for zero: the code in the middle.
  assertEquals(quantized(values, rows, columns, 8).codes[63], 128);
});

Deno.test("quantized() gives zeros for zeros and refuses what isn't finite", () => {
  assertEquals([...unpacked(quantized(new Float32Array(64), 2, 32, 4))], new Array(64).fill(0));
  for (const bad of [NaN, Infinity, -Infinity]) {
    const values = new Float32Array(64);
    values[40] = bad;
    assertThrows(() => quantized(values, 2, 32, 8), RangeError, `row 1: it has the value ${bad}`);
  }
});

Deno.test("quantized() rounds halves up, and nothing that is nearly one with them", () => {
  const below = 0.5 - 2 ** -25, above = 0.5 + 2 ** -24;
  const codes = (values: readonly number[], bits: 4 | 8) => {
    const row = Float32Array.from({ length: 32 }, (_, i) => values[i] ?? 0);
    const matrix = quantized(row, 1, 32, bits);
    assertEquals([...matrix.scales], [1]);
    return [...matrix.codes].flatMap((code) => bits === 8 ? [code] : [code & 15, code >> 4]).slice(
      0,
      values.length,
    );
  };
  // by hand: the scale is 1, so a code is the middle's, 8 or 128, and the value rounded to a whole number
  const near = [0.5, -0.5, 1.5, -1.5, below, -below, above, -above], steps = [1, 0, 2, -1, 0, 0, 1, -1];
  assertEquals(codes([-8, 7.5, ...near], 4), [0, 15, ...steps.map((step) => 8 + step)]);
  assertEquals(codes([127, -126.5, 126.5, ...near], 8), [255, 2, 255, ...steps.map((step) => 128 + step)]);
  // 190/127 and 10/8 of the smallest float32 are rounded to one of it, which the largest is then beyond
  const smallest = 2 ** -149;
  const ends = (size: number, bits: 4 | 8) =>
    quantized(Float32Array.of(size * smallest, -size * smallest, ...new Array(30).fill(0)), 1, 32, bits)
      .codes;
  assertEquals([...ends(190, 8)].slice(0, 3), [255, 0, 128]);
  assertEquals([...ends(10, 4)].slice(0, 2), [15 << 4, 8 | 8 << 4]);
});
