/** The library's product beside its definition, in float64. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { groupsOf, type PackedMatrix, unpacked } from "../../formats/packed/mod.ts";
import { openLibrary, OrtSession, OrtTensor } from "../backends/onnx/c_api/mod.ts";
import { OnnxModelBuilder } from "../backends/onnx/model_builder.ts";
import { NATIVE_DOMAIN, nativeLibrary, tileBytes, tiled, vectorBits } from "./mod.ts";

const { library, reason: noRuntime } = openLibrary(), { path, reason: noOperators } = nativeLibrary();
const reason = noRuntime ?? noOperators, ignore = reason !== null;
const why = ignore ? ` (ignored: ${reason})` : "";

/** Numbers below 1 without a pattern. */
function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** @param form Whether it has minima, and whether these and its scales are float16 numbers. */
function matrix(
  rows: number,
  columns: number,
  bits: 4 | 8,
  { minima, half }: { minima: boolean; half: boolean },
): PackedMatrix {
  const groups = rows * groupsOf(columns), round = half ? Math.f16round : Math.fround;
  const random = (seed: number, size: number) =>
    Float32Array.from(numbers(groups, seed), (v) => round(size * v));
  const codes = Uint8Array.from(numbers(groups * 4 * bits, 5), (v) => Math.floor(128 * (v + 1)));
  const scales = random(1, 0.1), lowest = random(2, 1);
  // As a file's minimum, of code 0, becomes that of the middle code.
  const middle = lowest.map((v, i) => bits === 4 ? v + 8 * scales[i]! : v);
  return { rows, columns, bits, codes, scales, minima: minima ? middle : null };
}

/** Runs the operator once. @param x `[count, columns]` */
function product(
  m: PackedMatrix,
  x: Float32Array<ArrayBuffer>,
  threads = 1,
  claimed: { outputs?: number; columns?: number; bits?: number } = {},
): Float32Array {
  const { tiles, half } = tiled(m), count = x.length / m.columns, g = new OnnxModelBuilder();
  const inputs = [
    g.input("x", "f32", ["M", m.columns]),
    g.constant("tiles", "u8", [tiles.length], { file: "given", offset: 0, length: tiles.length }),
  ];
  const attrs = { outputs: m.rows, columns: m.columns, bits: m.bits, half: Number(half), ...claimed };
  g.output("y", g.op("PackedProduct", inputs, attrs, NATIVE_DOMAIN), "f32", ["M", m.rows]);
  using given = OrtTensor.over(library!, tiles, [tiles.length], "u8");
  using session = new OrtSession(library!, g.encode("product"), {
    threads,
    initializers: { tiles: given },
    operators: path,
  });
  const y = new Float32Array(count * m.rows).fill(NaN);
  using from = OrtTensor.over(library!, x, [count, m.columns], "f32");
  using to = OrtTensor.over(library!, y, [count, m.rows], "f32");
  session.run({ x: from }, { y: to });
  return y;
}

/** What it is to give, and the sizes of its terms: groups of inputs in 8 bits, the products exact. */
function expected(m: PackedMatrix, x: Float32Array): { y: Float64Array; size: Float64Array } {
  const { rows, columns } = m, values = unpacked(m), count = x.length / columns;
  const y = new Float64Array(count * rows), size = new Float64Array(count * rows);
  for (let i = 0; i < count; i++) {
    for (let start = 0; start < columns; start += 32) {
      const group = x.subarray(i * columns + start, i * columns + Math.min(columns, start + 32));
      const largest = group.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const scale = Math.fround(largest / 127), factor = scale && Math.fround(1 / scale);
      group.forEach((v, c) => {
        const product = Math.fround(v * factor), below = Math.floor(product), part = product - below;
        const code = part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
        for (let o = 0; o < rows; o++) {
          const term = scale * code * values[o * columns + start + c]!;
          y[i * rows + o]! += term;
          size[i * rows + o]! += Math.abs(term);
        }
      });
    }
  }
  return { y, size };
}

const input = (count: number, columns: number) =>
  Float32Array.from(numbers(count * columns, 9), (v, i) => 4 * v ** 3 * (i % 37 === 0 ? 20 : 1));

for (const bits of [4, 8] as const) {
  for (const minima of [false, true]) {
    for (const half of [false, true]) {
      const name = `PackedProduct in ${bits} bits ${minima ? "with" : "without"} minima, scales of ${
        half ? 16 : 32
      } bits`;
      Deno.test({
        name: `${name}: its definition at odd sizes${why}`,
        ignore,
        fn() {
          for (
            const [rows, columns, count] of [
              [8, 32, 1],
              [19, 100, 3],
              [64, 576, 9],
              [1, 33, 70],
              [130, 64, 2],
              // A group that lacks one column, which the next row begins behind.
              [9, 63, 3],
              [8, 32, 0],
            ] as const
          ) {
            const m = matrix(rows, columns, bits, { minima, half }), x = input(count, columns);
            assertEquals(tiled(m).half, half, "the form that the test is about");
            const y = product(m, x), { y: right, size } = expected(m, x);
            // Sums of groups are exact; scales times them, their sums and minima are rounded: some groups' roundings.
            right.forEach((v, i) =>
              assertAlmostEquals(y[i]!, v, 3e-7 * size[i]!, `${rows} × ${columns}, ${i}`)
            );
          }
        },
      });
    }
  }
}

