/**
 * Fetches replies: nothing is followed, and nothing is read beyond a limit.
 * @module
 */
import { AnswerError } from "../failures.ts";
import { BodyReader } from "./body_reader.ts";
import type { Reply } from "./reply.ts";

/** Limits of {@linkcode fetchReply}. */
export interface FetchLimits {
  /** Most bytes of a reply, as they come from the network, unpacked. */
  maxBytes: number;
  /**
   * Most milliseconds without a piece of a stream, and most of what isn't one: bytes alone could drip for ever.
   * undefined: the caller's signal limits the whole.
   */
  idleMs?: number;
}

/**
 * Fetches a reply and puts it together.
 * @returns The server's answer as it is if its status is an error's; otherwise a {@linkcode Reply} as JSON
 * @throws {AnswerError} If the reply leads elsewhere, is too long or isn't what the protocol says
 * @throws {ReplyError} If a reply with a good status says that something failed
 */
export async function fetchReply(
  input: string | URL | Request,
  init: RequestInit | undefined,
  { maxBytes, idleMs }: FetchLimits,
): Promise<Response> {
  using idle = new Idle(idleMs, init?.signal ?? undefined);
  try {
    const response = await fetch(input, { ...init, redirect: "manual", signal: idle.signal });
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw leadsElsewhere(input, response);
    }
    if (!response.ok) {
      const body = new TextDecoder().decode(await bytesOf(response, maxBytes));
      return new Response(body, { status: response.status, headers: withoutEncoding(response.headers) });
    }
    return Response.json(await readReply(response, maxBytes, idle) satisfies Reply);
  } catch (error) {
    throw idle.late ?? error;
  }
}

/** Gives up when nothing came for a while. */
class Idle implements Disposable {
  readonly #controller = new AbortController();
  readonly #ms: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #begun = false;
  readonly signal: AbortSignal;
  late: AnswerError | undefined;

  constructor(ms: number | undefined, signal: AbortSignal | undefined) {
    this.#ms = ms;
    this.signal = AbortSignal.any([this.#controller.signal, ...(signal ? [signal] : [])]);
    this.#arm();
  }

  /** Something came. */
  heard(): void {
    this.#begun = true;
    this.#arm();
  }

  #arm(): void {
    if (this.#ms === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const seconds = this.#ms! / 1000;
      this.late = new AnswerError(
        "timeout",
        this.#begun
          ? `the stream stopped for ${seconds} s (args.timeout)`
          : `no answer in ${seconds} s; raise args.timeout if answers take long`,
      );
      this.#controller.abort();
    }, this.#ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

async function* partsOf(
  response: Response,
  maxBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxBytes) {
      throw new AnswerError("too_large", `the answer is longer than ${maxBytes} bytes (args.max_bytes)`);
    }
    yield part;
  }
}

async function bytesOf(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of partsOf(response, maxBytes)) parts.push(part);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function readReply(response: Response, maxBytes: number, idle: Idle): Promise<Reply> {
  const typed = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const body = new BodyReader(typed);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let pieces = 0;
  for await (const part of partsOf(response, maxBytes)) {
    body.feed(decoded(decoder, part));
    if (body.pieces > pieces) idle.heard();
    pieces = body.pieces;
  }
  body.feed(decoded(decoder));
  return body.end();
}

/**
 * The next characters; without a part, those that are left.
 * @throws {AnswerError} If there is a byte that no character has: the one put in its place would be judged as the model's
 */
function decoded(decoder: TextDecoder, part?: Uint8Array<ArrayBuffer>): string {
  try {
    return part === undefined ? decoder.decode() : decoder.decode(part, { stream: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AnswerError("malformed", "the answer isn't UTF-8: it has bytes that are no character");
  }
}

/** Another address would get messages and key, whichever it is. */
function leadsElsewhere(input: string | URL | Request, { status, headers }: Response): AnswerError {
  const from = new URL(input instanceof Request ? input.url : input);
  const location = headers.get("location");
  let target = "nowhere: there is no Location";
  try {
    // without user, password and query, which may be secrets
    if (location !== null) target = ((to) => `${to.origin}${to.pathname}`)(new URL(location, from));
  } catch {
    target = "something that is no address";
  }
  return new AnswerError(
    "redirect",
    `HTTP ${status} leads to ${target}, which isn't followed, as messages and key are for ${from.origin} only; ` +
      "set args.api_base to the address that answers, if it is one that you trust",
  );
}

/** The text is unpacked already. */
function withoutEncoding(headers: Headers): Headers {
  const left = new Headers(headers);
  left.delete("content-encoding");
  left.delete("content-length");
  return left;
}
