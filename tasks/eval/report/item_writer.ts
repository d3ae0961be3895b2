/**
 * Files of a report that have something of each item: all of them are written during one pass over the items.
 * @module
 */
import type { AtomicFile } from "../../../formats/atomic.ts";
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import { type StoredItem, storedItems, type StoredRun } from "../store/stored.ts";

/** A file that is being written. */
export interface ItemWriter {
  /** Takes the next item, and what it adds to the scores. */
  add(stored: StoredItem, contributions: readonly Contribution[]): void;
  /** Completes the file. */
  finish(): void;
  /** Leaves no file. */
  abort(): void;
}

/**
 * A file of a head, something of each item, and a tail.
 * @param textOf An item's text
 */
export function fileWriter(
  file: AtomicFile,
  head: string,
  tail: string | (() => string),
  textOf: (stored: StoredItem, contributions: readonly Contribution[]) => string,
): ItemWriter {
  const encoder = new TextEncoder();
  const write = (text: string) => file.write(encoder.encode(text));
  write(head);
  return {
    add: (stored, contributions) => write(textOf(stored, contributions)),
    finish() {
      write(typeof tail === "string" ? tail : tail());
      file.commit();
    },
    abort: () => file.abort(),
  };
}

/**
 * Runs all writers over the items, in one pass; when anything fails, what isn't complete isn't there.
 * @param open Each makes a writer, which begins its file
 * @throws What a writer, or the store's file, throws
 */
export async function writeItems(
  run: StoredRun,
  open: readonly (() => ItemWriter | Promise<ItemWriter>)[],
): Promise<void> {
  const { benchmark } = run.part;
  const writers: ItemWriter[] = [];
  try {
    for (const make of open) writers.push(await make());
    for await (const stored of storedItems(run)) {
      const contributions = benchmark.contributions(stored);
      for (const writer of writers) writer.add(stored, contributions);
    }
    for (const writer of writers) writer.finish();
  } catch (error) {
    for (const writer of writers) writer.abort();
    throw error;
  }
}
