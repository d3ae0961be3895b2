/**
 * Decimal numbers as they are written, in whole counts of a grid of so many decimals.
 * @module
 */

/** Significant digits that any two decimals keep apart as float64. */
export const SIGNIFICANT = 15;

/** Decimals of a bound that are followed, at most. */
const MOST_DECIMALS = 30;

/** Counts next to a bound that are tried: float64 keeps a number of 15 digits apart from all but a few. */
const TRIES = 1000;

/** Digits and power of ten of a number: 1.5 is [15n, −1]. */
function decimal(value: number): [digits: bigint, exponent: number] {
  const [, sign = "", whole = "", more = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return [BigInt(`${sign}${whole}${more}`), Number(exponent) - more.length];
}

/** Decimals of the grid, ≥ 0: as many as float64 keeps apart at the largest bound, or as the bounds have. */
export function decimalsOf(bounds: readonly number[], multipleOf: number | null): number {
  if (multipleOf !== null) return Math.max(0, -decimal(multipleOf)[1]);
  const whole = Math.max(...bounds.map((bound) => String(Math.trunc(Math.abs(bound))).length), 1);
  return Math.max(
    SIGNIFICANT - whole,
    0,
    ...bounds.map((bound) => Math.min(-decimal(bound)[1], MOST_DECIMALS)),
  );
}

/** True of a whole multiple, both numbers taken as they are written. */
export function isMultiple(value: number, step: number): boolean {
  const [[digits, exponent], [unit, power]] = [decimal(value), decimal(step)], shift = exponent - power;
  const ten = 10n ** BigInt(Math.abs(shift));
  return shift >= 0 ? digits * ten % unit === 0n : digits % (unit * ten) === 0n;
}

/** A step in counts of the grid. */
export function stepOf(multipleOf: number, decimals: number): bigint {
  const [digits, exponent] = decimal(multipleOf), shift = exponent + decimals;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  // of counts that are whole: those that both divide
  const unit = 10n ** BigInt(-shift);
  return digits / gcd(digits, unit);
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** A bound in counts of the grid, rounded away from what it leaves out. */
export function scaled(value: number, decimals: number, way: "up" | "down"): bigint {
  const [digits, exponent] = decimal(value), shift = exponent + decimals;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift), cut = digits / unit, rest = digits % unit;
  return way === "up" ? cut + (rest > 0n ? 1n : 0n) : cut - (rest < 0n ? 1n : 0n);
}

/**
 * The first count beyond a bound that is beyond it as float64 too.
 * @throws {RangeError} If there is none near
 */
export function beyond(value: number, decimals: number, way: 1n | -1n): bigint {
  let count = scaled(value, decimals, way > 0n ? "down" : "up");
  for (let tries = 0; tries < TRIES; tries++) {
    count += way;
    const found = Number(`${count}e-${decimals}`);
    if (way > 0n ? found > value : found < value) return count;
  }
  throw new RangeError(`no number of ${decimals} decimals is next to ${value}; use fewer digits`);
}
