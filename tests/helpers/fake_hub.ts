/**
 * A stand-in for the hub, for tests.
 * @module
 */
import { createHash } from "node:crypto";

/** Commit of the branch main. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
/** Commit of the branch with the conversion to parquet. */
export const CONVERTED_COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

interface Branch {
  commit: string;
  files: ReadonlyMap<string, Uint8Array>;
}

/** The repository of a {@linkcode FakeHub}. */
interface FakeRepository {
  name: string;
  kind: "models" | "datasets";
  /** Files of the branch `refs/convert/parquet`. */
  converted: ReadonlyMap<string, Uint8Array>;
}

/** Faults of a stand-in for the hub. */
export interface Faults {
  /** Files whose first request breaks off after so many bytes. */
  breakAfter?: Record<string, number>;
  /** Files that are sent with one byte changed. */
  corrupt?: string[];
  /** Files whose requests break off always, after so many bytes of what was asked for. */
  breakAlways?: Record<string, number>;
  /** Answers ranges by the whole file. */
  ignoreRanges?: boolean;
  /** Only this token may read. */
  token?: string;
  /** Answers a request by itself, or leaves it to the stand-in (undefined). */
  answer?: (url: URL, request: Request) => Response | undefined;
}

/** A stand-in for the hub that speaks the three requests that are needed. */
export class FakeHub implements AsyncDisposable {
  readonly log: string[] = [];
  readonly authorizations = new Set<string | null>();
  readonly endpoint: string;
  readonly #branches: ReadonlyMap<string, Branch>;
  readonly #kind: string;
  readonly #faults: Faults;
  readonly #name: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(
    files: ReadonlyMap<string, Uint8Array>,
    faults: Faults = {},
    { name = "tiny/qwen2", kind = "models", converted }: Partial<FakeRepository> = {},
  ) {
    this.#name = name;
    this.#kind = kind;
    this.#branches = new Map([
      ["main", { commit: COMMIT, files }],
      ...(converted
        ? [["refs/convert/parquet", { commit: CONVERTED_COMMIT, files: converted }] as const]
        : []),
    ]);
    this.#faults = faults;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => this.#answer(request),
    );
    this.endpoint = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  #answer(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    this.authorizations.add(authorization);
    const own = this.#faults.answer?.(new URL(request.url), request);
    if (own) return own;
    if (this.#faults.token && authorization !== `Bearer ${this.#faults.token}`) {
      return Response.json({ error: "Invalid username or password." }, { status: 401 });
    }
    const api = `/api/${this.#kind}/${this.#name}`;
    const prefix = `${this.#kind === "models" ? "" : `/${this.#kind}`}/${this.#name}/resolve/`;
    for (const [branch, { commit, files }] of this.#branches) {
      if (decodeURIComponent(pathname) === `${api}/revision/${branch}`) {
        return Response.json({
          ...{ _id: "1", id: this.#name, author: "tiny", sha: commit },
          lastModified: "2024-01-01T00:00:00.000Z",
        });
      }
      if (pathname === `${api}/tree/${commit}`) {
        const all = [...files].filter(([path]) =>
          searchParams.get("recursive") === "true" || !path.includes("/")
        );
        return Response.json(all.map(([path, bytes]) => this.#entry(path, bytes)));
      }
      const name = decodeURIComponent(pathname.slice(`${prefix}${commit}/`.length));
      const bytes = files.get(name);
      if (pathname.startsWith(`${prefix}${commit}/`) && bytes) {
        return this.#send(name, bytes, request.headers.get("range"));
      }
    }
    return Response.json({ error: "Repository not found" }, { status: 404 });
  }

  #entry(path: string, bytes: Uint8Array): Record<string, unknown> {
    const git = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
    const entry = { type: "file", path, size: bytes.length, oid: git };
    if (!/\.(safetensors|parquet)$/.test(path)) return entry;
    const oid = createHash("sha256").update(bytes).digest("hex");
    return { ...entry, lfs: { oid, size: bytes.length, pointerSize: 130 } };
  }

  #send(name: string, bytes: Uint8Array, range: string | null): Response {
    const { breakAfter = {}, corrupt = [], breakAlways = {}, ignoreRanges = false } = this.#faults;
    this.log.push(range ? `${name} ${range}` : name);
    const start = range && !ignoreRanges ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
    let body = bytes.slice(start);
    if (corrupt.includes(name)) body[body.length - 1]! ^= 1;
    const limit = breakAlways[name] ?? breakAfter[name];
    delete breakAfter[name];
    const headers = new Headers({ "content-length": String(body.length) });
    if (start > 0) headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
    const status = start > 0 ? 206 : 200;
    if (limit === undefined) return new Response(body, { status, headers });
    body = body.slice(0, limit);
    let given = false;
    const stream = new ReadableStream({
      async pull(controller) {
        if (!given && body.length > 0) {
          given = true;
          return controller.enqueue(body);
        }
        // asked for more: what was given is on its way, and the server waits now
        await new Promise((resolve) => setTimeout(resolve, 50));
        controller.close(); // less than content-length announces
      },
    }, { highWaterMark: 0 });
    return new Response(stream, { status, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
