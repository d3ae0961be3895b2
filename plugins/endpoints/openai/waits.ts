/**
 * Waits that servers ask for, by headers or in words.
 * @module
 */

/**
 * Milliseconds that `retry-after-ms` or `retry-after` (seconds or a date, in whichever form of RFC 9110) ask for, at most an hour;
 * of a header that came twice, the first.
 */
export function retryAfter(headers: Headers | undefined, now: number): number | undefined {
  const ms = headers?.get("retry-after-ms")?.trim();
  const text = headers?.get("retry-after")?.trim();
  const value = ms && Number.isFinite(Number(ms))
    ? Number(ms)
    : !text
    ? NaN
    : secondsIn(text) ?? dateOf(text) - now;
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), LONGEST_WAIT_MS) : undefined;
}

/** Milliseconds of seconds, which proxies write with their unit too, or undefined. */
function secondsIn(text: string): number | undefined {
  const found = /^(-?\d+(?:\.\d+)?)\s*(?:s|sec|secs|seconds?)?(?:\s*,.*)?$/i.exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1000;
}

/** A date without a zone is in Greenwich's time: `asctime`'s form, which servers may still send. */
function dateOf(given: string): number {
  const text = /^.*?\bGMT\b/i.exec(given)?.[0] ?? given;
  return Date.parse(/(?:GMT|UTC|Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text} GMT`);
}

const LONGEST_WAIT_MS = 3_600_000;

/** Milliseconds that an error's text asks for, where no header does: Gemini's `"retryDelay": "37s"`, OpenAI's "try again in 1m7.5s". */
export function waitIn(message: string): number | undefined {
  const told =
    /retryDelay["\s:]+(?<seconds>\d+(?:\.\d+)?)(?<unit>s)|(?:re)?try (?:again )?(?:in|after) (?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?<seconds>\d+(?:\.\d+)?) ?(?<unit>ms|s)/i
      .exec(message)?.groups;
  if (told === undefined) return undefined;
  const { hours = 0, minutes = 0, seconds, unit } = told;
  const ms = Number(hours) * 3_600_000 + Number(minutes) * 60_000 +
    Number(seconds) * (unit === "ms" ? 1 : 1000);
  return Math.min(ms, LONGEST_WAIT_MS);
}
