/**
 * The part of `@std/assert` that the tests use, on `node:assert`. Where JSR is reachable, point the import map at
 * `jsr:@std/assert` instead: names and meaning are the same.
 * @module
 */
import nodeAssert from "node:assert/strict";

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = "Expected a truthy value"): asserts value {
  if (!value) throw new nodeAssert.AssertionError({ message });
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message as string);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message as string);
}

/** Fails unless `|actual - expected| <= tolerance` (default 1e-7 of `expected`); NaN never passes. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? Math.abs(expected) * 1e-7;
  if (!(Math.abs(actual - expected) <= limit)) {
    throw new nodeAssert.AssertionError({
      message: `${
        message ? message + ": " : ""
      }Expected ${expected} within ${limit}: current value is ${actual}`,
    });
  }
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (!actual.includes(expected)) {
    throw new nodeAssert.AssertionError({
      message: message ?? `Expected "${actual}" to contain "${expected}"`,
    });
  }
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (!expected.test(actual)) {
    throw new nodeAssert.AssertionError({ message: message ?? `Expected "${actual}" to match ${expected}` });
  }
}

function check(error: unknown, Class?: ErrorClass, includes?: string): Error {
  if (!(error instanceof Error)) {
    throw new nodeAssert.AssertionError({ message: `Expected an Error, thrown was ${error}` });
  }
  if (Class && !(error instanceof Class)) {
    const { name, message } = error as Error;
    throw new nodeAssert.AssertionError({
      message: `Expected ${Class.name}: thrown was ${name}: ${message}`,
    });
  }
  if (includes !== undefined) assertStringIncludes(error.message, includes);
  return error;
}

/** Fails unless `fn` throws an error of `Class` whose message contains `includes`; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  Class?: ErrorClass<E>,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return check(error, Class, includes) as E;
  }
  throw new nodeAssert.AssertionError({ message: "Expected function to throw" });
}

/** Fails unless the promise of `fn` rejects with an error of `Class` whose message contains `includes`; returns it. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  Class?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return check(error, Class, includes) as E;
  }
  throw new nodeAssert.AssertionError({ message: "Expected promise to reject" });
}
