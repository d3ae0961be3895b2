/**
 * Cells of parquet and Arrow columns that hold JSON as text (`datasets`' feature `Json`, Arrow's extension type `arrow.json`).
 * @module
 */
import { shown } from "../message.ts";
import { parsePyJson, type PyJson } from "../python_json.ts";
import { isPythonJson, withoutNotNumbers } from "../python_text.ts";
import { keepExactText } from "./exact_json.ts";

/** What a cell holds. */
interface JsonCell {
  /** As JavaScript has it, with the exact value kept beside it as in {@linkcode keepExactText}. */
  value: unknown;
  /** The exact value, where what holds the cell needs one. */
  exact(): PyJson;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the cell.
 * @throws {Error} If it isn't JSON
 */
export function jsonCell(bytes: Uint8Array): JsonCell {
  const text = decoder.decode(bytes);
  const value = parsed(text);
  keepExactText(text, value);
  return { value, exact: () => parsePyJson(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (isPythonJson(text)) return JSON.parse(withoutNotNumbers(text, "null"));
    throw new Error(`a cell of JSON is none, ${shown(text)}: ${(error as Error).message}`);
  }
}
