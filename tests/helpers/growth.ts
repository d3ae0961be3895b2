/**
 * Growth of a function's time with its input: for tests that something is linear. No time is compared with a clock, only with
 * the time of a smaller input, and what looks slow is measured again, so that a busy machine can't fail a test.
 */
import { assert } from "@std/assert";
import { repetitions } from "./repetitions.ts";

/** Characters of the smaller text. */
const LENGTH = 6_000;
/** The larger text is this much longer: so is its time where the work is linear; where it is quadratic, 64 times. */
const LONGER = 8;
/** Between the two. */
const MOST = 30;
/** Less than this, in milliseconds, is too short to compare; a quadratic pattern takes longer on {@linkcode LENGTH}. */
const SHORT = 10;
/** Milliseconds of the larger text, by which no more tries are made: far more than other work on the machine adds to twice 80. */
const HOPELESS = 2_000;
/** Number of times taken before it counts as slow: other work on the machine makes it longer, never shorter. */
const TRIES = 8;

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

/**
 * All of them in `deno task test:all`, else every third one: from another one with each turn, so that over three turns none is
 * left out.
 */
export function everyThird(parts: readonly string[], turn: number): readonly string[] {
  const step = repetitions(1, 3);
  return parts.filter((_, i) => i % step === turn % step);
}

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

/** Fails when the time of `run` grows much faster than its input. */
export function assertLinear(
  name: string,
  of: (length: number) => string,
  run: (text: string) => void,
): void {
  const [small, large] = [of(LENGTH), of(LONGER * LENGTH)];
  let [least, most] = [Infinity, Infinity];
  for (let i = 0; i < TRIES; i++) {
    least = Math.min(least, timeOf(() => run(small)));
    // the first time a pattern is compiled
    if (i === 0 && least >= SHORT) least = Math.min(least, timeOf(() => run(small)));
    if (least < SHORT) return;
    // one that is much worse isn't waited for eight times
    if (most > HOPELESS && i > 1) break;
    most = Math.min(most, timeOf(() => run(large)));
    if (most / least < MOST) return;
  }
  assert(false, `${name}: ${LONGER} times the text takes ${(most / least).toFixed(0)} times as long`);
}

function timeOf(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}
