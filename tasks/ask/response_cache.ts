/**
 * Answers of models, kept across runs in one SQLite file under a hash of everything that decided them. Errors are never kept.
 * Each answer is written the moment it arrives, so a process that is killed has lost none.
 *
 * A name doesn't say which weights answer: behind a server's address another model may answer under the same name tomorrow. So
 * unless a configuration asks for it, only answers that are made on this machine are kept ({@linkcode Endpoint.onThisMachine}).
 * @module
 */
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { z } from "zod";

import { makeFolder } from "../../formats/atomic.ts";
import { cacheFolder } from "../../formats/cache_folder.ts";
import { exists, statOrNull } from "../../formats/exists.ts";
import { shortened } from "../../formats/message.ts";
import { sealedJson, unsealed } from "../../formats/sealed_json.ts";
import type { Completion, CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { productIdentity } from "../../plugins/kinds/product_identity.ts";

/** Part of every key: change it when the meaning of a stored answer changes. */
const CODE_VERSION = 2;

/** File of a cache that a configuration names none for. */
function cacheIn(folder: string): string {
  return join(folder, "responses.sqlite");
}

/** Key of a request: SHA-256 over endpoint plugin, model, messages, sampling and round. */
export function requestKey(endpoint: Endpoint, request: CompletionRequest, round = 0): string {
  const { messages, temperature, top_p, max_tokens, seed, stop, extra, schema } = request;
  return hashOf([
    CODE_VERSION,
    productIdentity(endpoint),
    endpoint.model,
    endpoint.identity ?? null,
    messages.map(({ role, content }) => [role, content]),
    [temperature, top_p, max_tokens, seed ?? null, stop ?? null, extra ?? null, schema ?? null],
    round,
  ]);
}

/** SHA-256 of a value as JSON with sorted keys. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value, sorted) ?? "").digest("hex");
}

function sorted(_key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
    : value;
}

/** Whose answers are kept across runs, in which file, and for how many seconds. */
export type CacheChoice = boolean | string | { path?: string | undefined; max_age?: number | undefined };

/** Use of a cache. */
export interface CacheUse {
  /** True if answers of servers are kept too, as the configuration asks for it; default: yes. */
  servers?: boolean;
  /** Answers older than so many seconds are asked for again; default: however old. */
  maxAge?: number;
  /** True if answers are only written, not read; default: no. */
  fresh?: boolean;
  /** Milliseconds since 1970; default: the clock. */
  now?: () => number;
}

/** An answer, and when it was made. */
export interface KeptAnswer {
  /** The endpoint's reply. */
  answer: Completion;
  /** ISO 8601. */
  made: string;
}

/** The cache; several processes may use the same file at once. */
export class ResponseCache implements Disposable {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #use: CacheUse;
  readonly #path: string;

  /**
   * Opens or makes the file.
   * @param path File; `:memory:` keeps nothing
   * @param use Age and scope of answers to use
   * @throws {RangeError} If it isn't a cache of answers, or can't be opened
   */
  constructor(path: string, use: CacheUse = {}) {
    this.#use = use;
    try {
      // a task may not be allowed to make one that is there
      if (path !== ":memory:" && !exists(dirname(path))) makeFolder(dirname(path));
      this.#database = new DatabaseSync(path);
      // what is committed survives a kill; a power cut may take the last answers, never the file
      this.#database.exec(`
        PRAGMA busy_timeout = 10000;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL;
        PRAGMA wal_autocheckpoint = 8000;
        CREATE TABLE IF NOT EXISTS answers (
          key TEXT PRIMARY KEY, model TEXT NOT NULL, answer TEXT NOT NULL, made INTEGER NOT NULL
        ) WITHOUT ROWID;
      `);
      this.#get = this.#database.prepare("SELECT answer, made FROM answers WHERE key = ?");
      this.#put = this.#database.prepare(
        "INSERT OR REPLACE INTO answers (key, model, answer, made) VALUES (?, ?, ?, ?)",
      );
      this.#remove = this.#database.prepare("DELETE FROM answers WHERE key = ?");
    } catch (error) {
      throw unusable(path, error);
    }
    this.#path = path;
  }

  /** @throws {RangeError} If the file is damaged, or its disk is full */
  #do<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw unusable(this.#path, error);
    }
  }

  #now(): number {
    return (this.#use.now ?? Date.now)();
  }

  /** True if answers of this endpoint are kept. */
  serves({ cacheable, onThisMachine }: Endpoint): boolean {
    return cacheable !== false && (this.#use.servers !== false || onThisMachine === true);
  }

  /** The answer under a key, and when it was made; undefined where there is none, or it is too old. */
  find(key: string): KeptAnswer | undefined {
    if (this.#use.fresh) return undefined;
    const row = this.#do(() => this.#get.get(key)) as { answer: string; made: number } | undefined;
    if (row === undefined || this.#now() - row.made > 1000 * (this.#use.maxAge ?? Infinity)) return undefined;
    const answer = answerIn(row.answer);
    return answer && { answer, made: new Date(row.made).toISOString() };
  }

  /** The answer under a key, if there is one. */
  get(key: string): Completion | undefined {
    return this.find(key)?.answer;
  }

  /** Keeps an answer; anything but a finished one is ignored. */
  put(key: string, model: string, answer: Completion): void {
    if (!isKept(answer)) return;
    this.#do(() => this.#put.run(key, model, sealedJson(answer), this.#now()));
  }

  /** Removes an answer, such as a judge's that couldn't be read. */
  remove(key: string): void {
    this.#do(() => this.#remove.run(key));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function unusable(path: string, cause: unknown): RangeError {
  const isFolder = statOrNull(path)?.isDirectory === true;
  const why = isFolder ? "it is a folder, and a file is needed" : shortened((cause as Error).message, 400);
  // SQLite's words, as errors have its codes in some cases only (seen with Deno 2.9.6); a file is removed only where it is what is wrong
  const remedy = isFolder
    ? "name a file in it"
    : /\bfull\b/.test(why)
    ? "free some space, name a file on another disk"
    : /unable to open|readonly|Cannot write/.test(why)
    ? "name a file in a folder that may be written to"
    : "remove the file";
  return new RangeError(
    `Cannot use ${shortened(path, 400)} as a cache of answers: ${why}; ${remedy}, or set cache: false`,
    { cause },
  );
}

const Kept = z.looseObject({
  outcome: z.enum(["stop", "length"]),
  text: z.string(),
  promptTokens: z.number().min(0),
  completionTokens: z.number().min(0),
});

/** A kept answer; undefined for one that isn't as it was written, so that it is asked for again. */
function answerIn(text: string): Completion | undefined {
  try {
    return Kept.parse(unsealed(new TextEncoder().encode(text)).value) as Completion;
  } catch {
    return undefined;
  }
}

/**
 * The cache that a configuration asks for; null where it is off.
 * @param fresh True if it is only written
 * @param make True if a missing file is made; if not, it counts as empty
 * @param folder Where the file lies that the configuration names none for
 * @throws {RangeError} If it names no path, or what lies there isn't a cache of answers
 */
export function openCache(
  { cache }: { cache: CacheChoice },
  fresh = false,
  { make = true, folder = cacheFolder() }: { make?: boolean; folder?: string | undefined } = {},
): ResponseCache | null {
  if (cache === false) return null;
  const path = cachePath(cache, folder);
  if (!make && !exists(path)) return null;
  if (cache === "auto") return new ResponseCache(path, { servers: false, fresh });
  if (cache === true || typeof cache === "string") return new ResponseCache(path, { fresh });
  const { max_age } = cache;
  return new ResponseCache(path, { fresh, ...(max_age !== undefined && { maxAge: max_age }) });
}

function cachePath(cache: Exclude<CacheChoice, false>, folder: string): string {
  if (cache === true || cache === "auto") return cacheIn(folder);
  return typeof cache === "string" ? fileName(cache) : cache.path ?? cacheIn(folder);
}

/** A misspelt word isn't taken for the name of a new file. */
function fileName(cache: string): string {
  if (/[/\\.:]/.test(cache) || exists(cache)) return cache;
  throw new RangeError(
    `Cannot keep answers as cache needs auto, true, false or a path: current value is ${
      JSON.stringify(shortened(cache, 100))
    }; write ./${shortened(cache, 100)} for a file of that name in the current folder`,
  );
}

/** Finished answers with a text: errors and empty answers are asked again in another run. */
export function isKept({ outcome, text }: Completion): boolean {
  return (outcome === "stop" || outcome === "length") && text.trim() !== "";
}
