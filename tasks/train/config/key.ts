/**
 * The entries of the key table: a key works, is ignored, or is refused.
 * @module
 */
import type { z } from "zod";

/** Headings of the table, LLaMA-Factory's own groups and ours. */
export type KeyGroup = "model" | "data" | "training" | "finetuning" | "generating" | "own";

/** Kind of a key's value, for hints: an unquoted `yes` is `true` where the kind is boolean. */
export type ValueKind = "boolean" | "number" | "choice" | "text" | "list" | "map";

/** A type of value: its kind, its description, and a schema that turns the written value into the used one. */
export interface KeyType<T> {
  /** Kind of value; of a type that takes several the first of {@linkcode ValueKind} that it takes. */
  kind: ValueKind;
  /** Words that the value (or a part of the list) may be; undefined where any text may stand. */
  values?: readonly string[];
  /** As in "Cannot read x as <words> is needed". */
  words: string;
  /** Smallest and largest of whole numbers; the words leave out those of the number's form. */
  limits?: readonly [smallest: number, largest: number];
  /** Takes what YAML holds, gives what the program uses. */
  schema: z.ZodType<T>;
}

/** A key that does here what it does in LLaMA-Factory (or, in group `own`, what it says). */
export interface WorkingKey<T> {
  state: "works";
  group: KeyGroup;
  type: KeyType<T>;
  /** Value when it isn't given, before defaults that depend on other keys; {@linkcode REQUIRED} when it must be given. */
  default: T | typeof REQUIRED;
  description: string;
  /** Describes the resolved default where it depends on other keys. */
  derived?: string;
  /** Values that LLaMA-Factory or TRL knows and that are refused here: why, and what to use instead. */
  refused?: Readonly<Record<string, string>>;
}

/** A key that is accepted and does nothing, because it can't change the result. */
export interface IgnoredKey {
  state: "ignored";
  group: KeyGroup;
  /** Why it can't change the result. */
  reason: string;
  /** LLaMA-Factory's default. */
  default: unknown;
}

/** A key that is refused because ignoring it would change the result. */
export interface RefusedKey {
  state: "refused";
  group: KeyGroup;
  reason: string;
  instead: string;
  /** LLaMA-Factory's default. */
  default: unknown;
  /** Values that mean what happens here anyway, and so are accepted. */
  accepted: readonly unknown[];
}

/** One row of the key table. */
export type KeySpec = WorkingKey<unknown> | IgnoredKey | RefusedKey;

/** Default of a key that must be given. */
export const REQUIRED: unique symbol = Symbol("required");
