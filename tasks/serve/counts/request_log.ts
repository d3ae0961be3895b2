/**
 * One line of the log per request, and its count: no contents.
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";

import { knownPath } from "../http/known_paths.ts";
import type { Metrics } from "./metrics.ts";
import type { Told } from "./told.ts";

/** Variables of a request: `told` is filled in while it is answered; `requestId`: see http/request_id.ts. */
export interface ToldVariables {
  Variables: { told: Told; requestId: string };
}

/**
 * Counts and logs requests.
 * @param log Gets a line when a request has its whole reply
 */
export function logged(
  { metrics }: { metrics: Pick<Metrics, "replied"> },
  log: (line: string) => void,
): MiddlewareHandler<ToldVariables> {
  return async (c, next) => {
    const begun = performance.now();
    c.set("told", {});
    await next();
    const path = knownPath(c) ?? "other";
    metrics.replied(path, c.res.status);
    const line = () => log(logLine(c, path, performance.now() - begun));
    // a stream's counts are known when it is over, or its client has left
    if (c.res.headers.get("content-type")?.startsWith("text/event-stream") && c.res.body !== null) {
      const cancel = () => {
        (c.get("told") as Told).finish ??= "gone";
        line();
      };
      const counted = c.res.body.pipeThrough(new TransformStream({ flush: line, cancel }));
      c.res = new Response(counted, c.res);
    } else line();
  };
}

function logLine(c: Context<ToldVariables>, path: string, ms: number): string {
  const told = c.get("told");
  const parts = [
    new Date().toISOString(),
    c.req.method,
    path,
    c.res.status,
    `${Math.round(ms)} ms`,
    c.get("requestId"),
    ...told.model === undefined ? [] : [told.model],
    ...told.promptTokens === undefined ? [] : [`${told.promptTokens}+${told.completionTokens} tokens`],
    ...told.finish === undefined ? [] : [told.finish],
  ];
  return parts.join(" ");
}