Deno.test({
  name: `PackedProduct gives a row the same bits alone, beside others, and in any number of threads${why}`,
  ignore,
  fn() {
    const columns = 576, rows = 1544, count = 41, x = input(count, columns);
    for (const bits of [4, 8] as const) {
      const m = matrix(rows, columns, bits, { minima: true, half: true }), all = product(m, x);
      assertEquals(product(m, x, 2), all);
      assertEquals(product(m, x, 3), all);
      for (const i of [0, 17, 40]) {
        const alone = product(m, x.slice(i * columns, (i + 1) * columns), 2);
        assertEquals(alone, all.slice(i * rows, (i + 1) * rows));
      }
    }
  },
});

/** True if this thread takes subnormal numbers for 0, as ONNX Runtime may have set it (formats/subnormal.ts). */
function flushesSubnormals(): boolean {
  const [least] = Float32Array.of(2 ** -140);
  return least === 0;
}

Deno.test({
  name: `PackedProduct of inputs near the least floats is that of larger ones, as many times smaller${why}`,
  ignore,
  fn() {
    // From 2^-123 on a group's scale has a reciprocal that no float32 is.
    const exponents = flushesSubnormals() ? [-90, -100] : [-90, -100, -118, -123, -124, -126];
    for (const bits of [4, 8] as const) {
      const m = matrix(19, 100, bits, { minima: true, half: true }),
        x = input(3, 100),
        { y: right, size } = expected(m, x);
      for (const exponent of exponents) {
        const y = product(m, x.map((v) => v * 2 ** exponent));
        // Of subnormal scales some 18 bits are left.
        right.forEach((v, i) =>
          assertAlmostEquals(y[i]! / 2 ** exponent, v, 1e-5 * size[i]!, `${bits} bits, 2^${exponent}, ${i}`)
        );
      }
      assertEquals(product(m, new Float32Array(200)), new Float32Array(38), "of zeros");
    }
  },
});

const narrow = !ignore && vectorBits() < 512;
Deno.test({
  name: `PackedProduct gives the same bits by AVX2 and by AVX-512${
    narrow ? ": this processor has no AVX-512" : why
  }`,
  ignore: ignore || narrow,
  fn() {
    for (const [bits, half] of [[4, true], [4, false], [8, true], [8, false]] as const) {
      // Rows that are taken by eights, fours, twos and one; codes at their ends among others.
      for (const count of [1, 2, 4, 15, 41]) {
        const m = matrix(67, 100, bits, { minima: true, half });
        m.codes.fill(0, 0, 40);
        m.codes.fill(255, 40, 80);
        for (const size of [1, 2 ** -124]) {
          const x = input(count, 100).map((v) => v * size);
          vectorBits(256);
          const narrowest = product(m, x);
          vectorBits(512);
          assertEquals(
            product(m, x),
            narrowest,
            `${bits} bits, ${half ? 16 : 32} of scales, ${count} rows, ${size}`,
          );
        }
      }
    }
  },
});

Deno.test({
  name: `PackedProduct gives numbers where codes and inputs are at their ends${why}`,
  ignore,
  fn() {
    for (const bits of [4, 8] as const) {
      for (const code of [0, 255]) {
        const m = {
          ...matrix(8, 64, bits, { minima: false, half: true }),
          codes: new Uint8Array(8 * 2 * 4 * bits).fill(code),
        };
        for (const sign of [1, -1]) {
          const x = new Float32Array(64).fill(sign * 127), { y, size } = expected(m, x);
          product(m, x).forEach((v, i) =>
            assertAlmostEquals(v, y[i]!, 3e-7 * size[i]!, `${bits} bits, ${code}`)
          );
        }
      }
    }
  },
});

Deno.test({
  name:
    `PackedProduct passes on what is no number: a row with NaN or infinity has it in all outputs, others don't${why}`,
  ignore,
  fn() {
    const m = matrix(24, 96, 4, { minima: true, half: true });
    for (const wrong of [NaN, Infinity, -Infinity]) {
      const x = input(3, 96);
      x[96 + 40] = wrong;
      const y = product(m, x);
      assert(y.slice(24, 48).every((v) => !Number.isFinite(v)), `${wrong}`);
      assert([...y.slice(0, 24), ...y.slice(48)].every(Number.isFinite), `${wrong}`);
    }
  },
});

Deno.test({
  name: `PackedProduct says which sizes don't fit${why}`,
  ignore,
  fn() {
    const m = matrix(16, 64, 4, { minima: true, half: true }), { tiles } = tiled(m);
    assertEquals(tiles.length, 2 * tileBytes(64, 4, true));
    const wrong = (claimed: Parameters<typeof product>[3], part: string) =>
      assertThrows(() => product(m, input(1, 64), 1, claimed), Error, part);
    wrong({ outputs: 24 }, "the matrix hasn't the bytes");
    wrong({ columns: 96 }, "haven't as many columns");
    const sizes = "outputs and columns must be > 0 and bits 4 or 8";
    wrong({ outputs: 0 }, sizes);
    wrong({ columns: 0 }, sizes);
    for (const bits of [2, 5, 16]) wrong({ bits }, sizes);
  },
});
