/**
 * The output folder of a run: one owner at a time, what may be written over, which checkpoint a run resumes from.
 *
 * From {@linkcode OutputDirectory.begin} to {@linkcode OutputDirectory.publish} the folder holds no finished files (weights,
 * results, model card): those of an earlier run go together before run.yaml of the new one is there, and the new ones come
 * together at the end. A kill at any moment leaves files of one run only.
 * @module
 */
import { join, relative, resolve } from "@std/path";

import { sweepTemporaryFiles } from "../../../../formats/atomic.ts";
import { type DirectoryLock, LOCK_FILE, lockDirectory } from "../../../../formats/directory_lock.ts";
import { exists } from "../../../../formats/exists.ts";
import { isWithin } from "../../../../formats/is_within.ts";
import { provisionalFolder } from "../../../../formats/provisional_folder.ts";
import {
  type Checkpoint,
  checkpointAt,
  cleanPartial,
  isCheckpoint,
  lastCheckpoint,
  listCheckpoints,
  remove,
} from "../../../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";
import { checkFolderPlace } from "../../../common/folders/folder_place.ts";
import {
  FINISHED_FILES,
  FOLDERS_OF_RUNS,
  isFinished,
  LOG_FILES,
  publishStaged,
  STAGING,
  sweepStaged,
} from "./run_files.ts";

/** Options of {@linkcode OutputDirectory}; names are the configuration's. */
export interface OutputDirectoryRequest {
  /** The folder to write to. */
  output_dir: string;
  /** True if an earlier run may be taken away. */
  overwrite_output_dir: boolean;
  /** True: the last checkpoint; `auto`: the last one if there is one; other text: the path of one. */
  resume_from_checkpoint: boolean | string | null;
  /** Paths that the run will read (model, adapter, data); a run is refused where it would take one away. */
  inputs?: readonly string[];
  /** True if the finished run in the folder is the requested one, so that `auto` leaves it as it is, without a checkpoint too. */
  isThisRun?: () => boolean;
  /** Checkpoint of another folder at which the unfinished run in the folder began, from which `auto` goes on where it has saved none; null: none. */
  beganAt?: () => string | null;
}

/** The output folder of one run, locked from the constructor until it is disposed. */
export class OutputDirectory implements Disposable {
  /** The checkpoint to continue from; null: from the start. */
  readonly resumeFrom: Checkpoint | null;
  /** True if the folder holds a finished run and the request continues from its end. */
  readonly isFinished: boolean;
  /** True if the file system can lock; if not, nothing keeps a second run away. */
  readonly isLocked: boolean;
  readonly #path: string;
  readonly #folder: Disposable;
  readonly #lock: DirectoryLock;
  readonly #leftovers: readonly string[];
  readonly #superseded: readonly Checkpoint[];
  readonly #inputs: readonly string[];

