/**
 * The neighbour of a path that isn't there, for hints in errors.
 * @module
 */
import { basename, dirname } from "@std/path";

import { didYouMean } from "./did_you_mean.ts";

/**
 * ` - did you mean "run.yaml"?` for a misspelt path, of what lies in its folder; "" where nothing is near or the folder can't be
 * read. Hidden entries, and names with control characters, are never proposed.
 */
export function nearEntry(path: string): string {
  // no file's name is longer, and what is compared grows with its square
  const name = basename(path).slice(0, 255);
  let entries: string[];
  try {
    entries = [...Deno.readDirSync(dirname(path))].map((entry) => entry.name).sort();
  } catch {
    return "";
  }
  return didYouMean(name, entries.filter((entry) => !/^\.|\p{Cc}/u.test(entry) && entry !== name));
}
