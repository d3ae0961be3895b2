/**
 * The known name nearest to a misspelt one, for hints in errors.
 * @module
 */
import { distance } from "fastest-levenshtein";

/**
 * ` - did you mean "x"?`, or "" when nothing is near.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { didYouMean } from "./did_you_mean.ts";
 *
 * assertEquals(didYouMean("lora_rnak", ["lora_rank", "seed"]), ' - did you mean "lora_rank"?');
 * assertEquals(didYouMean("format", ["formatting", "from"]), ' - did you mean "formatting"?');
 * assertEquals(didYouMean("zzz", ["lora_rank", "seed"]), "");
 * ```
 */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? "" : ` - did you mean "${near}"?`;
}

/**
 * The known name nearest to `name` (of equally near ones the one that begins alike), or undefined when none is near. A name
 * that is only cut short, such as `format` for `formatting`, is near too.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const asked = plain(name);
  const limit = Math.max(1, Math.round(name.length * 0.4));
  const [first] = known
    .map((candidate) => ({
      candidate,
      far: distance(asked, plain(candidate)),
      alike: prefix(asked, plain(candidate)),
    }))
    .filter(({ far, alike }) => far <= limit || (alike === asked.length && alike >= 5))
    .sort((a, b) => a.far - b.far || b.alike - a.alike);
  return first?.candidate;
}

function prefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