  /**
   * Makes the folder if it is missing, locks it, clears what a killed process left half-written, and decides where to start.
   * Files of an earlier run are still there afterwards.
   * @throws {Error} If another process writes to it, if it isn't empty and neither overwriting nor resuming was asked for,
   * if it can't be made, if there is no such checkpoint, or if the run reads what it would take away
   */
  constructor(request: OutputDirectoryRequest) {
    const { output_dir: directory, inputs = [] } = request;
    this.#path = directory;
    this.#inputs = inputs;
    this.#folder = provisionalFolder(directory, "output_dir");
    try {
      this.#lock = lockDirectory(directory, "write to");
    } catch (error) {
      this.#folder[Symbol.dispose]();
      throw error;
    }
    this.isLocked = this.#lock.isHeld;
    try {
      cleanPartial(directory);
      sweepTemporaryFiles(directory);
      sweepStaged(directory);
      const entries = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
        name !== LOCK_FILE
      )
        .sort();
      this.resumeFrom = checkpointToResume(request);
      const { resumeFrom } = this;
      const goesOnHere = resumeFrom !== null && isWithin(resumeFrom.path, directory);
      const isDone = resumeFrom === null && isDoneAlready(request);
      if (isDone) {
        this.#leftovers = [];
        this.#superseded = [];
      } else if (goesOnHere) {
        this.#leftovers = entries.filter((name) => FINISHED_FILES.test(name));
        this.#superseded = listCheckpoints(directory).filter(({ step }) => step > resumeFrom.step);
      } else {
        this.#leftovers = leftovers(request, entries);
        this.#superseded = [];
      }
      this.isFinished = isDone || (goesOnHere && this.#superseded.length === 0 && isFinished(directory));
      if (!this.isFinished) checkInputs(directory, this.#leftovers, inputs);
    } catch (error) {
      this.#lock[Symbol.dispose]();
      this.#folder[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Makes room for the run, once everything that it takes is there.
   * @returns Names of what an earlier run had left and is gone now, for telling the user
   * @throws {Error} If the run reads something of it
   */
  begin(): string[] {
    checkInputs(this.#path, this.#leftovers, this.#inputs);
    for (const name of this.#leftovers) {
      // the new one takes its place: until then it may tell that the run began in another folder, which a kill in between must not take away
      if (name === "run.yaml" && this.resumeFrom !== null) continue;
      const files = FOLDERS_OF_RUNS.get(name);
      if (files) removeFiles(join(this.#path, name), files);
      else remove(join(this.#path, name));
    }
    // A run that continues from an earlier checkpoint leaves later ones behind, which aren't its own.
    for (const { name, path } of this.#superseded) {
      const aside = join(this.#path, `superseded-${name}`);
      remove(aside);
      Deno.renameSync(path, aside);
    }
    Deno.mkdirSync(this.staging, { recursive: true });
    return [...this.#leftovers];
  }

  /** A folder in the output folder, there from {@linkcode OutputDirectory.begin} on, for the files of the finished run. */
  get staging(): string {
    return join(this.#path, STAGING);
  }

  /** Puts the staged files into the output folder. If it is killed in between, the next start does the rest. */
  publish(): void {
    publishStaged(this.#path);
  }

  /** Gives the folder back; one that was made here goes again where nothing was written. */
  [Symbol.dispose](): void {
    sweepStaged(this.#path);
    this.#lock[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

/**
 * Refuses what the constructor would refuse, and neither makes nor locks anything: for a dry run.
 * @throws {Error} As {@linkcode OutputDirectory}
 */
export function checkOutputDirectory(request: OutputDirectoryRequest): void {
  const { output_dir: directory, inputs = [] } = request;
  const held = checkFolderPlace(directory, "output_dir");
  const resumeFrom = checkpointToResume(request);
  if (held !== resolve(directory) || (resumeFrom !== null && isWithin(resumeFrom.path, directory))) return;
  if (resumeFrom === null && isDoneAlready(request)) return;
  // hidden ones may be what a killed process left half-written, which the run clears
  const entries = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    !name.startsWith(".")
  );
  checkInputs(directory, leftovers(request, entries.sort()), inputs);
}

function checkpointToResume(
  { output_dir, resume_from_checkpoint: resume, beganAt }: OutputDirectoryRequest,
): Checkpoint | null {
  if (resume === null || resume === false) return null;
  if (typeof resume === "string" && resume !== "auto") return checkpointAt(resume);
  const last = lastCheckpoint(output_dir);
  if (last !== null) return last;
  if (resume === "auto") return checkpointElsewhere(output_dir, beganAt?.() ?? null);
  throw new Error(
    `Cannot resume as ${output_dir} needs a checkpoint: current value holds none. Leave resume_from_checkpoint out to ` +
      "start from the beginning, set it to auto to resume only if there is one, or give the path of a checkpoint",
  );
}

/** @throws {Error} If the run began at a checkpoint that is gone: beginning at step 0 would be another run */
function checkpointElsewhere(directory: string, path: string | null): Checkpoint | null {
  if (path === null) return null;
  if (exists(path)) return checkpointAt(path);
  throw new Error(
    `Cannot go on with the run in ${directory} as it began at ${path}, which isn't there any more, and has saved no checkpoint: put that one back, or ` +
      "begin at step 0 with overwrite_output_dir: true and without resume_from_checkpoint",
  );
}

/** True if `auto` finds the requested run finished, of which no checkpoint is left. */
function isDoneAlready(
  { output_dir, overwrite_output_dir, resume_from_checkpoint, isThisRun }: OutputDirectoryRequest,
): boolean {
  return resume_from_checkpoint === "auto" && !overwrite_output_dir && isFinished(output_dir) &&
    isThisRun?.() === true;
}

/** Files that a run from the beginning removes. */
function leftovers(request: OutputDirectoryRequest, entries: readonly string[]): string[] {
  const { output_dir: directory, overwrite_output_dir: overwrite, resume_from_checkpoint: resume } = request;
  const isRun = entries.includes("run.yaml") || entries.includes("trainer_log.jsonl");
  const isOwn = (name: string) =>
    LOG_FILES.test(name) || FOLDERS_OF_RUNS.has(name) || isCheckpoint(directory, name) ||
    // names such as config.json and README.md are a run's only beside its log
    /^adapter_(config\.json|model\.safetensors)$/.test(name) ||
    (isRun && (FINISHED_FILES.test(name) || name === "run.yaml" || /^superseded-checkpoint-\d+$/.test(name)));
  const own = entries.filter(isOwn);
  // `auto`, and a checkpoint of another folder, begin again what was killed before its first checkpoint
  const isUnfinished = own.length === entries.length && lastCheckpoint(directory) === null &&
    !isFinished(directory);
  if (entries.length === 0 || overwrite || (typeof resume === "string" && isUnfinished)) return own;
  const last = lastCheckpoint(directory);
  const goOn = last
    ? `resume_from_checkpoint: true (continues from ${last.name}), `
    : isUnfinished
    ? "resume_from_checkpoint: auto (starts again what was killed before its first checkpoint), "
    : "";
  throw new Error(
    `Cannot write to ${directory} as an empty directory is needed: current value holds ${entries.length} entries, ` +
      `such as ${
        entries[0]
      }. Use ${goOn}overwrite_output_dir: true (takes the old run away), or another output_dir`,
  );
}

function checkInputs(directory: string, leftovers: readonly string[], inputs: readonly string[]): void {
  const gone = leftovers.filter((name) => !FOLDERS_OF_RUNS.has(name));
  for (const input of inputs) {
    const isFolder = relative(resolve(directory), resolve(input)) === "";
    const holder = gone.find((name) => isWithin(input, join(directory, name))) ??
      // the folder itself as a model or an adapter: its weights are among what goes
      (isFolder ? gone.find((name) => FINISHED_FILES.test(name)) : undefined);
    if (isFolder && holder === undefined) {
      throw new Error(
        `Cannot write to ${directory} as the run reads it, and files of the same names would be written over. ` +
          "Choose another output_dir",
      );
    }
    if (holder === undefined) continue;
    throw new Error(
      `Cannot overwrite ${directory} as the run reads ${input}, which would be taken away with ${holder}. ` +
        `Choose another output_dir`,
    );
  }
}

function removeFiles(directory: string, names: RegExp): void {
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (isFile && names.test(name)) Deno.removeSync(join(directory, name));
  }
}
