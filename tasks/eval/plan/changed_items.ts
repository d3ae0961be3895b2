/**
 * Says which stored answers are to another question than the data's of today, which are asked for again, and how many are of items that
 * this start doesn't have: they count for nothing.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { ItemStore } from "../store/item_store.ts";
import type { ModelPart } from "../parts.ts";
import { answerKey } from "../store/stored.ts";

/** How many are named. */
const NAMED = 3;

/** Looks at items in front of a run. */
export function changedItems(store: Pick<ItemStore, "has" | "holds" | "count">, model: ModelPart | null): {
  /** Looks at an item. */
  see: (item: BenchmarkItem) => void;
  /** Lines for the user. */
  texts: () => string[];
} {
  const names: string[] = [];
  let count = 0, held = 0;
  return {
    see(item) {
      if (!store.holds("generate", item.id)) return;
      held++;
      if (model === null) return;
      if (store.has("generate", item.id, answerKey(model.key, item))) return;
      if (count++ < NAMED) names.push(item.id);
    },
    texts() {
      const left = store.count("generate") - held;
      const more = count > NAMED ? ` and ${count - NAMED} more` : "";
      return [
        ...count === 0 ? [] : [
          `note: questions that have changed since they were answered are asked again: ${
            names.join(", ")
          }${more}`,
        ],
        ...left <= 0 ? [] : [
          `note: ${
            counted(left, "stored answer", ["is of an item", "are of items"])
          } that this start doesn't have ` +
          "(max_samples, other data): in no score, and kept",
        ],
      ];
    },
  };
}
