/**
 * Says which stored answers are to another question than the data's of today: they count for nothing, and are asked for again.
 * @module
 */
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { ItemStore } from "../store/item_store.ts";
import type { ModelPart } from "../parts.ts";
import { answerKey } from "../store/stored.ts";

/** How many are named. */
const NAMED = 3;

/** Looks at items in front of a run. */
export function changedItems(store: Pick<ItemStore, "has" | "holds">, model: ModelPart | null): {
  /** Looks at an item. */
  see: (item: BenchmarkItem) => void;
  /** Line for the user; null without any. */
  text: () => string | null;
} {
  const names: string[] = [];
  let count = 0;
  return {
    see(item) {
      if (model === null || !store.holds("generate", item.id)) return;
      if (store.has("generate", item.id, answerKey(model.key, item))) return;
      if (count++ < NAMED) names.push(item.id);
    },
    text() {
      if (count === 0) return null;
      const more = count > NAMED ? ` and ${count - NAMED} more` : "";
      return `note: questions that have changed since they were answered are asked again: ${
        names.join(", ")
      }${more}`;
    },
  };
}
