/**
 * What the key table says of one key, and the types of value that keys have.
 * @module
 */
import { z } from "zod";

/** Headings of the table, LLaMA-Factory's own groups and ours. */
export type KeyGroup = "model" | "data" | "training" | "finetuning" | "generating" | "own";

/** A type of value: in words, and as a schema that also turns what is written into what the program uses. */
export interface KeyType<T> {
  /** As in "Cannot read x as <words> is needed". */
  words: string;
  /** Takes what YAML holds, gives what the program uses. */
  schema: z.ZodType<T>;
}

/** A key that does here what it does in LLaMA-Factory (or, in group `own`, what it says). */
export interface WorkingKey<T> {
  /** Works. */
  state: "works";
  /** Heading. */
  group: KeyGroup;
  /** Type of the value. */
  type: KeyType<T>;
  /** Value when it isn't given, before {@linkcode resolveDefaults}; `REQUIRED` when it must be. */
  default: T | typeof REQUIRED;
  /** What it does. */
  description: string;
  /** What the default comes to when it depends on other keys. */
  derived?: string;
  /** Values that LLaMA-Factory knows and that are refused here: why, and what to use instead. */
  refused?: Readonly<Record<string, string>>;
}

/** A key that is accepted and does nothing, because it can't change the result. */
export interface IgnoredKey {
  /** Ignored. */
  state: "ignored";
  /** Heading. */
  group: KeyGroup;
  /** Why it can't change the result. */
  reason: string;
  /** LLaMA-Factory's default. */
  default: unknown;
}

/** A key that is refused because ignoring it would change the result. */
export interface RefusedKey {
  /** Refused. */
  state: "refused";
  /** Heading. */
  group: KeyGroup;
  /** Why. */
  reason: string;
  /** What to do instead. */
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

/** true or false. */
export function bool(): KeyType<boolean> {
  return { words: "true or false", schema: z.boolean() };
}

/** A whole number within limits, both inclusive. */
export function int(min: number, max: number = Number.MAX_SAFE_INTEGER): KeyType<number> {
  const words = max === Number.MAX_SAFE_INTEGER
    ? min === Number.MIN_SAFE_INTEGER ? "a whole number" : `a whole number >= ${min}`
    : `a whole number from ${min} to ${max}`;
  return { words, schema: z.int().min(min).max(max) };
}

/** Limits of {@linkcode num}. */
export interface NumberLimits {
  /** Smallest value. */
  min?: number;
  /** All values are larger. */
  above?: number;
  /** All values are smaller. */
  below?: number;
}

/** A finite number within limits. */
export function num(limits: NumberLimits = {}): KeyType<number> {
  const { min, above, below } = limits;
  let schema = z.number();
  const words = ["a number"];
  if (min !== undefined) [schema, words[1]] = [schema.min(min), `>= ${min}`];
  if (above !== undefined) [schema, words[1]] = [schema.gt(above), `> ${above}`];
  if (below !== undefined) {
    schema = schema.lt(below);
    words.push(`${words.length > 1 ? "and " : ""}< ${below}`);
  }
  return { words: words.join(" "), schema };
}

/** Text that isn't empty. */
export function text(): KeyType<string> {
  return { words: "text", schema: z.string().min(1) };
}

/** One of some texts. */
export function oneOf<const T extends string>(values: readonly T[]): KeyType<T> {
  return { words: `one of ${values.join(", ")}`, schema: z.enum(values) as unknown as z.ZodType<T> };
}

/** Names: a list, or text with commas as LLaMA-Factory writes it. */
export function names(): KeyType<string[]> {
  const split = (value: string | string[]) =>
    (typeof value === "string" ? value.split(",") : value).map((part) => part.trim()).filter((part) =>
      part !== ""
    );
  return {
    words: "names (a list, or text with commas)",
    schema: z.union([z.string(), z.array(z.string())]).transform(split),
  };
}

/** Numbers: a list, or text with commas. */
export function numbers(): KeyType<number[]> {
  const item = z.number();
  const fromText = z.string().transform((value, context) => {
    const parts = value.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
    if (parts.some(Number.isNaN)) context.addIssue({ code: "custom", message: "not numbers" });
    return parts;
  });
  return {
    words: "numbers (a list, or text with commas)",
    schema: z.union([z.array(item), item.transform((value) => [value]), fromText]),
  };
}

/** A map of names to numbers; LLaMA-Factory also takes it as JSON text. */
export function numberMap(): KeyType<Record<string, number>> {
  const map = z.record(z.string(), z.number());
  return { words: "a map of names to numbers", schema: z.union([map, fromJson(map)]) };
}

/** A map of anything. */
export function map(): KeyType<Record<string, unknown>> {
  return { words: "a map", schema: z.record(z.string(), z.unknown()) };
}

/** The same type, or null (an empty value). */
export function orNull<T>(type: KeyType<T>): KeyType<T | null> {
  return { words: `${type.words}, or nothing`, schema: type.schema.nullable() };
}

function fromJson<T>(schema: z.ZodType<T>): z.ZodType<T, string> {
  return z.string().transform((value, context) => {
    try {
      const parsed = schema.safeParse(JSON.parse(value));
      if (parsed.success) return parsed.data;
    } catch { /* not JSON: same issue as any other text */ }
    context.addIssue({ code: "custom", message: "not a map of numbers" });
    return z.NEVER;
  });
}
