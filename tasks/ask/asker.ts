/**
 * Asks endpoints for a whole run: through the cache, with retries, within a limit of requests at once that adapts itself,
 * within a budget. Errors that every request would meet stop the run.
 * @module
 */
import type { Completion, CompletionRequest, Endpoint, Failure } from "../../plugins/kinds/endpoint.ts";
import { withThoughtApart } from "../../plugins/kinds/thoughts/thoughts.ts";
import { AdaptiveLimit, type Clock, realClock } from "./adaptive_limit.ts";
import { requestKey, type ResponseCache } from "./response_cache.ts";
import { Silence } from "./silence.ts";
import { Stopped } from "./stopped.ts";
import type { Meter } from "./usage.ts";

/** Options of asking. */
export interface AskerOptions {
  /** Where answers are kept; null: nowhere. */
  cache: ResponseCache | null;
  /** Told of each answer that comes from the cache, with the time when it was made. */
  onCached?: (endpoint: Endpoint, made: string) => void;
  /** Told once of each name that a server gives to the model that answers, where it isn't the one asked for. */
  onOtherModel?: (endpoint: Endpoint, answeredBy: string) => void;
  /** Counter of requests and tokens. */
  meter: Meter;
  /** Requests to one endpoint at once, at most. */
  concurrency: number;
  /** Requests to one endpoint at once, to begin with. */
  start: number;
  /** Requests that failed at an earlier start and may fail again, which says nothing about others; default: 0. */
  failedBefore?: number;
  /** Times that a request is sent again after an error. */
  retries: number;
  /** Aborted to stop. */
  signal: AbortSignal;
  /** Clock to wait by; the system's by default. */
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
}

/** The result of asking. */
export interface Asked {
  /** The outcome, thought and answer apart. */
  completion: Completion;
  /** True if the cache had it. */
  cached: boolean;
  /** When the answer was made, ISO 8601. */
  made: string;
  /** Milliseconds from sending to receiving, the last time; 0 when cached. */
  ms: number;
}

/**
 * So many items in a row that fail, none ever having worked, stop the run, beside those that failed before. Where there are such, or the
 * cache has others' answers, it goes on, but further items aren't asked a second time until one works. Timeouts take too long for
 * that: so many requests in a row stop the run whatever worked before.
 */
const HOPELESS = 20;
const LONGEST_WAIT_MS = 30_000;
const CONGESTION: readonly Failure["kind"][] = ["rate_limit", "server", "timeout"];

/** See the module's text. */
export class Asker {
  readonly #options: AskerOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  readonly #limits = new Map<Endpoint, AdaptiveLimit>();
  readonly #inFlight = new Map<string, Promise<Asked>>();
  readonly #worked = new Set<Endpoint>();
  /** Endpoints whose answers the cache had: they worked at another start. */
  readonly #workedBefore = new Set<Endpoint>();
  readonly #otherModels = new Map<Endpoint, Set<string>>();
  readonly #failuresInRow = new Map<Endpoint, number>();
  readonly #silent = new Map<Endpoint, Silence>();
  readonly #faulty = new Set<Endpoint>();
  #stopped: Stopped | null = null;

  /**
   * Sends nothing yet.
   * @param options Limits, retries and stores
   */
  constructor(options: AskerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    if (options.signal.aborted) this.#interrupt();
    options.signal.addEventListener("abort", this.#interrupt, { once: true });
  }

  #interrupt = (): void => {
    this.#stopWith(new Stopped("signal", "stopped by request"));
  };

  /** Why the run stopped, or null; of several endpoints that can't be asked, each one's reason that came until now. */
  get stopped(): Stopped | null {
    return this.#stopped;
  }

