/** Packed blocks against dequantised ones, on random blocks of each type. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { reordered, stacked, unpacked } from "../packed/mod.ts";
import { GGML_TYPES } from "./dequantize.ts";
import { packedBlocks, packedFormOf } from "./packed.ts";

/** Bytes from a generator of 32 bits (Knuth's constants), so that a failure can be looked at. */
function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  return Uint8Array.from(
    { length: count },
    () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 24,
  );
}

/** Offsets of the halves of a block: any bits but for exponents that are infinite. */
const HALVES: Record<string, number[]> = {
  Q4_1: [0, 2],
  Q5_1: [0, 2],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  Q2_K: [80, 82],
  Q3_K: [108],
  TQ1_0: [52],
  TQ2_0: [64],
  // its half has four bits in each of four numbers, the exponent in bytes 55 and 53
  IQ1_M: [54],
  MXFP4: [],
  NVFP4: [],
};

const EXACT = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0"]
  .concat(["MXFP4", "IQ2_XXS", "IQ3_XXS", "IQ3_S", "IQ1_S"]);
const TYPES = [...EXACT, "Q6_K", "Q3_K", "Q2_K", "IQ2_XS", "IQ2_S", "IQ1_M", "NVFP4"];

function randomMatrix(name: string, rows: number, columns: number, seed: number) {
  const [number, { blockBytes, blockSize, dequantize }] = Object.entries(GGML_TYPES).find(([, t]) =>
    t.name === name
  )!;
  const bytes = randomBytes(rows * columns / blockSize * blockBytes, seed);
  for (let p = 0; p < bytes.length; p += blockBytes) {
    // Exponents 8 … 15 of 31: scales of both signs from 1/128 to 1.
    for (const half of HALVES[name] ?? [0]) bytes[p + half + 1] = bytes[p + half + 1]! & 0x9f | 0x20;
    if (name === "MXFP4") bytes[p] = bytes[p]! & 15 | 0x70;
  }
  return { type: Number(number), bytes, values: new Float32Array(dequantize!(bytes).slice().buffer) };
}

for (const name of TYPES) {
  Deno.test(`packedBlocks() keeps the values of ${name}`, () => {
    const rows = 5, columns = 768, { type, bytes, values } = randomMatrix(name, rows, columns, 7);
    const matrix = packedBlocks(type, bytes, rows, columns), ours = unpacked(matrix);
    assertEquals([matrix.rows, matrix.columns, ours.length], [rows, columns, values.length]);
    assertEquals(packedFormOf(type), { bits: matrix.bits, minima: matrix.minima !== null });
    assert(values.some((value) => Math.abs(value) > 1e-3 && Number.isFinite(value)));
    for (let group = 0; group < values.length; group += 32) {
      const of32 = values.subarray(group, group + 32),
        most = of32.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      // float32's own rounding of scale, minimum and sum; others are rounded to 1/127 of the group's largest value, or 1/255 of its range.
      const m = Math.abs(matrix.minima?.[group / 32] ?? 0) + most;
      const step = name === "Q2_K" ? (Math.max(...of32) - Math.min(...of32)) / 255 : most / 127;
      const tolerance = EXACT.includes(name) ? 4 * 2 ** -24 * m : step * 0.5001 + 4 * 2 ** -24 * m;
      of32.forEach((v, i) => {
        const error = Math.abs(ours[group + i]! - v);
        assert(error <= tolerance, `value ${group + i}: ${ours[group + i]}, dequantised ${v}, ${tolerance}`);
      });
    }
  });
}

Deno.test("packedFormOf() knows those types and no others", () => {
  const able = Object.entries(GGML_TYPES).filter(([type]) => packedFormOf(Number(type))).map(([, { name }]) =>
    name
  );
  assertEquals(able.sort(), TYPES.toSorted());
  assertThrows(() => packedBlocks(1, new Uint8Array(64), 1, 32), TypeError, "type 1");
  assertThrows(() => packedBlocks(12, new Uint8Array(144), 1, 32), TypeError, "32 columns");
});

Deno.test("stacked() and reordered() move rows with their scales and minima", () => {
  const first = randomMatrix("Q4_1", 3, 64, 1), second = randomMatrix("Q4_0", 2, 64, 2);
  const a = packedBlocks(first.type, first.bytes, 3, 64), b = packedBlocks(second.type, second.bytes, 2, 64);
  const both = unpacked(stacked([a, b]));
  assertEquals([...both], [...unpacked(a), ...unpacked(b)]);
  const turned = unpacked(reordered(stacked([a, b]), [4, 0, 3, 2, 1]));
  [4, 0, 3, 2, 1].forEach((from, row) =>
    assertEquals(turned.subarray(row * 64, row * 64 + 64), both.subarray(from * 64, from * 64 + 64))
  );
  assertThrows(() => stacked([a, { ...b, columns: 32 }]), TypeError, "same columns");
});
