/**
 * One file from the hub to the cache: continued where an earlier attempt stopped, checked by size and hash.
 *
 * `downloadFileToCacheDir` of @huggingface/hub neither continues nor checks, hence this.
 * @module
 */
import { createHash } from "node:crypto";

import { NoRoomError, writeError } from "../atomic.ts";
import { exists } from "../exists.ts";
import { RefusedReply } from "./guarded_fetch.ts";
import { Dripped, StallTimer } from "./stall.ts";
import { checkStop, unlessStopped } from "./stop.ts";

/** A file to fetch. */
export interface RemoteFile {
  /** For messages. */
  readonly name: string;
  /** Full address. */
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** Hash of `algorithm`, lower-case hexadecimal. */
  readonly hash: string;
  /** `sha256` of the content for large files, git's `sha1` of "blob <size>\0" and the content for others. */
  readonly algorithm: "sha256" | "git-sha1";
}

/** Options of a download. */
export interface DownloadOptions {
  /** Adds what the server wants (a token); the global one by default. */
  readonly fetch: typeof fetch;
  /** Called with the bytes of this file that are there, after every piece. */
  readonly onBytes?: ((received: number) => void) | undefined;
  /** Attempts without a byte of progress before giving up, > 0. */
  readonly attempts: number;
  /** Milliseconds without a byte after which an attempt has failed, > 0. */
  readonly idleTime: number;
  /** Milliseconds with fewer than 1,000 bytes after which all attempts have failed, > 0. */
  readonly dripTime: number;
  /** Milliseconds before the second attempt; doubled for each further one. */
  readonly retryDelay: number;
}

/** Thrown when the server answers with an error status. */
export class StatusError extends Error {
  /** The HTTP status. */
  readonly status: number;

  /** @param status The HTTP status. */
  constructor(status: number, message: string) {
    super(message);
    this.name = "StatusError";
    this.status = status;
  }
}

/**
 * Fetches a file to `target`. What has arrived stays in `target + ".incomplete"` when it fails, and is continued by the
 * next call; another process that fetches the same file is waited for.
 * @throws {StatusError} If the server refuses (4xx).
 * @throws {DownloadStopped} If downloads are to stop
 * @throws {Error} If the connection breaks again and again, the disk is full, or the content isn't what was announced.
 */
export async function downloadFile(
  target: string,
  remote: RemoteFile,
  options: DownloadOptions,
): Promise<void> {
  const incomplete = `${target}.incomplete`;
  using file = writing(target, () => Deno.openSync(incomplete, { read: true, write: true, create: true }));
  await unlessStopped(file.lock(true));
  if (exists(target)) { // another process finished it while this one waited
    if (exists(incomplete)) Deno.removeSync(incomplete);
    return;
  }
  let delay = options.retryDelay;
  for (let failures = 0;;) {
    const before = file.statSync().size;
    if (before >= remote.size) break;
    try {
      await receive(remote, { file, target, from: before }, options);
    } catch (error) {
      checkStop();
      if (error instanceof StatusError && error.status < 500 && error.status !== 429) throw error;
      if (error instanceof RefusedReply || error instanceof Dripped) throw error;
      if (error instanceof NoRoomError) throw error;
      failures = file.statSync().size > before ? 1 : failures + 1;
      if (failures >= options.attempts) {
        const { size } = file.statSync();
        throw new Error(
          `Cannot download ${remote.name}: the connection broke after ${size} of ${remote.size} bytes ` +
            `(${(error as Error).message}). Run again to continue from there`,
          { cause: error },
        );
      }
      await unlessStopped(new Promise((resolve) => setTimeout(resolve, delay)));
      delay *= 2;
    }
  }
  verify(file, remote, incomplete);
  writing(target, () => {
    file.syncSync();
    Deno.renameSync(incomplete, target);
  });
}

function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Appends what the server sends from byte `from` on. */
async function receive(
  remote: RemoteFile,
  { file, target, from }: { file: Deno.FsFile; target: string; from: number },
  options: DownloadOptions,
): Promise<void> {
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (from > 0) headers.range = `bytes=${from}-`;
  using stall = new StallTimer({ idle: options.idleTime, drip: options.dripTime });
  const response = await options.fetch(remote.url, { headers, signal: stall.signal });
  const range = response.headers.get("content-range");
  const continued = response.status === 206 && range?.startsWith(`bytes ${from}-`) === true;
  if (!response.ok || response.body === null || (response.status === 206 && !continued)) {
    await response.body?.cancel();
    throw new StatusError(response.status, `the server answered ${response.status} ${range ?? ""}`.trim());
  }
  let received = continued ? from : 0;
  // A server that knows no ranges sends all again.
  if (!continued) file.truncateSync(0);
  file.seekSync(received, Deno.SeekMode.Start);
  for await (const piece of response.body) {
    stall.heard(piece.length);
    writing(target, () => {
      for (let sent = 0; sent < piece.length;) sent += file.writeSync(piece.subarray(sent));
    });
    received += piece.length;
    options.onBytes?.(received);
    if (received > remote.size) break;
  }
  if (received < remote.size) throw new Error("the connection closed early");
}

function verify(file: Deno.FsFile, remote: RemoteFile, path: string): void {
  const { size } = file.statSync();
  const hash = createHash(remote.algorithm === "sha256" ? "sha256" : "sha1");
  if (remote.algorithm === "git-sha1") hash.update(`blob ${size}\0`);
  const buffer = new Uint8Array(1 << 22);
  file.seekSync(0, Deno.SeekMode.Start);
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  const found = hash.digest("hex");
  if (size === remote.size && found === remote.hash) return;
  Deno.removeSync(path);
  throw new Error(
    `Cannot use the download of ${remote.name}: it has ${size} bytes and ${remote.algorithm} ${found}, announced were ` +
      `${remote.size} bytes and ${remote.hash}. It was removed: run again`,
  );
}
