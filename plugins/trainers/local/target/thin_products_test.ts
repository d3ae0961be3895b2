/** Products with few vectors, of sizes that leave rows and vectors over from groups of four: by hand, and as plain loops' bits. */
import { assertEquals } from "@std/assert";

import { addScaled, dot } from "../../../../kernels/vectors.ts";
import { productsByColumns, productsByRows } from "./thin_products.ts";

Deno.test("productsByRows() and productsByColumns() by hand", () => {
  const matrix = { values: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 3, columns: 2 };
  assertEquals(productsByRows(matrix, [Float64Array.of(1, -10)]), [Float64Array.of(-19, -37, -55)]);
  assertEquals(productsByColumns(matrix, [Float64Array.of(1, 10, 100)]), [Float64Array.of(531, 642)]);
});

Deno.test("productsByRows() and productsByColumns() give the bits of one sum after the other", () => {
  for (const [rows, columns, count] of [[7, 5, 6], [8, 3, 4], [2, 9, 3], [5, 1, 1]] as const) {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1));
    const drawn = (length: number) =>
      Array.from({ length: count }, (_, k) => Float64Array.from({ length }, (_, i) => Math.cos(3 * i + k)));
    const lines = Array.from(
      { length: rows },
      (_, i) => Float64Array.from(values.subarray(i * columns, (i + 1) * columns)),
    );
    const right = drawn(columns), left = drawn(rows), matrix = { values, rows, columns };
    assertEquals(
      productsByRows(matrix, right),
      right.map((vector) => Float64Array.from(lines, (line) => dot(line, vector))),
    );
    const sums = left.map((vector) => {
      const sum = new Float64Array(columns);
      lines.forEach((line, i) => addScaled(sum, line, vector[i]!));
      return sum;
    });
    assertEquals(productsByColumns(matrix, left), sums);
  }
});
