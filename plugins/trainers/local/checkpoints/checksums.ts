/**
 * checksums.json of a checkpoint: the SHA-256 of every file that a resumed run reads, so that a damaged one isn't trained on.
 * @module
 */
import { createHash } from "node:crypto";

import { join } from "@std/path";
import { z } from "zod";

import { writeFileAtomicSync } from "../../../../formats/atomic.ts";

/** Name of the file. */
export const CHECKSUMS = "checksums.json";

const Schema = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

/** Writes the checksums of files that are there, in their order. */
export function writeChecksums(directory: string, names: readonly string[]): void {
  const sums = Object.fromEntries(names.map((name) => [name, sha256(join(directory, name))]));
  writeFileAtomicSync(join(directory, CHECKSUMS), JSON.stringify(sums, null, 2) + "\n");
}

/** Names that no resumed run needs: other programs read them. */
const FOR_OTHERS = new Set(["trainer_state.json"]);

/**
 * Compares every file with its checksum.
 * @returns Names of the files that have one; null if there are no checksums
 * @throws {RangeError} If a file isn't the one that was written, or one that a resumed run needs is missing: names it
 */
export function verifyChecksums(directory: string): readonly string[] | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(directory, CHECKSUMS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const sums = parse(directory, text);
  for (const [name, expected] of Object.entries(sums)) {
    let actual: string;
    try {
      actual = sha256(join(directory, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (FOR_OTHERS.has(name)) continue;
      throw damaged(directory, name, "it is missing");
    }
    if (actual !== expected) {
      // one digit of checksums.json itself may be wrong
      const from = [...actual].findIndex((digit, i) => digit !== expected[i]);
      const part = (sum: string) => sum.slice(0, Math.max(12, from + 1));
      throw damaged(
        directory,
        name,
        `by ${CHECKSUMS} its SHA-256 begins with ${part(expected)}: current value is ${part(actual)}`,
      );
    }
  }
  return Object.keys(sums);
}

/** The error about a damaged file of a checkpoint. */
export function damaged(directory: string, name: string, why: string): RangeError {
  return new RangeError(
    `Cannot resume from ${directory} as ${name} is damaged: ${why}. ` +
      (FOR_OTHERS.has(name) ? "Remove that file, which a resumed run writes again, name" : "Name") +
      " an earlier checkpoint as resume_from_checkpoint, or start again in another output_dir",
  );
}

function parse(directory: string, text: string): Record<string, string> {
  try {
    return Schema.parse(JSON.parse(text));
  } catch {
    throw damaged(directory, CHECKSUMS, "it isn't a map of file names to SHA-256 sums");
  }
}

/** Of a file, read in pieces of 1 MiB. */
function sha256(path: string): string {
  const hash = createHash("sha256");
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(1 << 20);
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
