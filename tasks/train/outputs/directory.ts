/**
 * Rules of the output directory: what may be written over, and its checkpoints. A checkpoint is `checkpoint-N`, N being
 * its step; it is written under a name that starts with a dot and renamed when whole, so every `checkpoint-N` is whole.
 * @module
 */
import { isAbsolute, join, relative } from "@std/path";

import { writeError } from "../../../formats/atomic.ts";

/** One whole checkpoint. */
export interface Checkpoint {
  /** `checkpoint-N`. */
  name: string;
  /** Optimizer steps done in it. */
  step: number;
  /** Its directory. */
  path: string;
}

/** What {@linkcode prepareOutputDirectory} takes; names are the configuration's. */
export interface OutputDirectoryRequest {
  /** The directory to write to. */
  output_dir: string;
  /** Whether an earlier run may be taken away. */
  overwrite_output_dir: boolean;
  /** True: the last checkpoint; text: the path of one. */
  resume_from_checkpoint: boolean | string | null;
  /** Paths that the run will read (model, adapter, data); overwriting is refused where it would take one away. */
  inputs?: readonly string[];
}

/** What {@linkcode prepareOutputDirectory} did. */
export interface PreparedDirectory {
  /** The checkpoint to go on from; null: from the start. */
  resumeFrom: Checkpoint | null;
  /** Names of what an earlier run had left and is gone now, for telling the user. */
  removed: string[];
  /** Checkpoints beyond the one resumed from, as they are named now. */
  setAside: string[];
}

/** Files and folders of an earlier run that `overwrite_output_dir` takes away; others are left alone. */
const ownFiles =
  /^(trainer_log\.jsonl|trainer_state\.json|(train|eval|all)_results\.json|training_[\w.-]+\.(png|svg)|metrics\.csv)$/;

/**
 * Makes the output directory ready: creates it, clears half-written checkpoints, finds the checkpoint to resume from or
 * makes room for a new run.
 * @throws {Error} If it isn't empty and neither overwriting nor resuming was asked for, if it can't be made, or if there
 * is no such checkpoint.
 */
export function prepareOutputDirectory(request: OutputDirectoryRequest): PreparedDirectory {
  const { output_dir: directory, overwrite_output_dir: overwrite, resume_from_checkpoint: resume } = request;
  try {
    Deno.mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw writeError(error, directory);
  }
  cleanPartial(directory);
  if (resume !== null && resume !== false) {
    const resumeFrom = resume === true ? lastOrThrow(directory) : checkpointAt(resume);
    return { resumeFrom, removed: [], setAside: setAsideBeyond(directory, resumeFrom.step) };
  }
  const entries = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  if (entries.length === 0) return { resumeFrom: null, removed: [], setAside: [] };
  if (!overwrite) {
    const last = lastCheckpoint(directory);
    const goOn = last ? `resume_from_checkpoint: true (goes on from ${last.name}), ` : "";
    throw new Error(
      `Cannot write to ${directory} as an empty directory is needed: current value holds ${entries.length} entries, ` +
        `such as ${
          entries[0]
        }. Use ${goOn}overwrite_output_dir: true (takes the old run away), or another output_dir`,
    );
  }
  const removed = entries.filter((name) =>
    ownFiles.test(name) || isCheckpoint(directory, name) || name === "runs"
  );
  for (const input of request.inputs ?? []) {
    const holder = removed.find((name) => name !== "runs" && isWithin(input, join(directory, name)));
    if (holder === undefined) continue;
    throw new Error(
      `Cannot overwrite ${directory} as the run reads ${input}, which would be taken away with ${holder}. ` +
        `Choose another output_dir`,
    );
  }
  for (const name of removed) {
    if (name === "runs") removeEventFiles(join(directory, name));
    else Deno.removeSync(join(directory, name), { recursive: true });
  }
  return { resumeFrom: null, removed, setAside: [] };
}

/** Whole checkpoints, lowest step first. None if the directory doesn't exist. */
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
    const whole = join(directory, match[1]!);
    if (match[2] === "old" && !exists(whole)) Deno.renameSync(join(directory, name), whole);
    else remove(join(directory, name));
  }
}

/** Any directory with the right name is ours, because it got that name only when it was whole. */
function isCheckpoint(directory: string, name: string): boolean {
  return /^checkpoint-\d+$/.test(name) && Deno.statSync(join(directory, name)).isDirectory;
}

/**
 * Renames checkpoints of later steps to `superseded-checkpoint-N`: a run that goes on from an earlier one leaves them
 * behind, and they must be neither resumed from nor counted as the latest.
 */
function setAsideBeyond(directory: string, step: number): string[] {
  return listCheckpoints(directory).filter((checkpoint) => checkpoint.step > step).map(({ name, path }) => {
    const aside = `superseded-${name}`;
    remove(join(directory, aside));
    Deno.renameSync(path, join(directory, aside));
    return aside;
  });
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return !way.startsWith("..") && !isAbsolute(way);
}

function lastOrThrow(directory: string): Checkpoint {
  const last = lastCheckpoint(directory);
  if (last !== null) return last;
  throw new Error(
    `Cannot resume as ${directory} needs a checkpoint: current value holds none. Leave resume_from_checkpoint out to ` +
      `start from the beginning, or give the path of a checkpoint`,
  );
}

function checkpointAt(path: string): Checkpoint {
  const clean = path.replace(/[/\\]+$/, "");
  const match = /(?:^|[/\\])(checkpoint-(\d+))$/.exec(clean);
  if (match !== null && exists(clean) && Deno.statSync(clean).isDirectory) {
    return { name: match[1]!, step: Number(match[2]), path: clean };
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

function remove(path: string): void {
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}

function removeEventFiles(directory: string): void {
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (isFile && name.startsWith("events.out.tfevents.")) Deno.removeSync(join(directory, name));
  }
}
