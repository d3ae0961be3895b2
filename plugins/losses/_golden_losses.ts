/**
 * Losses held against the tables of fixtures/goldens/losses.
 * @module
 */
import { assert, assertEquals } from "@std/assert";

import { Registry } from "../registry.ts";
import { evaluateLoss, type Loss, losses, type LossRow } from "./mod.ts";

/** A row of a table that PyTorch's autograd made. */
export interface LossCase {
  name: string;
  kind: string;
  params: Record<string, number>;
  losses: number[];
  loss: number;
  // deno-lint-ignore no-explicit-any -- columns differ from file to file
  [column: string]: any;
}

/** Cases of a table. */
export function goldenLosses(file: string): LossCase[] {
  const url = new URL(`../../fixtures/goldens/losses/${file}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)).cases;
}

/** One of the losses by its name. */
export function madeLoss(name: string, options: Record<string, unknown> = {}): Loss {
  return new Registry(losses).create("loss", name, options);
}

/**
 * 1e-12 of the expected value: an absolute part only for what PyTorch's exp flushes to 0 (e^-745 = 5e-324), so that
 * 1e-16 at z = 36.5 can't pass as 0.
 */
export function assertNearLoss(actual: number, expected: number, what: string, absolute = 1e-300): void {
  assert(
    Math.abs(actual - expected) <= 1e-12 * Math.abs(expected) + absolute,
    `${what}: expected ${expected}, current value is ${actual}`,
  );
}

/** Holds values, gradients and the mean against a case; gives the metrics of its rows. */
export function checkLoss(
  loss: Loss,
  rows: LossRow[],
  c: LossCase,
  { gradients, absolute }: { gradients: Record<string, number[]>; absolute?: number },
): Record<string, number>[] {
  const results = evaluateLoss(loss, rows);
  assertEquals(results.length, c.losses.length);
  results.forEach((row, i) => {
    assertNearLoss(row.loss, c.losses[i]!, `${c.kind} ${c.name} loss[${i}]`, absolute);
    for (const [name, expected] of Object.entries(gradients)) {
      assertNearLoss(
        row.gradient[name]! / rows.length,
        expected[i]!,
        `${c.kind} ${c.name} gradient of ${name}[${i}]`,
        absolute,
      );
    }
  });
  assertNearLoss(
    results.reduce((sum, row) => sum + row.loss, 0) / rows.length,
    c.loss,
    `${c.kind} ${c.name} mean`,
  );
  return results.map((row) => row.metrics);
}
