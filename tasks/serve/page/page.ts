/**
 * The page at `/`: plain files beside this one.
 * @module
 */
import { Hono } from "hono";

const SCRIPT = "text/javascript; charset=utf-8";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/tokens.css": ["../../common/page/tokens.css", "text/css; charset=utf-8"],
  "/controls.css": ["../../common/page/controls.css", "text/css; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", SCRIPT],
  "/answer_view.js": ["answer_view.js", SCRIPT],
  "/end_in_sight.js": ["end_in_sight.js", SCRIPT],
  "/requests.js": ["requests.js", SCRIPT],
  "/settings.js": ["settings.js", SCRIPT],
} as const;

/** Only this server's own files run, and only it is asked. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Routes of the page's files. */
export function pageRoutes(): Hono {
  const app = new Hono();
  for (const [path, [file, type]] of Object.entries(FILES)) {
    app.get(path, async (c) =>
      c.body(await Deno.readTextFile(new URL(file, import.meta.url)), 200, {
        "content-type": type,
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      }));
  }
  return app;
}
