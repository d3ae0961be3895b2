/**
 * A running server: opened, listening, and stopped so that what is under way is finished.
 * @module
 */
import type { Registry } from "../../plugins/registry.ts";
import { THOUGHT_TAGS } from "../../plugins/kinds/thoughts/thoughts.ts";
import { isLoopbackHost } from "../common/loopback.ts";
import { makeApp } from "./app.ts";
import { Keys } from "./http/keys.ts";
import { checkPort, listen } from "./http/listen.ts";
import { unreadable } from "./http/unreadable.ts";
import { Metrics } from "./counts/metrics.ts";
import { Models, type ModelsOptions } from "./models.ts";
import { Places } from "./places.ts";

/** Options of a server. */
export interface ServerOptions extends ModelsOptions {
  /** Where it listens. */
  host: string;
  /** 0: any free one. */
  port: number;
  /** Keys that clients must show; none: every request may come in. */
  keys: readonly string[];
  /** Answers that may wait for a place, ≥ 0. */
  queue: number;
  /** Bytes of a request's body, at most. */
  maxBody: number;
  /** Tokens of one answer, at most; null: as many as the context has room for. */
  maxTokens: number | null;
  /** True if clients may load and unload adapters. */
  loadAdapters: boolean;
  /** Origins of web pages that may ask, beside those of this machine; `*`: any. Default none. */
  origins?: readonly string[];
  /** Called with one line per request. */
  log(line: string): void;
  /** Gets what went wrong inside. */
  fault(error: unknown): void;
}

/** Milliseconds in which streams that are given up tell their clients so; then the rest isn't waited for. */
const LAST_WORDS_MS = 1000;

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  /** Address, without a path. */
  base: string;
  /** Its opened models; closed with it. */
  models: Models;
  /** Takes no more requests, waits for those under way (at most so many milliseconds and a second) and frees everything. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Opens the model and listens.
 * @throws {RangeError} If something can't be opened, or it would listen to others without a key
 */
export async function startServer(options: ServerOptions, registry: Registry): Promise<RunningServer> {
  const { host, port, maxBatch, queue, keys, maxTokens, maxBody, loadAdapters, origins = [], log, fault } =
    options;
  const loopback = isLoopbackHost(host);
  if (!loopback && keys.length === 0) {
    throw new RangeError(
      `Cannot listen at ${host}, where others reach it, without a key: give --keys FILE or DINOTUNE_API_KEYS, or listen at 127.0.0.1`,
    );
  }
  await checkPort(host, port);
  const models = await Models.open(options, registry);
  for (const note of models.list().flatMap(({ local }) => local.notes)) log(`warning: ${note}`);
  const ending = new AbortController();
  const places = new Places(maxBatch, queue);
  const metrics = new Metrics(places);
  const service = {
    models,
    places,
    metrics,
    limits: { maxTokens },
    tags: THOUGHT_TAGS,
    ending: ending.signal,
  };
  const app = makeApp(service, {
    keys: new Keys(keys),
    maxBody,
    loadAdapters,
    loopback,
    origins,
    log,
    fault,
  });
  const listening = await listen(
    { fetch: (request) => app.fetch(request), unreadable: unreadable(metrics, log), fault },
    host,
    port,
  )
    .catch(async (error) => {
      await models.close();
      throw error;
    });
  let stopped: Promise<void> | undefined;
  const stopOnce = (graceMs: number) => stopped ??= stopServer({ listening, ending, models }, graceMs);
  const urlHost = host.includes(":") ? `[${host}]` : host;
  return {
    base: `http://${urlHost}:${listening.port}`,
    models,
    stop: stopOnce,
    [Symbol.asyncDispose]: () => stopOnce(0),
  };
}

/** Lets requests under way end, for so many milliseconds; then streams are told that they are given up, and the rest is cut. */
async function stopServer(
  { listening, ending, models }: {
    listening: Awaited<ReturnType<typeof listen>>;
    ending: AbortController;
    models: Models;
  },
  graceMs: number,
): Promise<void> {
  const timer = setTimeout(() => ending.abort(new Error("the server is stopping")), graceMs);
  // a client that reads no more of its stream, or sent half a request, would be waited for without end
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const last = setTimeout(resolve, graceMs + LAST_WORDS_MS);
  try {
    await Promise.race([listening.close(), late]);
  } finally {
    clearTimeout(timer);
    clearTimeout(last);
    listening.cut();
    await models.close();
  }
}
