/** Constants of MatMulNBits, multiplied out by the operator's definition. */
import { assert, assertEquals } from "@std/assert";
import { codeAt, groupsOf, type PackedMatrix, unpacked } from "../../../../formats/packed/mod.ts";
import { copiesOf, groupSums, nBits, sumColumns } from "./product.ts";

function matrix(rows: number, columns: number, bits: 4 | 8, minima: boolean): PackedMatrix {
  const groups = rows * groupsOf(columns), wave = (i: number) => Math.sin(i * i + 1);
  return {
    rows,
    columns,
    bits,
    codes: Uint8Array.from({ length: groups * 4 * bits }, (_, i) => i * 7919 % 256),
    scales: Float32Array.from({ length: groups }, (_, i) => i % 9 === 8 ? 0 : 0.02 * wave(i)),
    // Some far outside of what a zero point reaches.
    minima: minima ? Float32Array.from({ length: groups }, (_, i) => (i % 5 ? 0.1 : 3) * wave(i + 50)) : null,
  };
}

/** `(code − zero) · scale` of every column of a row. */
function columnsOf({ columns, bits, codes, scales, zeros }: ReturnType<typeof nBits>, row: number): number[] {
  const groups = groupsOf(columns), zeroBytes = Math.ceil(groups * bits / 8);
  return Array.from({ length: columns }, (_, c) => {
    const g = Math.floor(c / 32), group = row * groups + g;
    const zero = zeros === null
      ? 2 ** (bits - 1)
      : bits === 8
      ? zeros[row * zeroBytes + g]!
      : zeros[row * zeroBytes + (g >> 1)]! >> 4 * (g & 1) & 15;
    return (codeAt(codes, group * 4 * bits, bits, c % 32) - zero) * scales[group]!;
  });
}

for (const bits of [4, 8] as const) {
  for (const minima of [false, true]) {
    Deno.test(`nBits() keeps a matrix in ${bits} bits ${minima ? "with minima, whose rests go to sums" : "without minima"}`, () => {
      const rows = 5, columns = 1536, given = matrix(rows, columns, bits, minima), made = nBits(given);
      const pad = sumColumns(columns), copies = copiesOf(bits);
      assertEquals(
        [made.columns, made.extra],
        minima ? [columns + copies * pad, copies * pad] : [columns, 0],
      );
      const values = unpacked(given);
      for (let row = 0; row < rows; row++) {
        const of = columnsOf(made, row);
        let largest = 0;
        const rests = Array.from({ length: columns / 32 }, (_, g) => {
          let rest = 0;
          for (let copy = 0; minima && copy < copies; copy++) rest += of[columns + copy * pad + g]!;
          return rest;
        });
        for (const rest of rests) largest = Math.max(largest, Math.abs(rest));
        for (let c = 0; c < columns; c++) {
          const error = Math.abs(of[c]! + rests[Math.floor(c / 32)]! - values[row * columns + c]!);
          // Half a step of a rest's last copy: of 32 rests' largest value 1/8 · 1/8 or 1/127 (one code less at one end).
          assert(
            error <= (minima ? largest * (bits === 4 ? 1 / 64 : 1 / 254) : 0) + 1e-5,
            `row ${row}, column ${c}: ${error}`,
          );
        }
      }
    });
  }
}

Deno.test("groupSums() times an input is the sums of its groups, once or twice", () => {
  for (const copies of [1, 2]) {
    const columns = 96, pad = sumColumns(columns), ones = unpacked(groupSums(columns, copies));
    assertEquals([pad, ones.length], [32, copies * 32 * columns]);
    for (let row = 0; row < copies * pad; row++) {
      const expected = Array.from({ length: columns }, (_, c) => Math.floor(c / 32) === row % pad ? 1 : 0);
      assertEquals([...ones.subarray(row * columns, (row + 1) * columns)], expected);
    }
  }
});
