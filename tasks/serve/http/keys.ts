/**
 * Keys that clients must show: read from a file or the environment, compared in constant time, never told.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";

import { ApiError } from "../api_error.ts";

/** Environment variable with keys, commas between them. */
export const KEYS_VARIABLE = "DINOTUNE_API_KEYS";

/** Keys as their SHA-256, so that comparing takes the same time for all of them. */
export class Keys {
  readonly #hashes: readonly Uint8Array[];

  /** @param keys None: every request may come in. */
  constructor(keys: readonly string[]) {
    this.#hashes = keys.map(hash);
  }

  /** True if a key is asked for. */
  get needed(): boolean {
    return this.#hashes.length > 0;
  }

  /**
   * Checks a request's headers `Authorization` and `x-api-key`, which Anthropic's clients send; one of the two is enough.
   * @throws {ApiError} 401 if they have no key, or another one
   */
  check(authorization: string | undefined, apiKey?: string | undefined): void {
    if (!this.needed) return;
    const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1],
      bare = /^ *(\S+) *$/.exec(apiKey ?? "")?.[1];
    // every key is compared, so that the time doesn't tell which one fits
    const fits = [bearer, bare].map((shown) => {
      const given = hash(shown ?? "");
      return this.#hashes.map((key) => timingSafeEqual(key, given)).includes(true) && shown !== undefined;
    });
    if (fits.includes(true)) return;
    const wrong = bearer !== undefined ? "Authorization" : bare !== undefined ? "x-api-key" : null;
    throw new ApiError(
      wrong === null
        ? "This server needs a key: send it as the header Authorization: Bearer KEY, or x-api-key: KEY"
        : `The key in the header ${wrong} isn't one of this server's`,
      { status: 401, type: "invalid_request_error", code: "invalid_api_key" },
    );
  }
}

/**
 * Keys of a file (one per line; empty lines and those that begin with # are left out) and of the environment.
 * @throws {RangeError} If the file holds no key, or a key has white space in it
 */
export function readClientKeys(file: string | null, variable: string | undefined): string[] {
  const lines = file === null ? [] : Deno.readTextFileSync(file).split("\n");
  const ofFile = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  if (file !== null && ofFile.length === 0) {
    throw new RangeError(
      `Cannot use ${file} for keys as it needs one per line: current value is an empty list`,
    );
  }
  const keys = [
    ...ofFile,
    ...(variable ?? "").split(",").map((key) => key.trim()).filter((key) => key !== ""),
  ];
  const wrong = keys.findIndex((key) => !/^\S+$/.test(key));
  if (wrong >= 0) {
    throw new RangeError(`Cannot use key ${wrong} as keys have no white space: its text isn't shown here`);
  }
  return keys;
}

function hash(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}
