/**
 * Checkpoints in an output directory. A checkpoint is `checkpoint-N`, N being its step; it is written under a name that starts
 * with a dot and renamed when whole, so every `checkpoint-N` is whole.
 * @module
 */
import { item } from "../../../../formats/elements.ts";

import { join } from "@std/path";

/** One whole checkpoint. */
export interface Checkpoint {
  /** `checkpoint-N`. */
  name: string;
  /** Optimizer steps done in it. */
  step: number;
  /** Path of its directory. */
  path: string;
}

/**
 * Whole checkpoints, lowest step first. None if the directory doesn't exist.
 * @throws {Error} If it is there and can't be read
 */
export function listCheckpoints(directory: string): Checkpoint[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return entries.filter(({ name }) => isCheckpoint(directory, name))
    .map(({ name }) => ({
      name,
      step: Number(name.slice("checkpoint-".length)),
      path: join(directory, name),
    }))
    .sort((a, b) => a.step - b.step);
}

/** The checkpoint of the highest step, or null. */
export function lastCheckpoint(directory: string): Checkpoint | null {
  return listCheckpoints(directory).at(-1) ?? null;
}

/**
 * Writes a checkpoint: `write` fills a hidden directory, which then becomes `checkpoint-N`. When `write` fails (a full
 * disk), the hidden directory is removed and everything there was before is as it was.
 * @returns The checkpoint.
 * @throws What `write` throws, or why the directory can't be renamed
 */
export async function commitCheckpoint(
  directory: string,
  step: number,
  write: (path: string) => void | Promise<void>,
): Promise<Checkpoint> {
  const name = `checkpoint-${step}`;
  const [path, partial, old] = [name, `.${name}.partial`, `.${name}.old`].map((part) =>
    join(directory, part)
  ) as [
    string,
    string,
    string,
  ];
  remove(partial);
  try {
    Deno.mkdirSync(partial);
    await write(partial);
  } catch (error) {
    remove(partial);
    throw error;
  }
  // A directory can't be renamed over a full one; cleanPartial puts `old` back if we are killed between the two.
  if (exists(path)) {
    remove(old);
    Deno.renameSync(path, old);
  }
  Deno.renameSync(partial, path);
  remove(old);
  return { name, step, path };
}

/**
 * Removes the lowest checkpoints until at most `limit` are left; the highest one always stays, and so does `best`.
 * Thus two stay with `limit` 1 when the best isn't the last.
 * @param limit `save_total_limit`, > 0; null: all stay.
 * @param best Step of the best checkpoint when it will be needed at the end, else null.
 * @returns Names of those removed.
 */
export function pruneCheckpoints(directory: string, limit: number | null, best: number | null): string[] {
  if (limit === null) return [];
  const all = listCheckpoints(directory);
  const removable = all.slice(0, -1).filter(({ step }) => step !== best);
  const removed = removable.slice(0, Math.max(0, all.length - limit));
  for (const { path, name } of removed) {
    // Renamed first: a kill in the middle must not leave half a checkpoint under a whole one's name.
    const partial = join(directory, `.${name}.partial`);
    remove(partial);
    Deno.renameSync(path, partial);
    remove(partial);
  }
  return removed.map(({ name }) => name);
}

/** Clears what a kill left: half-written checkpoints go, a replaced one whose replacement never came is put back. */
export function cleanPartial(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    const match = /^\.(checkpoint-\d+)\.(partial|old)$/.exec(name);
    if (match === null) continue;
    const whole = join(directory, item(match, 1));
    if (match[2] === "old" && !exists(whole)) Deno.renameSync(join(directory, name), whole);
    else remove(join(directory, name));
  }
}

/** Any directory with the right name is ours, because it got that name only when it was whole. */
export function isCheckpoint(directory: string, name: string): boolean {
  return /^checkpoint-\d+$/.test(name) && Deno.statSync(join(directory, name)).isDirectory;
}

/**
 * The checkpoint that a path names.
 * @throws {Error} If it is no directory `checkpoint-N`; names those that it holds
 */
export function checkpointAt(path: string): Checkpoint {
  const clean = path.replace(/[/\\]+$/, "");
  const match = /(?:^|[/\\])(checkpoint-(\d+))$/.exec(clean);
  if (match !== null && exists(clean) && Deno.statSync(clean).isDirectory) {
    return { name: item(match, 1), step: Number(match[2]), path: clean };
  }
  const there = match === null ? listCheckpoints(clean).map(({ name }) => name) : [];
  const hint = there.length > 0 ? `. It holds ${there.join(", ")}: name one of them` : "";
  throw new Error(
    `Cannot resume as resume_from_checkpoint needs a directory checkpoint-N or true: current value is ${path}${
      exists(clean) ? "" : ", which isn't there"
    }${hint}`,
  );
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes a file or folder with all that it holds; nothing happens if it is not there. */
export function remove(path: string): void {
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}
