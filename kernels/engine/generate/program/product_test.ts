/** Constants of MatMulNBits, multiplied out by the operator's definition. */
import { assert, assertEquals } from "@std/assert";
import { codeAt, groupsOf, type PackedMatrix, unpacked } from "../../../../formats/packed/mod.ts";
import { nBits, sumColumns, sumSpread } from "./product.ts";

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

for (const [bits, columns] of [[4, 576], [4, 1536], [8, 1536]] as const) {
  for (const minima of [false, true]) {
    Deno.test(`nBits() keeps a matrix of ${columns} columns in ${bits} bits ${minima ? "with minima, whose rests go to sums" : "without minima"}`, () => {
      const rows = 5, given = matrix(rows, columns, bits, minima), made = nBits(given);
      const sums = sumColumns(columns, bits), extra = Math.ceil(sums.length / 32) * 32;
      assertEquals([made.columns, made.extra], minima ? [columns + extra, extra] : [columns, 0]);
      const values = unpacked(given);
      for (let row = 0; row < rows; row++) {
        const of = columnsOf(made, row), rests = new Float64Array(columns / 32);
        for (const [i, { group, factor }] of sums.entries()) {
          if (minima) rests[group]! += factor * of[columns + i]!;
        }
        const largest = rests.reduce((most, rest) => Math.max(most, Math.abs(rest)), 0);
        for (let c = 0; c < columns; c++) {
          const group = Math.floor(c / 32),
            error = Math.abs(of[c]! + rests[group]! - values[row * columns + c]!);
          const fine = sums.some((sum) => sum.group === group && sum.factor < 1);
          // Half a step of 32 rests' largest value, 1/7.5 or 1/127.5; of a sixteenth's step at most a whole one, at one end.
          const step = largest / (bits === 8 ? 127.5 : 7.5), most = fine ? step / 16 : step / 2;
          assert(error <= (minima ? 1.01 * most : 0) + 1e-5, `row ${row}, column ${c}: ${error}`);
        }
      }
    });
  }
}

Deno.test("sumColumns() has every group's sum, and sixteenths as far as they are worth their columns", () => {
  const counts = (columns: number, bits: 4 | 8) => {
    const sums = sumColumns(columns, bits), fine = sums.filter(({ factor }) => factor === 1 / 16);
    assertEquals(
      sums.slice(0, columns / 32).map(({ group, factor }) => [group, factor]),
      [...Array(columns / 32).keys()].map((g) => [g, 1]),
    );
    assertEquals(fine.map(({ group }) => group), [...fine.keys()]);
    return [sums.length, fine.length];
  };
  // 18 + 14 fill one group of columns; 48 + 48 fill three; of 28 groups 4 would be too few.
  assertEquals([counts(576, 4), counts(1536, 4), counts(896, 4), counts(576, 8)], [[32, 14], [96, 48], [
    56,
    28,
  ], [18, 0]]);
});

Deno.test("sumSpread() spreads groups' sums over the columns of rests, and sixteenths where bits are few", () => {
  for (const bits of [4, 8] as const) {
    const sums = sumColumns(96, bits), spread = sumSpread(96, bits);
    assertEquals(spread.length, 3 * 32);
    for (let column = 0; column < 32; column++) {
      const { group = -1, factor = 0 } = sums[column] ?? {};
      const of = [0, 1, 2].map((row) => spread[row * 32 + column]);
      assertEquals(of, [0, 1, 2].map((row) => row === group ? factor : 0), `${bits} bits, ${column}`);
    }
  }
});
