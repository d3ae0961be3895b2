/**
 * The neighbour of a path that isn't there, for hints in errors.
 * @module
 */
import { basename, dirname, join } from "@std/path";

import { didYouMean, isSlip, nearest } from "./did_you_mean.ts";

/**
 * ` - did you mean "run.yaml"?` for a misspelt path, of what lies in its folder, or, where there is no such folder, the path with the
 * nearest folder's name that leads to something; "" where nothing is near or the folder can't be read. Hidden entries, and names with
 * control characters, are never proposed.
 */
export function nearEntry(path: string): string {
  const folder = dirname(path), name = nameOf(path), entries = entriesOf(folder);
  if (entries !== null) return didYouMean(name, entries.filter((entry) => looksLike(entry, name)));
  const beside = entriesOf(dirname(folder));
  const meant = beside === null ? undefined : nearest(nameOf(folder), beside);
  if (meant === undefined) return "";
  const there = join(dirname(folder), meant);
  return entriesOf(there)?.includes(name) ? ` - did you mean "${join(there, name)}"?` : "";
}

/**
 * True if an entry can be what a name was meant to be: it begins with the same letter, or is one slip away. Short names, and longer ones
 * by their common ending, are near to too much else.
 */
function looksLike(entry: string, name: string): boolean {
  return entry !== name && (entry[0]?.toLowerCase() === name[0]?.toLowerCase() || isSlip(name, entry));
}

/** The last name of a path: no file's name is longer, and what is compared grows with its square. */
function nameOf(path: string): string {
  return basename(path).slice(0, 255);
}

/** Names in a folder that may be proposed; null where it can't be read. */
function entriesOf(folder: string): string[] | null {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !/^\.|\p{Cc}/u.test(name))
      .sort();
  } catch {
    return null;
  }
}
