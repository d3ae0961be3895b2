/**
 * Doors of tasks: the process reads what a command line writes to, and runs the task in a Worker that may write there, to a
 * temporary folder of its own, and nowhere else; nor may plugins, packages and Workers in it. Deno can't narrow a permission to
 * paths once it is granted, but a Worker may get less than what starts it.
 *
 * The door loads little, so that a start costs a Worker's start and not the task's modules twice.
 * @module
 */
import { dirname, relative, resolve } from "@std/path";
import { fileURLToPath } from "node:url";

import { exists } from "../../formats/exists.ts";
import { defaultCacheDir } from "../../formats/hub/cache.ts";
import { cacheFolder } from "../../formats/cache_folder.ts";
import { isWithin } from "../../formats/is_within.ts";
import { type OwnTemporaryFolder, ownTemporaryFolder } from "../../formats/own_temporary_folder.ts";
import { BEHIND_DOOR, type DoorMessage } from "../common/process/behind_door.ts";
import { errorText, printError } from "../common/cli/print.ts";
import { ProjectLock } from "../common/config/project_lock.ts";
import { failOnLargeFiles } from "../common/process/size_limit.ts";
import { passSuspensionBy } from "../common/process/suspension.ts";
import { Watch } from "./watch.ts";

// what a door itself may not look at, where it is run with less than deno.json gives it
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Deno.errors.NotCapable)) return;
  event.preventDefault();
  printError(errorText(event.reason, false));
  Deno.exit(1);
});

/** Variables in which systems look for the folder of temporary files. */
const TEMPORARY = Deno.build.os === "windows" ? ["TMP", "TEMP"] : ["TMPDIR"];
const PREFIX = "dinotune-task-";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Files of a database of answers: SQLite makes some beside it. A folder that isn't there is made for it. */
export function databaseFiles(path: string): string[] {
  const files = ["", "-journal", "-wal", "-shm"].map((ending) => path + ending);
  try {
    return exists(dirname(path)) ? files : [...files, dirname(path)];
  } catch {
    // it can't be looked at, and the task says why
    return files;
  }
}

/** Folders of everything that can be made again: downloads, encoded data, prepared weights, answers. */
export function cacheFolders(): string[] {
  return [defaultCacheDir(), cacheFolder()];
}

/**
 * Runs a task that may write to some folders (or files) only. The process ends with the task.
 * @param task Module of the task: the main module of its Worker
 * @param write Paths; those that aren't there yet may be made. null: as the process, for what runs no code of others
 */
export function openDoor(task: URL, write: readonly string[] | null): void {
  const paths = (write ?? []).flatMap(withTarget);
  const enclosing = paths.find(enclosesProject);
  if (enclosing !== undefined) {
    printError(
      `error: Cannot write to ${enclosing} as a folder without this project's own code in it is needed: name another one`,
    );
    Deno.exit(1);
  }
  const denied = paths.find(isDenied);
  if (denied !== undefined) {
    printError(
      relative(ROOT, denied).startsWith("..")
        ? `error: Cannot write to ${denied} as this process has no permission to: run it as deno.json does, without --deny-write`
        : `error: Cannot write to ${denied} as it lies among this project's own code or files: name another folder`,
    );
    Deno.exit(1);
  }
  failOnLargeFiles();
  passSuspensionBy(printError);
  const lock = new ProjectLock();
  const temporary = temporaryFolder();
  // where the Worker ends without an order, something ended it
  Deno.exitCode = 1;
  const permissions: Deno.PermissionOptionsObject = {
    write: write === null ? "inherit" : [...paths, ...temporary === null ? [] : [temporary.path]],
    read: "inherit",
    net: "inherit",
    env: "inherit",
    sys: "inherit",
    run: "inherit",
    ffi: "inherit",
    import: "inherit",
  };
  const worker = new Worker(task, { type: "module", name: BEHIND_DOOR, deno: { permissions } });
  worker.onerror = (event) => {
    if (!/NotCapable/.test(event.message)) return;
    event.preventDefault();
    printError(errorText(new RangeError(event.message.replace(/^.*?NotCapable: /s, "")), false));
    end(1);
  };
  const end = (code: number) => {
    temporary?.release();
    Deno.exit(code);
  };
  const watch = new Watch(end);
  worker.onmessage = ({ data }: MessageEvent<DoorMessage>) => {
    if (data.lock) lock.restore();
    if (data.calls) watch.look(data.calls);
    if (data.heeds !== undefined) watch.heed(data.heeds);
    if (data.exit !== undefined) end(data.exit);
  };
  // nothing is left to wait for: the task's thread is gone, and said nothing
  addEventListener("beforeunload", () => {
    const { plugin } = watch;
    printError(
      `error: Cannot finish as something ended the task's own thread before its end${
        plugin === undefined ? "" : `: the plugin that was called last is ${plugin}`
      }`,
    );
    end(1);
  });
}

/** True if the process itself may not write there, so that no Worker can be allowed to. */
function isDenied(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "denied";
}

/** A folder for temporary files in the system's, which is given up with the process; null where there is none. */
function temporaryFolder(): OwnTemporaryFolder | null {
  try {
    const folder = ownTemporaryFolder(PREFIX);
    for (const name of TEMPORARY) Deno.env.set(name, folder.path);
    return folder;
  } catch {
    return null;
  }
}

/** A path, and where it leads if links are on its way: a permission is for paths, not for what they lead to. */
function withTarget(path: string): string[] {
  const absolute = resolve(path);
  for (let there = absolute;; there = dirname(there)) {
    try {
      const real = resolve(Deno.realPathSync(there), relative(there, absolute));
      return real === absolute ? [absolute] : [absolute, real];
    } catch {
      if (dirname(there) === there) return [absolute];
    }
  }
}

/** True if this project lies in a folder, which then can't be written to without writing to its code. */
export function enclosesProject(path: string): boolean {
  return isWithin(ROOT, resolve(path));
}
