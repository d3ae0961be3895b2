/** Which numbers float16 storage holds, and how a tensor gets there. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { float32ToBfloat16, float32ToHalf } from "../../../../formats/float.ts";
import type { FloatPieces } from "../../../../formats/float_pieces.ts";
import { bfloat16ToFloat32 } from "../../../../tests/helpers/bfloat16.ts";
import { Halving, LARGEST_HALF, toHalf } from "./half.ts";
import { webgpuBackend } from "../mod.ts";
import { halfDeviceTest } from "./_half_device.ts";

/** Nearest number with 10 bits behind the leading one, or a multiple of 2⁻²⁴: float16 by its definition, ties to even. */
function nearestHalf(value: number): number {
  if (value === 0) return value;
  const size = Math.abs(value), step = 2 ** Math.max(-24, Math.floor(Math.log2(size)) - 10);
  const below = Math.floor(size / step), rest = size / step - below;
  return Math.sign(value) * step * (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below);
}

Deno.test("toHalf() holds every bfloat16 of at least 2⁻¹⁷ exactly and smaller ones to 2⁻²⁵", () => {
  // All 65,536 of them, each in a matrix with a 1.
  let exact = 0, near = 0, worst = 0;
  for (let bits = 0; bits < 65_536; bits++) {
    const values = new Float32Array(2);
    bfloat16ToFloat32(Uint16Array.of(bits, 0x3f80), values);
    const value = values[0]!, half = toHalf(values, "exact");
    if (!(Math.abs(value) <= LARGEST_HALF)) {
      assertEquals(half, null, `${value}`);
      continue;
    }
    assert(half, `${value}`);
    assertEquals(half[0], nearestHalf(value));
    const error = Math.abs(half[0]! - value);
    worst = Math.max(worst, error);
    if (Math.abs(value) >= 2 ** -17) assertEquals(error, 0, `${value}`);
    error === 0 ? exact++ : near++;
  }
  // By hand: 33 exponents (−17 … 15) of 128 significands and two signs, less the one above 65504 (none: 65280 is the last),
  // are exact, and so are zero and the multiples of 2⁻²⁴ below 2⁻¹⁷.
  assert(exact >= 33 * 128 * 2 + 2 && near > 0);
  // 2⁻²⁵ itself lies halfway between 0 and 2⁻²⁴.
  assertEquals(worst, 2 ** -25);
});

Deno.test("toHalf() refuses what would become another number", () => {
  const refused: [string, number[]][] = [
    ["a twelfth bit", [1, 1 + 2 ** -11]],
    ["above the largest", [1, 65_505]],
    ["an infinity", [1, Infinity]],
    ["not a number", [1, NaN]],
    ["only small numbers", [2 ** -12, 0.7 * 2 ** -20]],
    ["only zeros", [0, 0]],
  ];
  for (const [why, values] of refused) assertEquals(toHalf(Float32Array.from(values), "exact"), null, why);
  assertEquals([...toHalf(Float32Array.of(1 + 2 ** -11, 3 * 2 ** -12, 1e-9), "rounded")!], [
    1,
    3 * 2 ** -12,
    0,
    0,
  ]);
  for (const value of [65_505, -Infinity, NaN]) assertEquals(toHalf(Float32Array.of(value), "rounded"), null);
  assertEquals(toHalf(Float32Array.of(1), "none"), null);
});

/** Float16 bits of numbers of 16 bits, and whether float16 holds the matrix; null where it doesn't hold one of them. */
function halved(type: "bf16" | "f16", bits: readonly number[]): { halves: number[]; holds: boolean } | null {
  const halving = new Halving(type, "exact");
  const bytes = halving.piece(new Uint8Array(Uint16Array.from(bits).buffer));
  return bytes &&
    { halves: [...new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length)], holds: halving.holds };
}

Deno.test("Halving makes of every bfloat16 the float16 that the engine's own conversion makes, and keeps float16 as it is", () => {
  const floats = new Float32Array(65_536), all = Uint16Array.from(floats, (_, bits) => bits);
  bfloat16ToFloat32(all, floats);
  const expected = new Uint16Array(Float16Array.from(floats).buffer);
  const isHeld = (half: number) => (half & 0x7fff) < 0x7c00;
  const held = [...all].filter((bits) => isHeld(expected[bits]!));
  assertEquals(held.length, 2 * 0x4780, "by hand: bfloat16s below 65536");
  // Beside a number of any kind, in both halves of a word: 1, one that is looked up (−2⁻²⁰), both zeros, and the largest.
  for (const other of [0x3f80, 0xb580, 0, 0x8000, 0x477f]) {
    const found = halved("bf16", held.flatMap((bits) => [bits, other, other, bits]))!.halves;
    const o = expected[other]!;
    assertEquals(found, held.flatMap((bits) => [expected[bits]!, o, o, expected[bits]!]));
  }
  // A single number decides, in each place of two words and behind them, among zeros, which are looked up, and among the smallest that aren't.
  for (const type of ["bf16", "f16"] as const) {
    const [least, small] = type === "bf16" ? [0x3a80, 0x3880] : [0x1400, 0x0400];
    const edges = [0x3880, 0x3a80, 0x3f80, 0x4780, 0x4800, 0x7f80, 0x0400, 0x1400, 0x7bff, 0x7c00, 0x8000];
    const sizes = new Set([
      ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]),
      ...all.filter((i) => i % 131 === 0),
    ]);
    for (const size of sizes) {
      const half = type === "bf16" ? expected[size]! : size;
      for (const around of [0, small, 0x8000 + small]) {
        for (let place = 0; place < 5; place++) {
          const found = halved(type, [around, around, around, around, around].with(place, size));
          const holds = (size & 0x7fff) >= least;
          const right = isHeld(half)
            ? found?.halves[place] === half && found.holds === holds
            : found === null;
          assert(right, `${type} ${size.toString(16)} at ${place}: ${JSON.stringify(found)}`);
        }
      }
    }
  }
  const halves = [...all].filter(isHeld);
  assertEquals(halved("f16", halves)?.halves, halves);
});

