/**
 * Numbers between bounds, as rules of digits: a text of at most as many decimals as the grid has is compared with the bounds digit by digit.
 * @module
 */
import { beyond, decimalsOf, scaled, SIGNIFICANT, stepOf } from "./decimals.ts";
import { anyOf, GrammarTooLarge, type Rules } from "./rules.ts";

/** Keywords of numbers. */
export interface Bounds {
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
}

/** Digits before the point where no bound says fewer. */
const WHOLE_DIGITS = 16;

/** States of one number's digits: tight bounds times remainders. */
const STATES = 3000;

/**
 * The rule of numbers that fit; null: there is none.
 * @param type JSON Schema's `integer` or `number`; numbers with bounds are written without exponent
 * @throws {RangeError} If a bound or a step is one that digits can't follow
 * @throws {GrammarTooLarge}
 */
export function numberRule(rules: Rules, type: "integer" | "number", bounds: Bounds): string | null {
  if (Object.keys(bounds).length === 0) return rules[type];
  const { multipleOf = null } = bounds;
  // beyond the digits that are written a bound says nothing, or nothing fits
  const given = [bounds.minimum, bounds.exclusiveMinimum, bounds.maximum, bounds.exclusiveMaximum]
    .filter((bound) => bound !== undefined && Math.abs(bound) < 10 ** WHOLE_DIGITS) as number[];
  const decimals = type === "integer" ? 0 : decimalsOf(given, multipleOf);
  // a multiple that float64 can't tell from its neighbours would be none
  const limit = 10 ** (multipleOf === null ? WHOLE_DIGITS : Math.max(SIGNIFICANT - decimals, 1));
  const step = multipleOf === null ? 1n : stepOf(multipleOf, decimals);
  const grid = 10n ** BigInt(decimals), all = grid * BigInt(limit) - 1n;
  let least = -all, most = all;
  const raise = (bound: bigint) => bound > least && (least = bound);
  const lower = (bound: bigint) => bound < most && (most = bound);
  if (bounds.minimum !== undefined) raise(scaled(bounds.minimum, decimals, "up"));
  if (bounds.maximum !== undefined) lower(scaled(bounds.maximum, decimals, "down"));
  if (bounds.exclusiveMinimum !== undefined) raise(beyond(bounds.exclusiveMinimum, decimals, 1n));
  if (bounds.exclusiveMaximum !== undefined) lower(beyond(bounds.exclusiveMaximum, decimals, -1n));
  if (least > most) return null;
  const digits = new Digits(rules, decimals, step);
  const positive = most < 0n ? null : digits.between(least > 0n ? least : 0n, most);
  const negative = least >= 0n ? null : digits.between(most < -1n ? -most : 1n, -least);
  return anyOf([positive, negative === null ? null : `"-" ${negative}`]);
}

/** A number that is being written. */
interface DigitsSoFar {
  /** Digits of this part that may still come. */
  left: number;
  part: "whole" | "point" | "more";
  /** The rest of the lower bound where the digits so far are its own; null: they are larger. */
  low: string | null;
  /** Likewise of the upper one. */
  high: string | null;
  /** Remainder of the digits so far. */
  rest: bigint;
}

/** Rules of digits between two counts of the grid, and those that may follow digits that were written. */
class Digits {
  readonly #known = new Map<string, string | null>();
  constructor(readonly rules: Rules, readonly decimals: number, readonly step: bigint) {}

  between(least: bigint, most: bigint): string | null {
    const choices = [];
    const digitsOf = (count: bigint) => Math.max(1, String(count).length - this.decimals);
    for (let whole = digitsOf(least); whole <= digitsOf(most); whole++) {
      const width = whole + this.decimals;
      const [first, last] = [whole === 1 ? 0n : 10n ** BigInt(width - 1), 10n ** BigInt(width) - 1n];
      const padded = (count: bigint) => String(count).padStart(width, "0");
      choices.push(
        this.#from({
          left: whole,
          part: "whole",
          low: padded(least > first ? least : first),
          high: padded(most < last ? most : last),
          rest: 0n,
        }),
      );
    }
    return anyOf(choices);
  }

  /** The rule of the digits that may follow; null: none do. */
  #from({ left, part, rest, ...bounds }: DigitsSoFar): string | null {
    const low = bounds.low !== null && /^0*$/.test(bounds.low) ? null : bounds.low;
    const high = bounds.high !== null && /^9*$/.test(bounds.high) ? null : bounds.high;
    const key = `${left} ${part} ${low} ${high} ${rest}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size > STATES) {
      throw new GrammarTooLarge("its multipleOf has too many remainders; use a smaller one, or leave it out");
    }
    const decimalsLeft = part === "whole" ? this.decimals : left;
    // a decimal that isn't written is 0
    const isEnd = (part !== "whole" || left === 0) && low === null &&
      rest * 10n ** BigInt(decimalsLeft) % this.step === 0n;
    let choices: (string | null)[] = [];
    if (part === "whole" && left === 0) {
      const decimals = this.decimals === 0
        ? null
        : this.#from({ left: this.decimals, part: "point", low, high, rest });
      choices = [isEnd ? '""' : null, decimals === null ? null : `"." ${decimals}`];
    } else {
      choices = this.#digits({ left, part, low, high, rest });
      if (isEnd && part === "more") choices.unshift('""');
    }
    const body = anyOf(choices), rule = body === null || body === '""' ? body : this.rules.add(body);
    this.#known.set(key, rule);
    return rule;
  }

  #digits({ left, part, low, high, rest }: DigitsSoFar): (string | null)[] {
    if (left === 0) return [];
    const byNext = new Map<string, number[]>();
    for (let digit = Number(low?.[0] ?? 0); digit <= Number(high?.[0] ?? 9); digit++) {
      const next = this.#from({
        left: left - 1,
        part: part === "whole" ? "whole" : "more",
        low: low !== null && digit === Number(low[0]) ? low.slice(1) : null,
        high: high !== null && digit === Number(high[0]) ? high.slice(1) : null,
        rest: (rest * 10n + BigInt(digit)) % this.step,
      });
      if (next !== null) byNext.set(next, [...byNext.get(next) ?? [], digit]);
    }
    return [...byNext].map(([next, digits]) =>
      `${digits.length === 1 ? `"${digits[0]}"` : `[${digits.join("")}]`} ${next}`
    );
  }
}
