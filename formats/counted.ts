/**
 * Counts in sentences.
 * @module
 */

/**
 * A count with its noun, which is singular for one.
 * @param noun Singular; its plural ends in "s"
 * @param verb Behind it: singular and plural
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { counted } from "./counted.ts";
 *
 * assertEquals([counted(1, "item"), counted(0, "item"), counted(2, "answer", ["is", "are"])], ["1 item", "0 items", "2 answers are"]);
 * ```
 */
export function counted(count: number, noun: string, verb?: readonly [one: string, many: string]): string {
  const isOne = count === 1;
  return `${count} ${noun}${isOne ? "" : "s"}${verb === undefined ? "" : ` ${verb[isOne ? 0 : 1]}`}`;
}