/** A made-up tensor in pieces of six numbers, which count how often they were read. */
function inPieces(type: FloatPieces["type"], values: number[]): FloatPieces & { reads: number } {
  const floats = Float32Array.from(values), bits = new Uint16Array(floats.length);
  if (type !== "f32") (type === "f16" ? float32ToHalf : float32ToBfloat16)(floats, bits);
  const bytes = new Uint8Array(type === "f32" ? floats.buffer : bits.buffer);
  const tensor: FloatPieces & { reads: number } = {
    type,
    count: floats.length,
    reads: 0,
    *pieces() {
      this.reads++;
      const size = type === "f32" ? 24 : 12;
      for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
    },
    float32: () => {
      throw new Error("read whole");
    },
  };
  return tensor;
}

halfDeviceTest("a tensor that arrives in pieces is the one that arrives whole", async () => {
  const ordinary = Array.from({ length: 21 }, (_, i) => Math.fround((i - 8) / 16)), last = 20;
  const but = (value: number, index = last) => ordinary.with(index, value);
  const cases: [string, FloatPieces["type"], number[], "exact" | "rounded", boolean][] = [
    ["bfloat16", "bf16", ordinary, "exact", true],
    ["float16", "f16", ordinary, "exact", true],
    ["float32 that float16 holds", "f32", but(1 + 2 ** -10), "exact", true],
    ["float32 with a twelfth bit at its end", "f32", but(1 + 2 ** -11), "exact", false],
    ["float32 with a twelfth bit at the beginning", "f32", but(1 + 2 ** -11, 0), "exact", false],
    ["float32 with a twelfth bit, rounded", "f32", but(1 + 2 ** -11), "rounded", true],
    ["bfloat16 with an infinity at its end", "bf16", but(Infinity), "exact", false],
    ["bfloat16 above float16's largest", "bf16", but(2 ** 17, 9), "rounded", false],
    ["float16 with an infinity", "f16", but(-Infinity), "rounded", false],
    ["only small numbers", "bf16", ordinary.map((v) => v * 2 ** -11), "exact", false],
    ["only small numbers, rounded", "bf16", ordinary.map((v) => v * 2 ** -11), "rounded", true],
    ["only zeros", "bf16", ordinary.map(() => 0), "exact", false],
  ];
  for (const storage of ["exact", "rounded"] as const) {
    const device = await webgpuBackend({ half: storage });
    for (const [why, type, values, wanted, kept] of cases) {
      if (wanted !== storage) continue;
      const before = device.half.kept, given = inPieces(type, values);
      const tensor = device.uploadPieces!(given, [3, 7])!;
      assertEquals(device.half.kept - before, kept ? 1 : 0, why);
      const whole = device.upload(Float32Array.from(values), [3, 7], { frozen: true });
      assertEquals(device.half.kept - before, kept ? 2 : 0, why);
      assertEquals(await device.download(tensor), await device.download(whole), why);
      // Float32s whose first piece shows it are read on.
      assertEquals(given.reads, kept || why.endsWith("at the beginning") ? 1 : 2, why);
    }
    // A vector stays float32, whatever its file has.
    const vector = device.uploadPieces!(inPieces("bf16", ordinary), [21])!;
    assertEquals(await device.download(vector), Float32Array.from(ordinary));
    assertThrows(
      () => device.uploadPieces!(inPieces("bf16", [1]), [2]),
      TypeError,
      "Cannot upload 1 elements",
    );
    await device.dispose();
  }
  const plain = await webgpuBackend({ half: "none" });
  for (const type of ["bf16", "f16", "f32"] as const) {
    const tensor = plain.uploadPieces!(inPieces(type, ordinary), [3, 7])!;
    assertEquals(await plain.download(tensor), Float32Array.from(ordinary), type);
  }
  assertEquals(plain.half.kept, 0);
  await plain.dispose();
});
