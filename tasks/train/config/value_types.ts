/**
 * The types of value that keys have. What a message calls them is made here from their kind, limits and words.
 * @module
 */
import { z } from "zod";

import type { KeyType } from "./key.ts";

/** true or false. */
export function bool(): KeyType<boolean> {
  return { kind: "boolean", words: "true or false", schema: z.boolean() };
}

/** A whole number within limits, both inclusive. */
export function int(min: number, max: number = Number.MAX_SAFE_INTEGER): KeyType<number> {
  const words = max === Number.MAX_SAFE_INTEGER
    ? min === Number.MIN_SAFE_INTEGER ? "a whole number" : `a whole number >= ${min}`
    : `a whole number from ${min} to ${max}`;
  return { kind: "number", words, limits: [min, max], schema: z.int().min(min).max(max) };
}

/** 4 or 8. */
export function fourOrEight(): KeyType<4 | 8> {
  return {
    kind: "number",
    values: ["4", "8"],
    words: "4 or 8",
    schema: z.union([z.literal(4), z.literal(8)]),
  };
}

/** Limits of {@linkcode num}. */
export interface NumberLimits {
  /** Smallest value. */
  min?: number;
  /** Largest value. */
  max?: number;
  /** All values are larger. */
  above?: number;
  /** All values are smaller. */
  below?: number;
}

/** A finite number within limits. */
export function num({ min, max, above, below }: NumberLimits = {}): KeyType<number> {
  let schema = z.number();
  const limits: string[] = [];
  if (min !== undefined) [schema, limits[limits.length]] = [schema.min(min), `>= ${min}`];
  if (above !== undefined) [schema, limits[limits.length]] = [schema.gt(above), `> ${above}`];
  if (max !== undefined) [schema, limits[limits.length]] = [schema.max(max), `<= ${max}`];
  if (below !== undefined) [schema, limits[limits.length]] = [schema.lt(below), `< ${below}`];
  return { kind: "number", words: `a number ${limits.join(" and ")}`.trimEnd(), schema };
}

/** Text that isn't empty, or any text. */
export function text({ empty = false }: { empty?: boolean } = {}): KeyType<string> {
  return { kind: "text", words: "text", schema: empty ? z.string() : z.string().min(1) };
}

/** One of some words. */
export function oneOf<const T extends string>(values: readonly T[]): KeyType<T> {
  return {
    kind: "choice",
    values,
    words: `one of ${values.join(", ")}`,
    schema: z.enum(values) as unknown as z.ZodType<T>,
  };
}

/** Names: a list, or text with commas as LLaMA-Factory writes it; nothing is an empty list. */
export function names(): KeyType<string[]> {
  const split = (value: string | string[] | null) =>
    (typeof value === "string" ? value.split(",") : value ?? []).map((part) => part.trim())
      .filter((part) => part !== "");
  return {
    kind: "list",
    words: "names (a list, or text with commas)",
    schema: z.union([z.string(), z.array(z.string()), z.null()]).transform(split),
  };
}

/** Some of `values`, in their order: a list, or text with commas; `none` (alone) and nothing mean an empty list, `all` all of them. */
export function someOf<const T extends string>(values: readonly T[]): KeyType<T[]> {
  const known = ["none", "all", ...values];
  const names = z.array(z.enum(known));
  return {
    kind: "list",
    values: known,
    words: `none, ${values.join(", ")}, all, or a list of them (none stands alone)`,
    schema: z.union([z.string(), z.array(z.string()), z.null()]).transform((value, context) => {
      const parts = typeof value === "string" ? value.split(",").map((part) => part.trim()) : value ?? [];
      const parsed = names.safeParse(parts);
      const isMixed = parts.includes("none") && parts.some((part) => part !== "none");
      if (parsed.success && !isMixed) {
        return values.filter((name) => parsed.data.includes("all") || parsed.data.includes(name));
      }
      context.addIssue({ code: "custom", message: isMixed ? "none beside a name" : "unknown name" });
      return z.NEVER;
    }),
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
    kind: "list",
    words: "numbers (a list, or text with commas)",
    schema: z.union([z.array(item), item.transform((value) => [value]), fromText]),
  };
}

/** A map of names to numbers; LLaMA-Factory also takes it as JSON text. */
export function settingMap(): KeyType<Record<string, number | string>> {
  const map = z.record(z.string(), z.union([z.number(), z.string()]));
  return { kind: "map", words: "a map of names to numbers or words", schema: z.union([map, fromJson(map)]) };
}

/** A map of anything. */
export function map(): KeyType<Record<string, unknown>> {
  return { kind: "map", words: "a map", schema: z.record(z.string(), z.unknown()) };
}

/** The path of a file, or what it would hold. */
export function fileOrMap(): KeyType<string | Record<string, unknown>> {
  return {
    kind: "map",
    words: "the path of a file, or a map",
    schema: z.union([z.string().min(1), z.record(z.string(), z.unknown())]),
  };
}

/** Words: a list, or text with spaces; true is one word, and false, nothing and "" are none. */
export function wordList(): KeyType<string[]> {
  const written = z.union([z.string(), z.boolean(), z.array(z.string()), z.null()]);
  const words = (value: z.infer<typeof written>) =>
    typeof value === "boolean" ? (value ? ["true"] : []) : (Array.isArray(value) ? value : [value ?? ""])
      .flatMap((part) => part.split(/[\s,]+/)).filter((part) => part !== "");
  return { kind: "list", words: "words (a list, or text with spaces)", schema: written.transform(words) };
}

/** The same type, or null (an empty value). */
export function orNull<T>(type: KeyType<T>): KeyType<T | null> {
  return { ...type, words: `${type.words}, or nothing`, schema: type.schema.nullable() };
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
