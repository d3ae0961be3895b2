/**
 * Numbers in words, as sentences name constraints and scores, and what draws them.
 * @module
 */

export const ORD = ["first", "second", "third", "fourth", "fifth", "sixth"];
export const NUM = ["one", "two", "three", "four", "five", "six"];
export const ZH = ["一", "二", "三", "四", "五", "六"];
export const ENG = "zero|one|two|three|four|five|six|seven|eight|nine|ten".split("|");
export const CN = "零一二三四五六七八九十";

/** Draws what a reply is made of. */
export interface Drawer {
  /** A whole number from 0, below `limit`. */
  below(limit: number): number;
  /** One of them. */
  pick<T>(values: readonly T[]): T;
  /** True for Chinese. */
  zh(): boolean;
  /** A score as it is written. */
  form(score: number, zh: boolean): string;
  /** A constraint as it is named. */
  ref(i: number, zh: boolean, texts: readonly string[], caps?: boolean): string;
}
