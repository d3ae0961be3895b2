/**
 * Faults of files in words, in place of the operating system's.
 * @module
 */
import { noRoom } from "./no_room.ts";

const WORDS: Readonly<Record<string, string>> = {
  "No such file or directory": "there is no such file or folder",
  "Is a directory": "it is a folder, and a file is needed",
  "Not a directory": "a part of its path is a file, and a folder is needed",
  "Permission denied": "this user isn't allowed to",
  "Read-only file system": "it is on a read-only file system",
  "File name too long": "a name in it is too long for the disk, or the whole path for the system",
};
/** Faults of writing alone, whatever the call is. */
const NO_ROOM = ["No space left on device", "Disk quota exceeded", "Disc quota exceeded", "File too large"];
const FAULT = new RegExp(
  `(${[...Object.keys(WORDS), ...NO_ROOM].join("|")}) \\(os error \\d+\\)(?:: (\\w+) '([^']*)')?`,
);
const WRITING = /^(?:copyfile|link|mkdir|remove|rename|rmdir|symlink|truncate|unlink|utime|writefile)$/;

/**
 * A message with the operating system's words made human-readable; others stay as they are.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withFileFault } from "./file_fault.ts";
 *
 * const missing = "No such file or directory (os error 2): readfile 'a.json'";
 * assertEquals(withFileFault(missing), "Cannot read a.json as there is no such file or folder");
 * assertEquals(withFileFault(`judge/mine: ${missing}`), "judge/mine: Cannot read a.json as there is no such file or folder");
 * assertEquals(
 *   withFileFault("the argument model=m: Permission denied (os error 13): stat 'm'"),
 *   "the argument model=m: Cannot read m as this user isn't allowed to",
 * );
 * assertEquals(
 *   withFileFault("Cannot write long: File name too long (os error 36): mkdir 'long'"),
 *   "Cannot write long: a name in it is too long for the disk, or the whole path for the system",
 * );
 * assertEquals(withFileFault("No space left on device (os error 28): open 'b'"), "Cannot write b as the disk is full");
 * assertEquals(withFileFault("Cannot read b: Is a directory (os error 21): readfile 'b'"), "Cannot read b: it is a folder, and a file is needed");
 * ```
 */
export function withFileFault(message: string): string {
  const found = FAULT.exec(message);
  if (found === null) return message;
  const [whole, fault = "", call = "", path = ""] = found, room = noRoom(undefined, fault);
  // told already, with the system's words behind it
  if (room !== undefined && message.includes(room.what)) return message;
  const words = room?.what ?? WORDS[fault] ?? fault;
  if (room !== undefined && message === whole && path === "") return `Cannot write a file as ${words}`;
  // a message that names the file already keeps its own words around these
  const before = message.slice(0, found.index);
  const isNamed = path === "" || (before.includes(path) && /\bCannot\b/.test(before));
  const verb = room !== undefined || fault === "Read-only file system" || WRITING.test(call)
    ? "write"
    : "read";
  return message.replace(whole, () => isNamed ? words : `Cannot ${verb} ${path} as ${words}`);
}
