/**
 * Where a value was written, so that a message can begin with `file:line:column`.
 * @module
 */

/**
 * Where a value was written: `file:line:column`, the argument of a command line, or "" where that isn't known. `path`
 * leads from the map that it was made for to the value: keys, and indexes of lists.
 */
export type PlaceOf = (...path: (string | number)[]) => string;

/** For values that were written nowhere. */
export const nowhere: PlaceOf = (): string => "";

/** The places of the map that `path` leads to. */
export function placeUnder(place: PlaceOf, ...path: (string | number)[]): PlaceOf {
  return (...more) => place(...path, ...more);
}

const errorsWithPlace = new WeakSet<Error>();

/**
 * Runs `make`; the message of an error then begins with `place`. An error that has a place already keeps it: the inner
 * one is nearer to the fault.
 * @throws What `make` throws, with the place
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { placed } from "./place.ts";
 *
 * const parse = () => { throw new RangeError("Cannot use -1"); };
 * assertThrows(() => placed("a.yaml:1:1", () => placed("a.yaml:3:7", parse)), RangeError, "a.yaml:3:7: Cannot use -1");
 * ```
 */
export function placed<T>(place: string, make: () => T): T {
  const add = (error: unknown): never => {
    if (place !== "" && error instanceof Error && !errorsWithPlace.has(error)) {
      error.message = `${place}: ${error.message}`;
      errorsWithPlace.add(error);
    }
    throw error;
  };
  try {
    const made = make();
    return made instanceof Promise ? made.catch(add) as T : made;
  } catch (error) {
    return add(error);
  }
}
