/**
 * Answers of models, kept across runs in one SQLite file under a hash of everything that decided them. Errors are never kept.
 * Each answer is written the moment it arrives, so a process that is killed has lost none.
 * @module
 */
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { DatabaseSync, type StatementSync } from "node:sqlite";

import type { Completion, CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { productIdentity } from "../../plugins/kinds/product_identity.ts";

/** Part of every key: change it when the meaning of a stored answer changes. */
const CODE_VERSION = 1;

/** The cache folder: DINOTUNE_CACHE, else `dinotune` in XDG_CACHE_HOME or ~/.cache. */
export function defaultCachePath(): string {
  const own = Deno.env.get("DINOTUNE_CACHE");
  const base = own || join(Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "dinotune");
  return join(base, "responses.sqlite");
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

/** The cache; several processes may use the same file at once. */
export class ResponseCache implements Disposable {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;

  /**
   * Opens or makes the file.
   * @param path File; `:memory:` keeps nothing
   * @throws {RangeError} If it isn't a cache of answers, or can't be opened
   */
  constructor(path: string) {
    if (path !== ":memory:") Deno.mkdirSync(dirname(path), { recursive: true });
    try {
      this.#database = new DatabaseSync(path);
      // what is committed survives a kill; a power cut may take the last answers, never the file
      this.#database.exec(`
        PRAGMA busy_timeout = 10000;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL;
        PRAGMA wal_autocheckpoint = 8000;
        CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, model TEXT NOT NULL, answer TEXT NOT NULL) WITHOUT ROWID;
      `);
      this.#get = this.#database.prepare("SELECT answer FROM responses WHERE key = ?");
      this.#put = this.#database.prepare(
        "INSERT OR REPLACE INTO responses (key, model, answer) VALUES (?, ?, ?)",
      );
    } catch (error) {
      throw new RangeError(
        `Cannot use ${path} as a cache of answers: ${
          (error as Error).message
        }; remove the file, or set cache: false`,
        { cause: error },
      );
    }
  }

  /** The answer under a key, if there is one. */
  get(key: string): Completion | undefined {
    const row = this.#get.get(key) as { answer: string } | undefined;
    return row === undefined ? undefined : JSON.parse(row.answer) as Completion;
  }

  /** Keeps an answer; anything but a finished one is ignored. */
  put(key: string, model: string, answer: Completion): void {
    if (!isKept(answer)) return;
    this.#put.run(key, model, JSON.stringify(answer));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** Finished answers with a text: errors and empty answers are asked again in another run. */
export function isKept({ outcome, text }: Completion): boolean {
  return (outcome === "stop" || outcome === "length") && text.trim() !== "";
}
