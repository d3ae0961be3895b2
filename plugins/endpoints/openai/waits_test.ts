import { assertEquals } from "@std/assert";

import { retryAfter, waitIn } from "./waits.ts";

Deno.test("retryAfter() reads milliseconds, seconds and dates", () => {
  const now = Date.parse("2024-01-01T00:00:00Z");
  const of = (headers: Record<string, string>) => retryAfter(new Headers(headers), now);
  assertEquals(of({ "retry-after": "2" }), 2000);
  assertEquals(of({ "retry-after-ms": "150", "retry-after": "9" }), 150);
  assertEquals(of({ "retry-after": "Mon, 01 Jan 2024 00:00:05 GMT" }), 5000);
  assertEquals(of({ "retry-after": "Sun, 31 Dec 2023 00:00:00 GMT" }), 0);
  assertEquals(of({ "retry-after": "soon" }), undefined);
  assertEquals(of({ "retry-after": "999999" }), 3_600_000);
  assertEquals(of({ "retry-after-ms": "soon", "retry-after": " 3 " }), 3000);
  assertEquals(of({ "retry-after": "Monday, 01-Jan-24 00:00:05 GMT" }), 5000);
  // asctime's form names no zone and is Greenwich's, wherever this runs
  assertEquals(of({ "retry-after": "Mon Jan  1 00:00:05 2024" }), 5000);
  assertEquals(of({ "retry-after": "2024-01-01T00:00:05Z" }), 5000);
  assertEquals(of({ "retry-after": "2024-01-01T01:00:05+01:00" }), 5000);
  assertEquals(of({ "retry-after": "10s" }), 10_000);
  assertEquals(of({ "retry-after": "1.5 seconds" }), 1500);
  assertEquals(of({ "retry-after": "30, 60" }), 30_000);
  const twice = "Mon, 01 Jan 2024 00:00:05 GMT, Mon, 01 Jan 2024 00:00:09 GMT";
  assertEquals(of({ "retry-after": twice }), 5000);
  assertEquals(of({ "retry-after": "-5" }), 0);
  assertEquals(of({ "retry-after": "0x10" }), undefined);
  assertEquals(of({}), undefined);
});

Deno.test("waitIn() reads what Gemini, OpenAI, Groq and Azure write into errors", () => {
  assertEquals(waitIn('[{"error":{"code":429,"details":[{"retryDelay":"37s"}]}}]'), 37_000);
  assertEquals(waitIn('{"retryDelay": "1.5s"}'), 1500);
  assertEquals(waitIn("Rate limit reached (TPM): Limit 1, Used 1. Please try again in 7.66s. Visit …"), 7660);
  assertEquals(waitIn("Please try again in 1m7.5s."), 67_500);
  assertEquals(waitIn("Please try again in 20ms."), 20);
  assertEquals(waitIn("Please try again in 0h1m2s."), 62_000);
  assertEquals(waitIn("Please retry in 45.2s."), 45_200);
  assertEquals(waitIn("Please retry after 60 seconds."), 60_000);
  assertEquals(waitIn("Please try again in 99h0m0s"), 3_600_000);
  assertEquals(waitIn("try again in 9999999s"), 3_600_000);
  assertEquals(waitIn("slow down"), undefined);
});
