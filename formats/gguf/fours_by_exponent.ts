/**
 * ggml's blocks of four-bit floats, whose scales are powers of two or eight-bit floats: MXFP4 `2^(e−128)·K[q]`, 32 values with one scale, and NVFP4
 * `s_j/2·K[q]`, 64 values in four groups, s_j with four bits of exponent and three behind the point. K is twice the value of a float with two bits of
 * exponent and one behind the point. Values are looked up as bits: scales of MXFP4 reach below the smallest normal float32, and threads differ in what
 * they make of products there. Source: ggml-quants.c, ggml-impl.h, and the `gguf` package of Python.
 * @module
 */
import { f64, u32, u8 } from "../elements.ts";

/** Twice the values of codes 0 to 7; 8 to 15 are their negatives, but that of 0, which is 0. */
const DOUBLED = Float64Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** Bits of the float32 nearest to a number of at most 24 bits times a power of two; all of ours are exact or too large. */
const bitsOf = (value: number, view = new DataView(new ArrayBuffer(4))): number => {
  const size = Math.abs(value), sign = value < 0 || Object.is(value, -0) ? 0x80000000 : 0;
  // a subnormal one is a multiple of 2⁻¹⁴⁹, which is its bits
  if (size < 2 ** -126) return (sign | size * 2 ** 149) >>> 0;
  view.setFloat32(0, value);
  return view.getUint32(0);
};

/** Bits of scale times code, `[256 scales, 16 codes]`. */
function table(scaleOf: (bits: number) => number): Uint32Array {
  return Uint32Array.from(
    { length: 4096 },
    (_, i) => bitsOf(scaleOf(i >> 4) * f64(DOUBLED, i & 15)),
  );
}

/** Half of a float without sign: four bits of exponent, three behind the point; the last one is no number and counts as 0. */
function eightBits(bits: number): number {
  if (bits === 0x7f) return 0;
  const exponent = bits >> 3 & 15, rest = bits & 7;
  return (exponent ? (8 + rest) * 2 ** (exponent - 10) : rest * 2 ** -9) / 2;
}

let powers: Uint32Array | undefined, eights: Uint32Array | undefined;

/** Values of MXFP4's blocks: a byte of scale, then 16 bytes with codes i and 16 + i. */
export function mxfp4(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  powers ??= table((e) => 2 ** (e - 128));
  const out = new Uint32Array(bytes.length / 17 * 32);
  for (let p = 0, to = 0; p < bytes.length; p += 17, to += 32) {
    const scale = u8(bytes, p) << 4;
    for (let i = 0; i < 16; i++) {
      const codes = u8(bytes, p + 1 + i);
      out[to + i] = u32(powers, scale | codes & 15);
      out[to + 16 + i] = u32(powers, scale | codes >> 4);
    }
  }
  return new Uint8Array(out.buffer);
}

/** Values of NVFP4's blocks: four bytes of scales, then four times eight bytes with codes i and 8 + i. */
export function nvfp4(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  eights ??= table(eightBits);
  const out = new Uint32Array(bytes.length / 36 * 64);
  for (let p = 0, to = 0; p < bytes.length; p += 36) {
    for (let g = 0; g < 4; g++, to += 16) {
      const scale = u8(bytes, p + g) << 4;
      for (let i = 0; i < 8; i++) {
        const codes = u8(bytes, p + 4 + 8 * g + i);
        out[to + i] = u32(eights, scale | codes & 15);
        out[to + 8 + i] = u32(eights, scale | codes >> 4);
      }
    }
  }
  return new Uint8Array(out.buffer);
}
