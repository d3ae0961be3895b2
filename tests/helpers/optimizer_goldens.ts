/** Goldens of AdamW and clipping (fixtures/goldens/optim), for the tests of both. */
import { assert, assertEquals } from "@std/assert";

/** A file of the goldens, by its name. */
// deno-lint-ignore no-explicit-any -- shapes differ from file to file, see the README beside them
export function optimizerGolden(file: string): any {
  const url = new URL(`../../fixtures/goldens/optim/${file}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Flat numbers of nested lists; strings are non-finite numbers. */
export function flat(nested: unknown): number[] {
  return Array.isArray(nested) ? nested.flat(Infinity).map(Number) : [Number(nested)];
}

/** Every number is near its golden: |a − e| ≤ rtol |e| + atol. */
export function assertNear(
  actual: ArrayLike<number>,
  expected: number[],
  { rtol, atol }: { rtol: number; atol: number },
  what: string,
): void {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((e, i) =>
    assert(
      Math.abs(actual[i]! - e) <= rtol * Math.abs(e) + atol,
      `${what}[${i}]: ${actual[i]}, expected ${e}`,
    )
  );
}
