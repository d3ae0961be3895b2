/**
 * Spelling of numbers, durations and JSON in a run's files: as Python's `round`, `json.dumps` and `h:mm:ss` do, so
 * that tools made for LLaMA-Factory's files read ours.
 * @module
 */
import { item } from "../../../formats/elements.ts";

/**
 * Rounds as Python's `round(value, digits)`: to the nearest decimal, exact ties to the even digit. Non-finite values and
 * those too large to have a fraction come back unchanged.
 * @param digits In [0, 15].
 */
export function roundHalfEven(value: number, digits: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 53) return value;
  // toFixed(100) gives the exact decimal expansion wherever a tie is possible: a tie has at most digits + 1 decimals.
  const exact = Math.abs(value).toFixed(100);
  const point = exact.indexOf(".");
  const tie = exact[point + digits + 1] === "5" && /^0*$/.test(exact.slice(point + digits + 2));
  const rounded = Number(value.toFixed(digits));
  if (!tie) return rounded;
  const kept = digits === 0 ? item(exact, point - 1) : item(exact, point + digits);
  const floor = Number(exact.slice(0, point + 1 + digits));
  return Number(kept) % 2 === 0 ? Math.sign(value) * floor : rounded;
}

/** Whole seconds as `h:mm:ss`, hours unlimited. Non-finite or negative durations give `0:00:00`. */
export function hms(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** JSON on one line with `", "` and `": "` between, keys in the order given. `undefined` and null values are left out. */
export function jsonLine(record: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(record).filter(([, value]) => value !== null && value !== undefined);
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(", ")}}`;
}

/** JSON with keys sorted at every level. */
export function sortedJson(value: unknown, indent: number): string {
  return JSON.stringify(value, (_key, inner) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }, indent);
}
