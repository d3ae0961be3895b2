/**
 * `punctuation:*`: no ASCII comma.
 * @module
 */
import { type Check, check } from "./check.ts";

/** The checks of this family by id. */
export const punctuation: Readonly<Record<string, Check>> = {
  "punctuation:no_comma": check({}, (text) => !text.includes(",")),
};
