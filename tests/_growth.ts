/**
 * How the time of a function grows with its input: for tests that something is linear. No time is compared with a clock, only with
 * the time of a smaller input, and what looks slow is measured again, so that a busy machine can't fail a test.
 */
import { assert } from "@std/assert";

/** Times of an input this much larger are compared: 16 where the work is linear, 256 where it is quadratic. */
const LARGER = 16;
/** Between the two, and far from both. */
const MOST = 90;
/** Less than this, in milliseconds, is no measure; a quadratic one of these sizes takes a hundred times as long. */
const SHORT = 25;

/** Repeated parts that patterns with nested or neighbouring repetitions stumble over. */
export const HOSTILE_PARTS: readonly string[] = [
  ...[
    " ",
    "\n",
    "\t",
    " \n",
    "\u3000",
    "a",
    "A",
    "1",
    ".",
    "!",
    "?",
    ",",
    "-",
    "_",
    "*",
    "**",
    "***",
    "******",
    "#",
    "`",
    "|",
    "=",
    ":",
  ],
  ...[
    "[",
    "]",
    "[[",
    "]]",
    "(",
    ")",
    "{",
    "}",
    "<",
    "<<",
    ">>",
    "[]",
    '"',
    "'",
    "''",
    "“",
    "\\",
    '\\"',
    "/",
    "@",
    "~",
    "…",
    "。",
    "：",
  ],
  ...[
    "a.",
    "a. ",
    "A. ",
    ".a",
    '."',
    '.")',
    ". ",
    "... ",
    "!?",
    "e.g. ",
    "Dr. ",
    "1. ",
    "1.",
    "-- ",
    ".\n",
    "a\n",
    "* ",
    "* a\n",
    "- \n",
  ],
  ...[
    "p. ",
    "P.S. ",
    "p.p",
    "SECTION ",
    "Section 1 ",
    "Day",
    "My answer is ",
    "<<a",
    "a>>",
    "*a",
    "[a",
    "```",
    "```json",
    "NaN",
    "-Infinity",
  ],
  ...[
    "http://",
    "http://a",
    "a@",
    "a@b.",
    "a-",
    "a_",
    "a'",
    "n't ",
    "can",
    "cannot ",
    "日",
    "ß",
    "İ",
    "\u0301",
    "a\u0301",
    "😀",
    "\u200b",
  ],
];

/** Texts of about a length, each of one repeated part, with something before or behind it. */
export function* hostileTexts(
  parts: readonly string[],
  around: readonly (readonly [before: string, behind: string])[] = [["", ""], ["a", "b"]],
): Generator<{ name: string; of: (length: number) => string }> {
  for (const part of parts) {
    for (const [before, behind] of around) {
      yield {
        name: `${JSON.stringify(before)} + ${JSON.stringify(part)} again and again + ${
          JSON.stringify(behind)
        }`,
        of: (length) => before + part.repeat(Math.ceil(length / part.length)) + behind,
      };
    }
  }
}

/**
 * Fails when the time of `run` grows much faster than its input.
 * @param length Of the smaller text, in characters.
 */
export function assertLinear(
  name: string,
  of: (length: number) => string,
  run: (text: string) => void,
  length = 2000,
): void {
  const [small, large] = [of(length), of(LARGER * length)];
  let [least, most] = [Infinity, Infinity];
  for (let round = 0; round < 4; round++) {
    most = Math.min(most, timeOf(() => run(large)));
    if (most < SHORT) return;
    least = Math.min(least, timeOf(() => run(small)));
    if (most / least < MOST) return;
  }
  // the first of two sizes may have been lucky: four times the larger one takes 4 times as long where the work is linear, else 16
  const again = timeOf(() => run(of(4 * LARGER * length)));
  assert(
    again / most < 9,
    `${name}: ${LARGER} times the text takes ${(most / least).toFixed(0)} times as long`,
  );
}

function timeOf(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}
