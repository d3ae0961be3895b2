/**
 * Files that stand where a model's or a data set's should be: what `git clone` without Git LFS leaves, and a web page that was saved.
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";

/** Bytes that tell. */
const START = 200;

/** First line of a pointer: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\//;
const WEB_PAGE = /^\s*<(!doctype\s+html|html)\b/i;

/**
 * What a file is in place of the one that its name promises, and what to do, or null.
 * @param start Its first bytes or its text, 20 characters or more
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { notTheFile } from "./not_the_file.ts";
 *
 * assertEquals(notTheFile("version https://git-lfs.github.com/spec/v1\noid sha256:…")?.slice(0, 22), "it is a pointer of Git");
 * assertEquals(notTheFile('{"a": 1}'), null);
 * ```
 */
export function notTheFile(start: Uint8Array | string): string | null {
  const text = typeof start === "string" ? start.slice(0, START) : decoded(start.subarray(0, START));
  if (isPointer(text)) {
    return "it is a pointer of Git LFS, not the file itself. Fetch that with `git lfs pull`, or download it";
  }
  if (WEB_PAGE.test(text)) {
    return "it is a web page, not the file itself. Download that: its address on the hub has /resolve/ in place of /blob/";
  }
  return null;
}

/** @throws {SyntaxError} If the file is a pointer of Git LFS; a file that can't be opened is left to its reader */
export function refusePointer(path: string): void {
  const start = new Uint8Array(START);
  let handle: number;
  try {
    handle = openSync(path, "r");
  } catch {
    return;
  }
  try {
    const text = decoded(start.subarray(0, readSync(handle, start)));
    if (isPointer(text)) throw new SyntaxError(`Cannot read ${path}: ${notTheFile(text)}`);
  } finally {
    closeSync(handle);
  }
}

const isPointer = (text: string) => POINTER.test(text);
const decoded = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
