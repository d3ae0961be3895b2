/**
 * Surroundings of a type's rule.
 * @module
 */
import type { JsonObject } from "./json.ts";
import type { Rules } from "./rules.ts";

/** Rules that are being made, and the way to those of schemas inside. */
export interface Within {
  rules: Rules;
  /** Told what can't be followed. */
  refuse: (what: string) => never;
  /** The rule of a schema inside; null: no value fits. */
  inner: (schema: unknown, step: string) => string | null;
  /** A schema inside as schemas without choices. */
  choices: (schema: unknown, step: string) => JsonObject[];
}

/** Items and members that are counted one by one. */
export const COUNTED = 1000;
