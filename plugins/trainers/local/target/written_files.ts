/**
 * What the files of a saved target are, human-readable.
 * @module
 */
import type { WrittenFile } from "../../../kinds/trainer.ts";

/**
 * Files with what they are.
 * @param trained Names of those that hold what was trained
 * @param beside Those beside them, by name
 */
export function described(
  trained: readonly string[],
  beside: Readonly<Record<string, unknown>>,
): WrittenFile[] {
  return [
    ...trained.map((name) => ({
      name,
      what: name.endsWith(".safetensors") ? "trained weights" : "configuration of what was trained",
    })),
    ...Object.keys(beside).map((name) => ({
      name,
      what: /processor_config\.json$/.test(name) ? "image processor, the model's own" : "tokenizer",
    })),
  ];
}
