/**
 * Listening: connections of the server and their end.
 *
 * By Node's server and not by `Deno.serve`, whose requests of more than 512 bytes don't learn that their client has left until a
 * reply is begun (`findings/client_that_left.sh`): the answer would be made to its end for nobody, and keep its place.
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import {
  type AddressInfo,
  createServer as createSocketServer,
  type Server as SocketServer,
  type Socket,
} from "node:net";
import { getRequestListener } from "@hono/node-server";

/** Bytes of a request's head, at most: longer ones get 431. */
export const HEAD_BYTES: number = 64 * 1024;

/** Milliseconds in which the rest of a request that was refused may come; then its connection ends. */
const REST_MS = 500;

/** What is listened for. */
export interface Listener {
  /** Answers a request. */
  fetch(request: Request): Response | Promise<Response>;
  /** Answers what can't be read as a request: 431 for a head that is too long, 400 for what isn't HTTP, from its start or in a body's chunks. */
  unreadable(status: 400 | 431, part: "head" | "body"): Response;
  /** Gets what goes wrong with connections later on. */
  fault(error: unknown): void;
}

/** An open port. */
export interface Listening {
  /** Its number. */
  port: number;
  /** Takes no more connections; resolves when the requests under way are answered. */
  close(): Promise<void>;
  /** Ends all connections at once. */
  cut(): void;
}

/**
 * Opens a port. A request's signal fires when its client leaves before the reply's end.
 * @param port 0: any free one
 * @throws {RangeError} If something else listens there
 * @throws {Error} If the platform doesn't let it listen
 */
export async function listen(
  { fetch, unreadable, fault }: Listener,
  host: string,
  port: number,
): Promise<Listening> {
  // a connection that is kept for the next request has no time limit: a client could ask just when it ends
  const server = createServer(
    { maxHeaderSize: HEAD_BYTES, keepAliveTimeout: 0 },
    // its own way with bodies that nobody has read ends a connection after half a second though the body has come, beneath the next reply
    getRequestListener(fetch, { overrideGlobalObjects: false, autoCleanupIncoming: false }),
  );
  await bind(server, host, port);
  server.on("error", fault);
  let answering = 0, onNone = () => {};
  const inReply = new WeakMap<Socket, InReply>(),
    refused = new WeakSet<Socket>();
  server.on("clientError", (error: { code?: string }, socket: Socket) => {
    // once for each piece that comes
    if (refused.has(socket)) return;
    refused.add(socket);
    const { request, reply, before } = inReply.get(socket) ?? {};
    const inBody = request?.complete === false;
    // of a body that can't be read, nothing more comes: its request is refused where no byte of a reply is in the way
    const isInTheWay = inBody && (reply?.headersSent || before?.writableFinished === false);
    if (!socket.writable || !error.code?.startsWith("HPE_") || isInTheWay) socket.destroy();
    else if (reply !== undefined && !inBody) reply.once("close", () => socket.destroy());
    else {
      const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
      refuse(socket, unreadable(status, inBody ? "body" : "head")).catch(fault);
    }
  });
  server.on("request", (request, reply) => {
    const { socket } = request;
    answering++;
    inReply.set(socket, { request, reply, before: inReply.get(socket)?.reply });
    reply.once("close", () => {
      passOver(request);
      // the next one may have come before this one's end
      if (inReply.get(socket)?.reply === reply) inReply.delete(socket);
      if (--answering === 0) onNone();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // a connection that hasn't asked anything yet, as browsers open them, counts as busy for the platform
      const none = new Promise<void>((resolve) => {
        onNone = resolve;
        if (answering === 0) resolve();
      });
      return Promise.race([closed, none]);
    },
    cut: () => server.closeAllConnections(),
  };
}

/**
 * Tries whether a port can be listened at, and leaves it free: known before a model is opened for minutes.
 * @throws As {@linkcode listen} does
 */
export async function checkPort(host: string, port: number): Promise<void> {
  const server = createSocketServer();
  await bind(server, host, port);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

async function bind(server: SocketServer, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  }).catch((error) => {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    throw new RangeError(
      `Cannot listen at ${host}:${port} as something else does: choose another --port, or 0 for a free one`,
    );
  });
}

/** The request of a connection that came last, until its reply's end. */
interface InReply {
  request: IncomingMessage;
  reply: ServerResponse;
  /** Reply to the request before it, where that had no end yet. */
  before: ServerResponse | undefined;
}

/** Writes a reply to what was no request, and ends its connection. */
async function refuse(socket: Socket, reply: Response): Promise<void> {
  const body = await reply.text(), length = new TextEncoder().encode(body).length;
  const headers = [...reply.headers, ["content-length", String(length)], ["connection", "close"]];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\n${lines}\r\n${body}`);
  // what is still to come is read, so that its sender sees the reply
  socket.resume();
  Deno.unrefTimer(setTimeout(() => socket.destroy(), REST_MS));
}

/** Reads what is left of a body whose request has its reply, as the next request stands behind it. */
function passOver(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  // the web stream over it stops it when its own place for chunks is full
  request.removeAllListeners("data");
  request.resume();
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, REST_MS);
  Deno.unrefTimer(timer);
}
