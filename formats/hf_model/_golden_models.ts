/**
 * Models of other programs, and copies of them to damage.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { LoadedModel } from "./mod.ts";

/** Path of a golden below fixtures/goldens. */
export const goldenModel = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

/** Gives a temporary folder, which goes with the test. */
export async function inModelFolder(fn: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await fn(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Holds one model to another, tensor by tensor, bit for bit. */
export function assertSameWeights(a: LoadedModel, b: LoadedModel): void {
  assertEquals(a.weights.names().sort(), b.weights.names().sort());
  for (const name of a.weights.names()) {
    assertEquals(a.weights.shape(name), b.weights.shape(name), name);
    const x = a.weights.read(name), y = b.weights.read(name);
    assert(x.length === y.length && x.every((value, i) => value === y[i]), name);
  }
}
