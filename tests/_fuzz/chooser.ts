/**
 * Choices from a seed: the same seed makes the same input on every machine.
 * @module
 */

/** Texts, numbers and shapes that readers stumble over. */
export const HOSTILE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  -0.5,
  1e-320,
  1e308,
  2 ** 31,
  2 ** 53,
  2 ** 60,
  "",
  " ",
  "\n",
  "0",
  "1e-4",
  "true",
  "None",
  "null",
  "x",
  "constructor",
  "__proto__",
  "toString",
  "../..",
  "a,b",
  "[",
  "{{",
  "{% for",
  "<|im_end|>",
  "\u0000",
  "\ud800",
  "e\u0301👩‍👩‍👧",
  "y".repeat(3000),
  "z ".repeat(2000),
  [],
  {},
  [[]],
  [null],
  [0],
  [-1],
  [""],
  ["x", 1, null],
  { a: 1 },
  { "": null },
  { role: "user", content: null },
  { from: "human", value: 5 },
  [{ role: "user", content: "q" }, { role: "assistant", content: "a" }],
  [{ from: "human", value: "q" }, { from: "gpt", value: "a" }],
  Array.from({ length: 3000 }, (_, i) => i),
  nested(60),
];

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: [nested(depth - 1)] };
}

/** Chooses by a seed (mulberry32). */
export class Chooser {
  #state: number;

  constructor(kind: string, index: number) {
    this.#state = index + 1;
    for (const char of kind) this.#state = Math.imul(this.#state ^ char.charCodeAt(0), 0x01000193);
  }

  /** From 0 to below 1. */
  share(): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let x = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    x = x + Math.imul(x ^ x >>> 7, 61 | x) ^ x;
    return ((x ^ x >>> 14) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `n`. */
  below(n: number): number {
    return Math.floor(this.share() * n);
  }

  /** True if something of this probability happens. */
  chance(probability: number): boolean {
    return this.share() < probability;
  }

  /** One of a list that isn't empty. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A value of a wrong type or size, or text that breaks parsers. */
  hostile(): unknown {
    return structuredClone(this.of(HOSTILE));
  }

  /** A copy of plain data with one to three places changed: taken out, doubled, or replaced. */
  mutated<T>(data: T): unknown {
    let value: unknown = structuredClone(data);
    for (let n = 1 + this.below(3); n > 0; n--) value = this.#mutate(value, 0);
    return value;
  }

  #mutate(value: unknown, depth: number): unknown {
    if (typeof value !== "object" || value === null || this.chance(depth === 0 ? 0.02 : 0.15)) {
      return this.hostile();
    }
    const keys = Object.keys(value);
    if (keys.length === 0) return this.hostile();
    const key = this.of(keys);
    const inner = (value as Record<string, unknown>)[key];
    const list = Array.isArray(value) ? value : null;
    switch (this.below(8)) {
      case 0:
        if (list) list.splice(Number(key), 1);
        else delete (value as Record<string, unknown>)[key];
        break;
      case 1:
        if (list) list.splice(Number(key), 0, structuredClone(inner));
        else (value as Record<string, unknown>)[`${key}_`] = structuredClone(inner);
        break;
      case 2:
        (value as Record<string, unknown>)[key] = [structuredClone(inner)];
        break;
      default:
        (value as Record<string, unknown>)[key] = this.#mutate(inner, depth + 1);
    }
    return value;
  }

  /** A text with one to three places changed: characters taken out, doubled or put in, or cut off. */
  damaged(text: string): string {
    const pieces = [
      "\t",
      ":",
      "- ",
      "&a ",
      "*a",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "\n",
      "#",
      "!x ",
      "|",
      "0",
      ",",
      "\u0000",
    ];
    for (let n = 1 + this.below(3); n > 0; n--) {
      const start = this.below(text.length + 1);
      const end = Math.min(text.length, start + this.below(12));
      switch (this.below(5)) {
        case 0:
          text = text.slice(0, start) + text.slice(end);
          break;
        case 1:
          text = text.slice(0, end) + text.slice(start);
          break;
        case 2:
          text = this.chance(0.3) ? text.slice(0, start) : text;
          break;
        default:
          text = text.slice(0, start) + this.of(pieces) + text.slice(start);
      }
    }
    return text;
  }

  /** Bytes with one to eight changed, or cut off; most changes are within the first `header` bytes. */
  damagedBytes(bytes: Uint8Array, header: number): Uint8Array {
    const copy = bytes.slice(0, this.chance(0.15) ? this.below(bytes.length) : bytes.length);
    for (let n = 1 + this.below(8); n > 0 && copy.length > 0; n--) {
      const index = this.below(this.chance(0.9) ? Math.min(header, copy.length) : copy.length);
      copy[index] = this.chance(0.3) ? this.of([0, 1, 255, 128, 34, 44, 48, 57]) : this.below(256);
    }
    return copy;
  }
}
