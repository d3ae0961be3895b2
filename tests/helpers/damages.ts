/**
 * Damages of a file: cut in the middle, emptied, other JSON in its place, single bytes flipped.
 * @module
 */

/** A file as something else left it. */
export interface Damage {
  /** In words. */
  what: string;
  /** Its content afterwards. */
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Damages of a file's content.
 * @param flips Places of flipped bytes, as shares of the length; 0 ≤ share < 1
 */
export function damagesOf(
  content: Uint8Array<ArrayBuffer>,
  flips: readonly number[] = [0, 0.25, 0.5, 0.75, 0.99],
): Damage[] {
  const text = (value: string) => new TextEncoder().encode(value);
  return [
    { what: "cut in the middle", bytes: content.slice(0, content.length >> 1) },
    { what: "emptied", bytes: new Uint8Array(0) },
    ...['{"a": 1}\n', "[]\n", "null\n", '"text"\n', "1\n"].map((value) => ({
      what: `${value.trim()} in its place`,
      bytes: text(value),
    })),
    ...flips.map((share) => {
      const bytes = content.slice(), place = Math.floor(share * bytes.length);
      bytes[place]! ^= 1;
      return { what: `byte ${place} flipped`, bytes };
    }),
  ];
}
