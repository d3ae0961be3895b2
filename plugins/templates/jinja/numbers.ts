/**
 * Numbers as Python reads, rounds and prints them.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { floatRepr } from "../../../formats/python_json.ts";

/** Python's `repr` of a float. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return Number.isFinite(value) ? floatRepr(value) : value > 0 ? "inf" : "-inf";
}

const DIGITS: Readonly<Record<number, RegExp>> = {
  2: /^0?b?_?([01]+(?:_[01]+)*)$/i,
  8: /^0?o?_?([0-7]+(?:_[0-7]+)*)$/i,
  10: /^(\d+(?:_\d+)*)$/,
  16: /^(?:0x_?)?([\da-f]+(?:_[\da-f]+)*)$/i,
};

/**
 * Python's `int(text, base)`; null if the text isn't such a number.
 * @param base 2, 8, 10 or 16; 0: from the prefix.
 */
export function parseInteger(text: string, base: number): bigint | null {
  const match = /^([+-]?)(.+)$/s.exec(text.trim());
  if (match === null) return null;
  const [, sign, rest] = match as unknown as [string, string, string];
  const prefix = /^0([box])/i.exec(rest)?.[1]?.toLowerCase();
  const actual = base !== 0 ? base : prefix === "x" ? 16 : prefix === "o" ? 8 : prefix === "b" ? 2 : 10;
  const digits = DIGITS[actual]?.exec(rest)?.[1]?.replaceAll("_", "");
  if (digits === undefined) return null;
  const start = actual === 16 ? "0x" : actual === 8 ? "0o" : actual === 2 ? "0b" : "";
  const value = BigInt(start + digits);
  return sign === "-" ? -value : value;
}

/** Python's `float(text)`; null if the text isn't a number. */
export function parseFloatText(text: string): number | null {
  const plain = text.trim();
  if (/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i.test(plain)) {
    return Number(plain.replaceAll("_", ""));
  }
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(plain);
  if (word === null) return null;
  if (item(word, 2).toLowerCase() === "nan") return NaN;
  return word[1] === "-" ? -Infinity : Infinity;
}

/** A finite float as a fraction, exactly. */
function fraction(value: number): [numerator: bigint, denominator: bigint] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const power = Math.max(exponent, 1) - 1075;
  const signed = bits >> 63n ? -mantissa : mantissa;
  return power >= 0 ? [signed << BigInt(power), 1n] : [signed, 1n << BigInt(-power)];
}

/** The nearest whole number, halves to the even one. Denominator > 0. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const floor = floorDivide(numerator, denominator);
  const twice = 2n * (numerator - floor * denominator);
  const isUp = twice > denominator || (twice === denominator && floor % 2n !== 0n);
  return isUp ? floor + 1n : floor;
}

/** A finite float with a number of decimals, halves to even, as `"%.2f"` writes it. */
export function fixed(value: number, decimals: number): string {
  const [numerator, denominator] = fraction(value);
  const scaled = divideHalfEven(numerator * 10n ** BigInt(decimals), denominator);
  const sign = scaled < 0n || (scaled === 0n && (value < 0 || Object.is(value, -0))) ? "-" : "";
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(decimals + 1, "0");
  return sign + (decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`);
}

/** A finite float ≥ 0 with an exponent of two digits or more, halves to even, as `"%.2e"` writes it. */
export function scientific(value: number, decimals: number): string {
  const [numerator, denominator] = fraction(value);
  const power = Number(item(value.toExponential(20).split("e"), 1));
  const shift = 10n ** BigInt(Math.abs(decimals - power));
  const scaled = decimals >= power
    ? divideHalfEven(numerator * shift, denominator)
    : divideHalfEven(numerator, denominator * shift);
  const isNext = scaled >= 10n ** BigInt(decimals + 1);
  const [digits, exponent] = isNext ? [String(scaled / 10n), power + 1] : [String(scaled), power];
  const rest = digits.slice(1).padEnd(decimals, "0");
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0]}${rest && `.${rest}`}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** Python's `round(value, decimals)` of a float; decimals may be negative. */
export function roundFloat(value: number, decimals: number): number {
  if (!Number.isFinite(value)) return value;
  if (decimals >= 0) return Number(fixed(value, decimals));
  const [numerator, denominator] = fraction(value);
  const unit = 10n ** BigInt(-decimals);
  return Number(divideHalfEven(numerator, denominator * unit) * unit);
}

/** Python's `a / b` of whole numbers: the nearest float to the exact quotient. b isn't 0. */
export function divideExactly(a: bigint, b: bigint): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isSafeInteger(x) && Number.isSafeInteger(y)) return x / y;
  const bits = (value: bigint) => (value < 0n ? -value : value).toString(2).length;
  // 66 bits of the quotient, the last one set if there is a rest, are rounded as the whole would be
  const shift = Math.max(0, 66 - bits(a) + bits(b));
  const quotient = (a << BigInt(shift)) / b;
  const isExact = quotient * b === a << BigInt(shift);
  const sticky = isExact || quotient % 2n !== 0n ? 0n : (a < 0n) === (b < 0n) ? 1n : -1n;
  const half = Math.min(shift, 1000); // a power of two beyond a float's largest
  return Number(quotient + sticky) / 2 ** half / 2 ** (shift - half);
}

/** Division rounded down. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient;
}

/** The rest with the divisor's sign, of floats. */
export function floorModulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return (rest < 0) !== (b < 0) ? rest + b : rest;
}
