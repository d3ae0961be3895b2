/**
 * Values of a bench's flags: names out of a list, counts.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { Arguments } from "../common/cli/arguments.ts";

type Given = Pick<Arguments, "values">;

/** The value of a flag. @throws {RangeError} If it isn't given */
export function flagText({ values }: Given, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`Cannot bench as --${name} is needed: see --help`);
  return value;
}

/** One of the known names; the first where the flag isn't given. @throws {RangeError} If it is another one */
export function flagName<const T extends string>({ values }: Given, name: string, known: readonly T[]): T {
  const text = values.get(name);
  return text === undefined ? known[0]! : oneOfNames(name, text, known);
}

/** Known names parted by commas; all where the flag isn't given. @throws {RangeError} If one is another one */
export function flagNames<const T extends string>({ values }: Given, name: string, known: readonly T[]): T[] {
  return values.get(name)?.split(",").map((text) => oneOfNames(name, text, known)) ?? [...known];
}

function oneOfNames<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === text);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot use --${name} ${shown(text)}${didYouMean(text, known)}: known are ${known.join(", ")}`,
  );
}

/** A whole number above 0. @throws {RangeError} If it is another one, or isn't given where there is no fallback */
export function flagNumber({ values }: Given, name: string, fallback?: number): number {
  const text = values.get(name);
  if (text === undefined && fallback !== undefined) return fallback;
  return wholeCount(name, text ?? "");
}

/** Whole numbers above 0 parted by commas. @throws {RangeError} If one is another one */
export function flagNumbers({ values }: Given, name: string, fallback: readonly number[]): number[] {
  return values.get(name)?.split(",").map((text) => wholeCount(name, text)) ?? [...fallback];
}

function wholeCount(name: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot read --${name} as a whole number > 0: current value is ${shown(text)}`);
}