  /**
   * Asks; where answers are kept, the same request at the same time is sent once.
   * @param round As in {@linkcode requestKey}
   * @throws {Stopped} If the run stops before the request is sent
   */
  async ask(endpoint: Endpoint, request: CompletionRequest, round = 0): Promise<Asked> {
    const key = requestKey(endpoint, request, round);
    const { cache: whole = null, onCached } = this.#options;
    const cache = whole?.serves(endpoint) ? whole : null;
    const kept = cache?.find(key);
    if (kept !== undefined) {
      this.#options.meter.hit();
      this.#workedBefore.add(endpoint);
      onCached?.(endpoint, kept.made);
      this.#tellOtherModel(endpoint, kept.answer);
      return apart(endpoint, { completion: kept.answer, cached: true, made: kept.made, ms: 0 });
    }
    // without a cache no answer is anybody else's: two samples of the same prompt are two
    if (cache === null) {
      return apart(endpoint, await this.#askWithRetries(endpoint, request, null, key));
    }
    const running = this.#inFlight.get(key);
    if (running !== undefined) return apart(endpoint, this.#shared(await running));
    const asked = this.#askWithRetries(endpoint, request, cache, key);
    this.#inFlight.set(key, asked);
    try {
      return apart(endpoint, await asked);
    } finally {
      this.#inFlight.delete(key);
    }
  }

  /** The same request's answer for another who waited for it, as if the cache had had it; an error is as much its own. */
  #shared(asked: Asked): Asked {
    if (asked.completion.failure !== undefined) return asked;
    this.#options.meter.hit();
    return { ...asked, cached: true, ms: 0 };
  }

  /** Removes an answer from the cache, such as a judge's that isn't a whole verdict. */
  forget(endpoint: Endpoint, request: CompletionRequest, round: number): void {
    const { cache } = this.#options;
    if (cache?.serves(endpoint)) cache.remove(requestKey(endpoint, request, round));
  }

  async #askWithRetries(
    endpoint: Endpoint,
    request: CompletionRequest,
    cache: ResponseCache | null,
    key: string,
  ): Promise<Asked> {
    for (let attempt = 0;; attempt++) {
      const asked = await this.#askOnce(endpoint, request, key, attempt > 0);
      const { completion } = asked;
      if (completion.failure === undefined) {
        // before anything else can happen: a process killed after this line has the answer
        cache?.put(key, endpoint.model, completion);
        this.#worked.add(endpoint);
        this.#failuresInRow.delete(endpoint);
        return asked;
      }
      const last = !completion.failure.retryable || attempt >= this.#options.retries ||
        (this.#failuresInRow.get(endpoint) ?? 0) >= HOPELESS;
      this.#stopIfHopeless(endpoint, completion, last);
      if (last) return asked;
      const base = waitBefore(completion.failure.kind, attempt);
      const wait = Math.max(base * (0.5 + this.#random()), completion.failure.retryAfterMs ?? 0);
      await this.#clock.sleep(wait, this.#stop.signal);
    }
  }

  async #askOnce(
    endpoint: Endpoint,
    request: CompletionRequest,
    key: string,
    retry: boolean,
  ): Promise<Asked> {
    const limit = this.#limitOf(endpoint);
    const begun = await limit.acquire(this.#stop.signal);
    if (begun === null) throw this.#stopped!;
    let completion: Completion | undefined;
    try {
      const spent = this.#options.meter.spent();
      if (spent !== null) throw this.#stopWith(new Stopped("budget", spent));
      this.#options.meter.sent(retry, endpoint);
      // requests under way are let finish when the run stops: their answers are paid for
      completion = await endpoint.complete(request, new AbortController().signal);
      this.#options.meter.received(completion, endpoint);
      this.#tellOtherModel(endpoint, completion);
      // before the turn is given back, so that nobody who waits for it sends another request
      if (completion.failure?.fatal) {
        throw this.#stopBy(endpoint, new Stopped("fatal", completion.error ?? ""));
      }
      this.#stopIfSilent(endpoint, completion, key, begun);
      const made = new Date().toISOString();
      return { completion, cached: false, made, ms: this.#clock.now() - begun };
    } finally {
      limit.release(
        begun,
        signOf(completion),
        completion?.failure?.retryAfterMs,
        Math.max(1, completion?.completionTokens ?? 1),
      );
    }
  }

  #tellOtherModel(endpoint: Endpoint, { answeredBy }: Completion): void {
    if (answeredBy === undefined) return;
    const told = this.#otherModels.get(endpoint) ?? new Set();
    if (told.has(answeredBy)) return;
    this.#otherModels.set(endpoint, told.add(answeredBy));
    this.#options.onOtherModel?.(endpoint, answeredBy);
  }

  #limitOf(endpoint: Endpoint): AdaptiveLimit {
    let limit = this.#limits.get(endpoint);
    if (limit === undefined) {
      const { concurrency, start } = this.#options;
      limit = new AdaptiveLimit(start, Math.min(concurrency, endpoint.concurrency ?? Infinity), this.#clock);
      this.#limits.set(endpoint, limit);
    }
    return limit;
  }

  #stopIfHopeless(endpoint: Endpoint, completion: Completion, last: boolean): void {
    const { failure, error = "" } = completion;
    if (this.#worked.has(endpoint)) return;
    if (failure?.kind === "refused") throw this.#stopBy(endpoint, new Stopped("fatal", error));
    if (!last) return;
    const failures = (this.#failuresInRow.get(endpoint) ?? 0) + 1;
    this.#failuresInRow.set(endpoint, failures);
    // whose answers are kept, only what failed then is asked for now
    if (this.#workedBefore.has(endpoint)) return;
    const most = HOPELESS + (this.#options.failedBefore ?? 0);
    if (failures >= most && endpoint.cacheable !== false) {
      throw this.#stopBy(
        endpoint,
        new Stopped(
          "fatal",
          `the first ${failures} requests all failed, the last one so: ${error}`,
          failure?.retryable === true,
        ),
      );
    }
  }

  /** Lasts as long as one request with all its retries would, so that a server that hangs for a while is waited for. */
  #stopIfSilent(endpoint: Endpoint, { failure, error = "" }: Completion, key: string, begun: number): void {
    if (failure?.kind !== "timeout") {
      this.#silent.delete(endpoint);
      return;
    }
    const silence = this.#silent.get(endpoint) ?? new Silence();
    this.#silent.set(endpoint, silence);
    silence.add(key, begun, this.#clock.now());
    const { retries, failedBefore = 0 } = this.#options;
    if (!silence.isHopeless(HOPELESS + failedBefore, Math.max(2, retries + 1))) return;
    throw this.#stopBy(
      endpoint,
      new Stopped("fatal", `${silence.text}; the last one: ${error}`, failure.retryable),
    );
  }

  /** A panel's members are asked at once: who is told of the first alone finds the second after mending that. */
  #stopBy(endpoint: Endpoint, stopped: Stopped): Stopped {
    const before = this.#stopped;
    if (before?.why === "fatal" && !this.#faulty.has(endpoint)) {
      const both = `${before.message}; ${stopped.message}`;
      this.#stopped = new Stopped("fatal", both, before.passing && stopped.passing);
    }
    this.#faulty.add(endpoint);
    return this.#stopWith(stopped);
  }

  #stopWith(stopped: Stopped): Stopped {
    this.#stopped ??= stopped;
    this.#stop.abort();
    return this.#stopped;
  }

  /** Stops listening. */
  close(): void {
    this.#options.signal.removeEventListener("abort", this.#interrupt);
  }
}

/** Sign of the server's load in an answer; undefined: it wasn't asked. */
function signOf(completion: Completion | undefined): "good" | "neutral" | "congested" {
  const kind = completion?.failure?.kind;
  if (kind === undefined) return completion === undefined ? "neutral" : "good";
  return CONGESTION.includes(kind) ? "congested" : "neutral";
}

/**
 * Milliseconds before a retry. An isolated error is gone the next moment, a server that restarts takes a minute: short waits
 * that grow fast serve both. Whoever has too much to do is left alone for longer at first.
 */
function waitBefore(kind: Failure["kind"], attempt: number): number {
  const wait = kind === "rate_limit" || kind === "timeout" ? 500 * 2 ** attempt : 100 * 4 ** attempt;
  return Math.min(wait, LONGEST_WAIT_MS);
}

/** The cache keeps what came, so that other tags need no other request; what is handed on has its thought set apart. */
function apart(endpoint: Endpoint, asked: Asked): Asked {
  return { ...asked, completion: withThoughtApart(asked.completion, endpoint.thoughtTags) };
}
