import fc from "fast-check";

/** Code points of halves of pairs: no characters. */
const SURROGATES = { from: 0xd800, count: 0x800 };

/**
 * Characters of the whole of Unicode, assigned or not: as fast-check's unit "binary", whose table of all of them takes more than a
 * second to make.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.integer({ min: 0, max: 0x10ffff - SURROGATES.count })
  .map((i) => String.fromCodePoint(i < SURROGATES.from ? i : i + SURROGATES.count));
