/**
 * Characters as a rule writes them: in JSON, and in UTF-8, as the library's own sets of characters compare bytes beyond ASCII.
 * @module
 */

/** The last code point. */
export const MAXIMUM = 0x10ffff;

type Range = readonly [least: number, most: number];

const SHORT: Readonly<Record<number, string>> = {
  8: "b",
  9: "t",
  10: "n",
  12: "f",
  13: "r",
  34: '\\"',
  92: "\\\\",
};

/** Parts of the code that UTF-8 writes in as many bytes, without the halves of pairs. */
const PARTS: readonly Range[] = [[0x80, 0x7ff], [0x800, 0xd7ff], [0xe000, 0xffff], [0x10000, MAXIMUM]];

/**
 * Ways of writing one character out of ranges of code points in JSON: signs of ASCII, escapes, and sequences of bytes. The first two belong
 * into the rule that uses them, or the library couldn't say beforehand which tokens fit and would try a whole vocabulary at every step;
 * sequences in many rules are better one rule, as each of their bytes costs as much as a sign.
 */
export function characters(ranges: readonly Range[]): { signs: string[]; sequences: string[] } {
  const signs: string[] = [], plain: number[] = [];
  for (let code = 0; code < 0x80; code++) {
    if (!ranges.some(([least, most]) => least <= code && code <= most)) continue;
    const short = SHORT[code];
    if (short !== undefined) signs.push(`"\\\\${short}"`);
    else if (code < 32) signs.push(`"\\\\u${code.toString(16).padStart(4, "0")}"`);
    else plain.push(code);
  }
  if (plain.length > 0) signs.unshift(`[${plain.map(hex).join("")}]`);
  return { signs, sequences: beyondAscii(ranges) };
}

/** The same as they stand, without JSON's escapes. */
export function plainCharacters(ranges: readonly Range[]): { signs: string[]; sequences: string[] } {
  const codes = Array.from({ length: 0x80 }, (_, code) => code)
    .filter((code) => ranges.some(([least, most]) => least <= code && code <= most));
  return {
    signs: codes.length === 0 ? [] : [`[${codes.map(hex).join("")}]`],
    sequences: beyondAscii(ranges),
  };
}

function beyondAscii(ranges: readonly Range[]): string[] {
  const beyond = PARTS.flatMap(([least, most]) =>
    ranges.map((range): Range => [Math.max(range[0], least), Math.min(range[1], most)])
      .filter((range) => range[0] <= range[1])
  );
  return beyond.flatMap(sequences).map((one) => one.map(byteClass).join(" "));
}

/** Ranges of bytes, one after the other, whose texts are the characters of a range within one of the parts. */
function sequences([least, most]: Range): Range[][] {
  for (const bits of [6, 12, 18]) {
    const low = (1 << bits) - 1;
    if (least >> bits === most >> bits) break;
    if ((least & low) !== 0) {
      return [...sequences([least, least | low]), ...sequences([(least | low) + 1, most])];
    }
    if ((most & low) !== low) {
      return [...sequences([least, (most & ~low) - 1]), ...sequences([most & ~low, most])];
    }
  }
  const [first, last] = [least, most].map((code) => new TextEncoder().encode(String.fromCodePoint(code)));
  return [[...first ?? []].map((byte, i): Range => [byte, last?.[i] ?? byte])];
}

/** A set of bytes; of one byte it is named twice, as the library takes a set of one for a character. */
function byteClass([least, most]: Range): string {
  return least === most ? `[${hex(least)}${hex(least)}]` : `[${hex(least)}-${hex(most)}]`;
}

function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}
