/**
 * The wanted rows: the number and types of constraints of each, and the change that makes its x2. The shares are reached by
 * whole numbers given out beforehand, not by hoping that draws come out so: a row that fails is tried again with another seed
 * and the same wishes.
 * @module
 */
import { apportion, Draws } from "./choose.ts";
import { type Operation, OPERATIONS, type WantedRow } from "./draft.ts";
import type { Taxonomy } from "./taxonomy.ts";

/** Rows by number of constraints in TRACE's training set (arXiv 2411.06208, table 2). */
export const PAPER_COUNTS: Readonly<Record<string, number>> = Object.freeze({
  1: 991,
  2: 8003,
  3: 26421,
  4: 34155,
  5: 26327,
  6: 13858,
  7: 5882,
  8: 2185,
  9: 999,
  10: 464,
  11: 8,
  12: 20,
  13: 20,
  14: 8,
  15: 4,
});

/** Number of rows and their shares. */
export interface Wanted {
  /** Number of rows, ≥ 1. */
  rows: number;
  /** Weight by number of constraints, >= 1. */
  counts: ReadonlyMap<string, number>;
  /** Weight by type. */
  types: ReadonlyMap<string, number>;
  /** Decides about the order. */
  seed: number;
}

/**
 * The rows that are wanted; together they have exactly the shares of `counts` and `types`, to the next whole number.
 */
export function makeSlots({ rows, counts, types, seed }: Wanted): WantedRow[] {
  const choose = new Draws(seed, "slots");
  const lengths = choose.shuffled(spread(apportion(rows, counts)).map(Number));
  const total = lengths.reduce((a, b) => a + b, 0);
  const dealt = choose.shuffled(spread(apportion(total, types)));
  const drawn = choose.shuffled(spread(apportion(rows, new Map(OPERATIONS.map((name) => [name, 1])))));
  const operations = operationsFor(lengths, drawn as Operation[]);
  let from = 0;
  return lengths.map((length, index) => ({
    index,
    types: dealt.slice(from, from += length),
    operation: operations[index] as Operation,
  }));
}

/**
 * Of one constraint nothing can be taken away: such a row exchanges its operation with the next longer one that has another; where
 * there is none left, the two other operations take turns.
 */
function operationsFor(lengths: readonly number[], drawn: readonly Operation[]): Operation[] {
  const operations = [...drawn];
  let next = 0, turn = 0;
  for (const [index, length] of lengths.entries()) {
    if (length > 1 || operations[index] !== "remove") continue;
    while (next < lengths.length && (lengths[next] === 1 || operations[next] === "remove")) next++;
    const other = operations[next];
    operations[index] = other ?? (turn++ % 2 === 0 ? "add" : "revise");
    if (other !== undefined) operations[next] = "remove";
  }
  return operations;
}

function spread(numbers: ReadonlyMap<string, number>): string[] {
  return [...numbers].flatMap(([name, count]) => Array<string>(count).fill(name));
}

/**
 * Weights of types from a preset or a map.
 * @param taxonomy Its weights are the preset
 * @param possible Types that can be made at all; the shares of the others are spread over these
 * @returns The weights, and the types that were left out
 * @throws {RangeError} If a type isn't in the taxonomy, or none is left
 */
export function typeWeights(
  wanted: "taxonomy" | Readonly<Record<string, number>>,
  taxonomy: Taxonomy,
  possible: ReadonlySet<string> | null,
): { weights: Map<string, number>; left: string[] } {
  const names = Object.keys(taxonomy.types);
  const given = wanted === "taxonomy"
    ? Object.entries(taxonomy.types).map(([name, { weight }]): [string, number] => [name, weight])
    : Object.entries(wanted);
  const unknown = given.map(([name]) => name).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new RangeError(
      `Cannot share constraints out as types of the taxonomy are needed (${
        names.join(", ")
      }): current value is ${unknown.join(", ")}`,
    );
  }
  const kept = given.filter(([name, weight]) => weight > 0 && (possible?.has(name) ?? true));
  const left = given.filter(([name, weight]) => weight > 0 && possible?.has(name) === false).map(([name]) =>
    name
  );
  if (kept.length === 0) {
    throw new RangeError(
      `Cannot share constraints out as a type with a weight above 0 is needed${
        possible === null ? "" : ` that rules can check (${[...possible].join(", ")})`
      }: current value is ${given.map(([name, weight]) => `${name}: ${weight}`).join(", ")}`,
    );
  }
  return { weights: new Map(kept), left };
}
