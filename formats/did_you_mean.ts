/**
 * The known name nearest to a misspelt one, for hints in errors.
 * @module
 */
import { distance } from "fastest-levenshtein";

/** Names that different programs have for one thing, a number format or a setting: too far apart to look like misspellings. */
const SAME_THING: readonly (readonly string[])[] = [
  ["float16", "fp16", "f16"],
  ["bfloat16", "bf16"],
  ["float32", "fp32", "f32"],
  ["q8_0", "int8"],
  ["q4_0", "int4"],
  ["8", "int8", "q8_0"],
  ["4", "int4", "q4_0"],
  // the name it had before torch's own was the only one, and everyday ones
  ["adamw_torch", "adamw_hf", "adamw", "adam"],
  // lm-evaluation-harness and inspect
  ["max_samples", "limit"],
  ["concurrency", "num_concurrent", "max_connections", "batch_size"],
  ["out_dir", "output_path", "log_dir"],
  ["api_base", "base_url"],
  ["--out", "output"],
];

/**
 * ` - did you mean "x"?`, or "" when nothing is near.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { didYouMean } from "./did_you_mean.ts";
 *
 * assertEquals(didYouMean("lora_rnak", ["lora_rank", "seed"]), ' - did you mean "lora_rank"?');
 * assertEquals(didYouMean("format", ["formatting", "from"]), ' - did you mean "formatting"?');
 * assertEquals(didYouMean("fp16", ["float32", "float16", "bfloat16"]), ' - did you mean "float16"?');
 * assertEquals(didYouMean("zzz", ["lora_rank", "seed"]), "");
 * ```
 */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? "" : ` - did you mean "${near}"?`;
}

/**
 * The known name nearest to `name` (of equally near ones the one that begins alike), or undefined when none is near. A name
 * that is only cut short, such as `format` for `formatting`, is near too, and another program's name for the same thing,
 * such as `fp16` for `float16` or `limit` for `max_samples`.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const asked = plain(name);
  const same = SAME_THING.filter((names) => names.some((one) => plain(one) === asked)).flat();
  const other = known.find((candidate) => same.includes(candidate.toLowerCase()));
  if (other !== undefined) return other;
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

/** True if a name is one letter away from the one that was meant, or two of its letters changed places; case doesn't count. */
export function isSlip(written: string, meant: string): boolean {
  const far = distance(written.toLowerCase(), meant.toLowerCase());
  const letters = (text: string) => [...text.toLowerCase()].sort().join("");
  return far <= 1 || (far === 2 && letters(written) === letters(meant));
}
