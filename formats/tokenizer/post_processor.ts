/**
 * Post-processors of tokenizer.json for a single text: the tokens put around it.
 * @module
 */
import { type Component, isObject, unsupported } from "./tokenizer_json.ts";

const KNOWN = ["Sequence", "ByteLevel", "TemplateProcessing"] as const;

/**
 * The function of a post-processor.
 * @throws {RangeError} If its type isn't supported.
 */
export function postProcessor(part: Component | null): (ids: readonly number[]) => number[] {
  if (part === null) return (ids) => [...ids];
  switch (part.type) {
    case "ByteLevel":
      return (ids) => [...ids];
    case "Sequence": {
      const steps = (part.processors as Component[]).map(postProcessor);
      return (ids) => steps.reduce((value, step) => step(value), [...ids]);
    }
    case "TemplateProcessing": {
      const table = part.special_tokens as Record<string, { ids: number[] }>;
      const single = part.single as Record<string, unknown>[];
      return (ids) =>
        single.flatMap((item) =>
          isObject(item.SpecialToken) ? table[String(item.SpecialToken.id)]?.ids ?? [] : [...ids]
        );
    }
  }
  throw unsupported("post_processor", part.type, KNOWN);
}
