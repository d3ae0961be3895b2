/**
 * Shader that takes ggml's quantised blocks apart on the device: float32s, or their nearest float16s, of blocks as a file has them.
 *
 * A block's products of a half (11 bits) and small integers are exact in float32 and only a sum rounds (formats/simd/blocks.ts), so a
 * device that fuses or reorders them gives the same bits as the host. Halves are decoded and float16s rounded by integers: WGSL leaves
 * numbers below 2⁻¹⁴ and the direction of rounding to the device. Source of the layouts: ggml-quants.c.
 * @module
 */
import type { WgslDispatch } from "../../../wgsl_program.ts";
import { shader } from "../../../ops/wgsl/shader.ts";

/** Types that the shader knows by ggml's names, in the order of its cases, and bytes of a block where halves stand. */
export const BLOCK_HALVES: Readonly<Record<string, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};

/** Invocations of a workgroup, each of which makes four values that stand side by side. */
const BLOCK_THREADS = 64;

const FUNCTIONS = `
fn byte(p: u32) -> u32 { return (bitcast<u32>(blocks[p >> 2u]) >> ((p & 3u) * 8u)) & 255u; }
fn short(p: u32) -> u32 { return (bitcast<u32>(blocks[p >> 2u]) >> ((p & 2u) * 8u)) & 65535u; }
fn word(p: u32) -> u32 { return short(p) | (short(p + 2u) << 16u); }
fn half(p: u32) -> f32 {
  let bits = short(p);
  let rest = bits & 0x7fffu;
  let small = f32(rest) * 5.9604644775390625e-8f;
  let sign = (bits & 0x8000u) << 16u;
  return select(bitcast<f32>(sign | ((rest << 13u) + 0x38000000u)), select(small, -small, sign != 0u), rest < 0x400u);
}
fn four(w: u32) -> vec4<u32> { return (vec4<u32>(w) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u); }
fn signed(w: u32) -> vec4<f32> { return vec4<f32>(bitcast<vec4<i32>>(four(w) << vec4<u32>(24u)) >> vec4<u32>(24u)); }
// Codes of 4 bits behind "head" bytes: byte i has codes i and 16 + i.
fn low(p: u32, i: u32) -> vec4<u32> { return four((word(p + (i & 15u)) >> ((i >> 4u) * 4u)) & 0x0f0f0f0fu); }
fn fifth(high: u32, i: u32) -> vec4<u32> {
  return ((vec4<u32>(high >> i) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u)) << vec4<u32>(4u);
}
// Group j of 32 of Q4_K and Q5_K: its codes, and what they become.
fn pairs(p: u32, i: u32) -> u32 { return (word(p + (i >> 6u) * 32u + (i & 31u)) >> (((i >> 5u) & 1u) * 4u)) & 0x0f0f0f0fu; }
fn fifths(p: u32, i: u32) -> u32 { return ((word(p + (i & 31u)) >> (i >> 5u)) & 0x01010101u) << 4u; }
fn grouped(p: u32, j: u32, q: vec4<u32>) -> vec4<f32> {
  let s = p + 4u;
  let late = j >= 4u;
  let more = byte(s + j + 4u);
  let early = byte(s + (j & 3u));
  let scale = select(early & 63u, (more & 15u) | ((early >> 6u) << 4u), late);
  let least = select(more & 63u, (more >> 4u) | ((byte(s + j) >> 6u) << 4u), late);
  return (half(p) * f32(scale)) * vec4<f32>(q) - vec4<f32>(half(p + 2u) * f32(least));
}
fn sixes(p: u32, i: u32) -> vec4<f32> {
  let part = i >> 7u;
  let g = (i >> 5u) & 3u;
  let l = i & 31u;
  let lows = (word(p + 64u * part + (g & 1u) * 32u + l) >> ((g >> 1u) * 4u)) & 0x0f0f0f0fu;
  let highs = (word(p + 128u + 32u * part + l) >> (2u * g)) & 0x03030303u;
  let scale = f32(bitcast<i32>(byte(p + 192u + 8u * part + 2u * g + (l >> 4u)) << 24u) >> 24u);
  return (half(p + 208u) * scale) * (vec4<f32>(four(lows | (highs << 4u))) - 32.0);
}
fn nearest(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let rest = bits & 0x7fffffffu;
  let normal = (rest + 0xfffu + ((rest >> 13u) & 1u) - 0x38000000u) >> 13u;
  let fraction = (rest & 0x7fffffu) | 0x800000u;
  let shift = min(126u - (rest >> 23u), 31u);
  let whole = fraction >> shift;
  let lost = fraction & ((1u << shift) - 1u);
  let middle = 1u << (shift - 1u);
  let small = whole + u32(lost > middle || (lost == middle && (whole & 1u) == 1u));
  return ((bits >> 16u) & 0x8000u) | select(normal, small, rest < 0x38800000u);
}`;

