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
