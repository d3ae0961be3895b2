/**
 * Listening: connections of the server and their end.
 *
 * By Node's server and not by `Deno.serve`, whose requests of more than 512 bytes don't learn that their client has left until a
 * reply is begun (`findings/client_that_left.sh`): the answer would be made to its end for nobody, and keep its place.
 * @module
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";

/** Bytes of a request's head, at most: longer ones get 431 from the platform. */
const HEAD_BYTES = 64 * 1024;

/** Milliseconds in which the rest of a body that was refused may come; then its connection ends. */
const REST_MS = 500;

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
 * @param fault Gets what goes wrong with connections later on
 * @throws {RangeError} If something else listens there
 * @throws {Error} If the platform doesn't let it listen
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  host: string,
  port: number,
  fault: (error: unknown) => void,
): Promise<Listening> {
  // a connection that is kept for the next request has no time limit: a client could ask just when it ends
  const server = createServer(
    { maxHeaderSize: HEAD_BYTES, keepAliveTimeout: 0 },
    // its own way with bodies that nobody has read ends a connection after half a second though the body has come, beneath the next reply
    getRequestListener(fetch, { overrideGlobalObjects: false, autoCleanupIncoming: false }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  }).catch((error) => {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    throw new RangeError(
      `Cannot listen at ${host}:${port} as something else does: choose another --port, or 0 for a free one`,
    );
  });
  server.on("error", fault);
  let answering = 0, onNone = () => {};
  server.on("request", (request, reply) => {
    answering++;
    reply.once("close", () => {
      passOver(request);
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
