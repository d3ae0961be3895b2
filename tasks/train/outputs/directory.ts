/**
 * Rules of the output directory: what may be written over, and which checkpoint a run resumes from.
 * @module
 */
import { isAbsolute, join, relative } from "@std/path";

import { writeError } from "../../../formats/atomic.ts";
import {
  type Checkpoint,
  checkpointAt,
  cleanPartial,
  isCheckpoint,
  lastCheckpoint,
  listCheckpoints,
  remove,
} from "../../../plugins/trainers/local/checkpoint_directory.ts";

/** What {@linkcode prepareOutputDirectory} takes; names are the configuration's. */
export interface OutputDirectoryRequest {
  /** The directory to write to. */
  output_dir: string;
  /** Whether an earlier run may be taken away. */
  overwrite_output_dir: boolean;
  /** True: the last checkpoint; `auto`: the last one if there is one; other text: the path of one. */
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
  const resumes = resume === "auto"
    ? lastCheckpoint(directory) !== null
    : resume !== null && resume !== false;
  if (resumes) {
    const resumeFrom = typeof resume === "string" && resume !== "auto"
      ? checkpointAt(resume)
      : lastOrThrow(directory);
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

function removeEventFiles(directory: string): void {
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (isFile && name.startsWith("events.out.tfevents.")) Deno.removeSync(join(directory, name));
  }
}
