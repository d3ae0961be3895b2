/**
 * Data files of synthesis, the bundled ones and a person's own: read by a schema, with the file in every error.
 * @module
 */
import { basename } from "@std/path";
import type { z } from "zod";

import { bounded, shown } from "../../formats/message.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";
import { keysAt } from "../../formats/schema_keys.ts";
import { decodeUtf8 } from "../../formats/utf8.ts";
import { inWords } from "../../formats/zod_words.ts";

/**
 * Reads a JSON file by a schema.
 * @param what Name of its content, for messages: `a taxonomy`
 * @throws {RangeError} If it can't be read, or isn't as the schema says
 * @throws {SyntaxError} If it isn't UTF-8 or JSON
 */
export function readDataFile<T>(path: string | URL, schema: z.ZodType<T>, what: string): T {
  const name = path instanceof URL ? basename(path.pathname) : path;
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(Deno.readFileSync(path), name, "JSON"));
  } catch (error) {
    const made = error instanceof SyntaxError ? SyntaxError : RangeError;
    throw new made(`Cannot read ${name} as ${what}: ${(error as Error).message}`, { cause: error });
  }
  const parsed = schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  throw new RangeError(
    bounded(
      parsed.error.issues.map((issue) => {
        const place = `Cannot read ${name} as ${what}: ${issue.path.join(".") || "the top"}`;
        return issue.code === "unrecognized_keys"
          ? `${place}: ${unknownKeys(issue.keys, keysAt(schema, issue.path))}`
          : `${place}: ${issue.message}: current value is ${shown(valueAt(value, issue.path))}`;
      }).join("\n"),
    ),
  );
}

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  return keys.map((key) => `the key ${shown(key)} is unknown${didYouMean(key, known)}`).join(", ");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, step) => (inner as Record<PropertyKey, unknown> | undefined)?.[step], value);
}
