/**
 * A tokenizer for made-up models of 97 tokens.
 * @module
 */
import { readJsonFile } from "../../formats/hf_model/json.ts";

const BUNDLED = new URL("../../fixtures/constraints/model/tokenizer.json", import.meta.url).pathname;

/** Writes tokenizer.json: its bytes are the first ids of the bundled vocabulary. */
export function writeByteTokenizer(folder: string): void {
  const file = readJsonFile(BUNDLED) as {
    model: { vocab: Record<string, number>; merges: unknown[] };
    added_tokens: unknown[];
  };
  const bytes = Object.entries(file.model.vocab).filter(([, id]) => id < 96);
  file.model.vocab = Object.fromEntries([...bytes, ["!!", 96]]);
  file.model.merges = [["!", "!"]];
  file.added_tokens = [];
  Deno.writeTextFileSync(`${folder}/tokenizer.json`, JSON.stringify(file));
}
