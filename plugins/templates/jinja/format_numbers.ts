/**
 * Numbers by presentation types, which `%` and `format` share: Python's `PyOS_double_to_string` and `_PyLong_Format`.
 * @module
 */
import { fixed, floatText, scientific } from "./numbers.ts";
import { TemplateError } from "./values.ts";

/** Width and precision at most, so that a format can't fill the memory. */
export const WIDEST = 10_000;

/** How a float is written. */
export interface FloatStyle {
  /** One of e, E, f, F, g, G; r: as `repr`. */
  kind: string;
  /** Decimals, or digits for g; null: 6. */
  precision: number | null;
  /** `#`: the point and g's zeros stay. */
  alternate: boolean;
  /** At least one decimal where there is no exponent, as `format` without a type writes. */
  addsDecimal?: boolean;
}

/** A float without its sign; NaN has none. */
export function floatDigits(
  value: number,
  style: FloatStyle,
): string {
  const size = Math.abs(value);
  const kind = style.kind.toLowerCase();
  const text = Number.isFinite(size) ? finite(size, { ...style, kind }) : floatText(size);
  return kind !== style.kind ? text.toUpperCase() : text;
}

function finite(
  size: number,
  { kind, precision, alternate, addsDecimal = false }: FloatStyle,
): string {
  if (kind === "r") {
    const text = floatText(size);
    return alternate && !text.includes(".") ? text.replace("e", ".e") : text;
  }
  const decimals = precision ?? 6;
  if (decimals > WIDEST) throw new TemplateError(`a format is wider than ${WIDEST}`);
  if (kind === "f") return fixed(size, decimals) + (alternate && decimals === 0 ? "." : "");
  if (kind === "e") {
    const text = scientific(size, decimals);
    return alternate && decimals === 0 ? text.replace("e", ".e") : text;
  }
  const digits = Math.max(decimals, 1);
  const long = scientific(size, digits - 1);
  const power = Number(long.split("e")[1]);
  const hasExponent = power < -4 || power >= digits - (addsDecimal ? 1 : 0);
  const written = hasExponent ? long : fixed(size, Math.max(0, digits - 1 - power));
  if (alternate) return written.includes(".") ? written : written.replace(/(?=e|$)/, ".");
  const short = written.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");
  return addsDecimal && !hasExponent && !short.includes(".") ? `${short}.0` : short;
}

/** A whole number's size in the base of b, o, x, X or d. */
export function integerDigits(value: bigint, kind: string): string {
  const base = { b: 2, o: 8, x: 16, X: 16 }[kind] ?? 10;
  const digits = (value < 0n ? -value : value).toString(base);
  return kind === "X" ? digits.toUpperCase() : digits;
}

/** The character of a code point (type c). @throws {TemplateError} If there is none: below 0 or above U+10FFFF */
export function character(code: bigint): string {
  if (code < 0n || code > 0x10ffffn) throw new TemplateError("%c arg not in range(0x110000)");
  return String.fromCodePoint(Number(code));
}

/** A whole number as a float. @throws {TemplateError} If it is beyond float64 */
export function asFloat(value: bigint | number): number {
  const float = Number(value);
  if (typeof value === "bigint" && !Number.isFinite(float)) {
    throw new TemplateError("int too large to convert to float");
  }
  return float;
}

/** True for numbers below zero, negative zero too. */
export function isNegative(value: bigint | number): boolean {
  return value < 0 || Object.is(value, -0);
}
