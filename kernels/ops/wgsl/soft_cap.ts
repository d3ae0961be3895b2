/**
 * cap · tanh(x / cap) in WGSL, see `soft_capping.ts`.
 * @module
 */
import { literal } from "./shader.ts";

/** Coefficients of the quotient of polynomials that is tanh within 3e-7 up to {@linkcode MOST} (Eigen's), the last power first. */
const ABOVE = [
  -2.76076847742355e-16,
  2.00018790482477e-13,
  -8.60467152213735e-11,
  5.12229709037114e-8,
  1.48572235717979e-5,
  6.37261928875436e-4,
  4.89352455891786e-3,
];
const BELOW = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3];
const MOST = 7.90531110763549805;

/** WGSL of `soft_tanh`: a device's own tanh may overflow, and isn't exact near 0. NaN stays NaN. */
export function softTanh(type: "f32" | "V", wide = false): string {
  const bits = wide ? "vec4<u32>" : "u32", of = (value: number) => `${type}(${literal(value)})`;
  const power = (coefficients: readonly number[]) =>
    coefficients.slice(1).reduce((sum, value) => `fma(${sum}, y2, ${of(value)})`, of(coefficients[0] ?? 0));
  return `fn soft_tanh(x: ${type}) -> ${type} {
  let y = clamp(x, ${of(-MOST)}, ${of(MOST)}); let y2 = y * y;
  let t = y * ${power(ABOVE)} / ${power(BELOW)};
  return select(t, x, (bitcast<${bits}>(x) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u));
}`;
}

/** WGSL: ` * slope` of a value that became `capped`; nothing where there is no cap. */
export function timesCapSlope(capped: string, cap: number | null): string {
  if (cap === null) return "";
  const share = `${capped} * ${literal(1 / cap)}`;
  return ` * (1f - ${share} * ${share})`;
}

/** WGSL: a value that is capped, by {@linkcode softTanh} of its type. */
export function cappedWgsl(value: string, cap: number): string {
  return `${literal(cap)} * soft_tanh((${value}) * ${literal(1 / cap)})`;
}