/** What each type's four values are, from byte `p` of its block and value `i` of it on. */
const VALUES: Readonly<Record<string, { bytes: number; quads: number; values: string }>> = {
  Q4_0: { bytes: 18, quads: 8, values: "half(p) * (vec4<f32>(low(p + 2u, i)) - 8.0)" },
  Q4_1: { bytes: 20, quads: 8, values: "half(p) * vec4<f32>(low(p + 4u, i)) + half(p + 2u)" },
  Q5_0: {
    bytes: 22,
    quads: 8,
    values: "half(p) * (vec4<f32>(low(p + 6u, i) | fifth(word(p + 2u), i)) - 16.0)",
  },
  Q5_1: {
    bytes: 24,
    quads: 8,
    values: "half(p) * vec4<f32>(low(p + 8u, i) | fifth(word(p + 4u), i)) + half(p + 2u)",
  },
  Q8_0: { bytes: 34, quads: 8, values: "half(p) * signed(word(p + 2u + i))" },
  Q4_K: { bytes: 144, quads: 64, values: "grouped(p, i >> 5u, four(pairs(p + 16u, i)))" },
  Q5_K: {
    bytes: 176,
    quads: 64,
    values: "grouped(p, i >> 5u, four(pairs(p + 48u, i) | fifths(p + 16u, i)))",
  },
  Q6_K: { bytes: 210, quads: 64, values: "sixes(p, i)" },
};

/** Contents of the shader's uniform: so many values of blocks of a type, a multiple of 4, and their form. */
export function blockSizes(type: string, values: number, asHalf: boolean): Uint32Array<ArrayBuffer> {
  const kind = Object.keys(BLOCK_HALVES).indexOf(type), quads = values / 4;
  return Uint32Array.of(kind, asHalf ? 1 : 0, quads, Math.ceil(quads / BLOCK_THREADS));
}

/** The shader, one for all types and both forms; sizes are those of {@linkcode blockSizes}. */
export function blockShader(): WgslDispatch {
  const cases = Object.keys(BLOCK_HALVES).map((name, number) => {
    const { bytes, quads: own, values } = VALUES[name] ?? { bytes: 0, quads: 1, values: "vec4<f32>()" };
    return `    case ${number}u: {
      let p = quad / ${own}u * ${bytes}u;
      let i = quad % ${own}u * 4u;
      v = ${values};
    }`;
  });
  return shader({
    label: "blocks",
    threads: BLOCK_THREADS,
    read: { blocks: { element: "i32" } },
    write: { to: { element: "i32" } },
    sizes: { kind: 0, half: 0, quads: 0 },
    workgroups: 0,
    declarations: FUNCTIONS,
    body: `  let quad = workgroup * ${BLOCK_THREADS}u + lane;
  if (quad >= sizes.quads) { return; }
  var v = vec4<f32>();
  switch sizes.kind {
${cases.join("\n")}
    default: {}
  }
  if (sizes.half == 1u) {
    to[2u * quad] = bitcast<i32>(nearest(v.x) | (nearest(v.y) << 16u));
    to[2u * quad + 1u] = bitcast<i32>(nearest(v.z) | (nearest(v.w) << 16u));
  } else {
    to[4u * quad] = bitcast<i32>(v.x);
    to[4u * quad + 1u] = bitcast<i32>(v.y);
    to[4u * quad + 2u] = bitcast<i32>(v.z);
    to[4u * quad + 3u] = bitcast<i32>(v.w);
  }`,
  });
}
