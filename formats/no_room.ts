/**
 * Causes for which a file has no room: a full disk, a used up quota, a limit on files' sizes.
 * @module
 */

/** One cause. */
export interface NoRoom {
  /** As a sentence goes on behind "as". */
  what: string;
  /** To be done about it. */
  todo: string;
}

const CAUSES: readonly (NoRoom & { code: string; said: RegExp })[] = [
  {
    code: "ENOSPC",
    // the number is Windows'
    said: /No space left on device|not enough space on the disk|\(os error 112\)/,
    what: "the disk is full",
    todo: "Free some space or choose another directory, then run again",
  },
  {
    code: "EDQUOT",
    said: /Dis[ck] quota exceeded/,
    what: "this user's share of the disk (quota) is used up",
    todo: "Remove some files of this user's or choose a directory on another disk, then run again",
  },
  {
    code: "EFBIG",
    said: /File too large/,
    what:
      "files of this size aren't allowed here, by a limit of this process (`ulimit -f` shows it) or of the file system",
    todo: "Raise that limit or choose another file system, then run again",
  },
];

/**
 * The cause that the operating system's error has; undefined: another one.
 * @param code Name of the error, where it has one
 * @param message Its text
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { noRoom } from "./no_room.ts";
 *
 * assertEquals(noRoom(undefined, "No space left on device (os error 28): mkdir '/x'")?.what, "the disk is full");
 * assertEquals(noRoom("EACCES", "Permission denied (os error 13)"), undefined);
 * ```
 */
export function noRoom(code: string | undefined, message: string): NoRoom | undefined {
  return CAUSES.find((cause) => cause.code === code || cause.said.test(message));
}
