/**
 * One look at every item before anything is asked: how many there are, that their ids differ, and which scores they have.
 * @module
 */
import { shown } from "../../../formats/message.ts";
import { UniqueIds } from "../../../formats/records/ids.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import type { EvalConfig } from "../config/config.ts";
import type { BenchmarkPart } from "../parts.ts";
import { itemsOf } from "../store/stored.ts";
import { checkThreshold } from "../results/thresholds.ts";

/** Findings of {@linkcode surveyItems}. */
export interface Survey {
  /** Number of items. */
  items: number;
  /** Names of the scores, the headline first, with their largest values. */
  scores: ReadonlyMap<string, number>;
}

/**
 * Looks at every item, and checks the thresholds with the scores that there are.
 * @param see Gets each item
 * @throws {SyntaxError} If an item can't be read
 * @throws {RangeError} If two have the same id, there is none, or a threshold fits no score
 */
export async function surveyItems(
  config: EvalConfig,
  part: BenchmarkPart,
  placeOf: PlaceOf = () => "",
  see: (item: BenchmarkItem) => void = () => {},
): Promise<Survey> {
  const ids = new UniqueIds();
  const scores = new Map<string, number>();
  const { path } = part.options;
  const ofData = typeof path === "string" ? ` of ${path}` : "";
  for await (const item of itemsOf(config, part)) {
    const before = ids.claim(item.id, ids.size);
    if (before !== undefined) {
      throw new RangeError(
        `Cannot evaluate ${part.name} as an id of its own is needed of each item: current value is ${
          shown(item.id)
        } of items ${before} and ${ids.size}${ofData}, from 0`,
      );
    }
    for (
      const { metric, group, max = 1 } of part.benchmark.contributions({
        item,
        response: null,
        judgement: null,
      })
    ) {
      if (group === undefined) scores.set(metric, max);
    }
    see(item);
  }
  if (ids.size === 0) {
    throw new RangeError(`Cannot evaluate ${part.name} as items are needed: current value is none${ofData}`);
  }
  checkThreshold(
    config,
    scores,
    (metric) => typeof config.threshold === "number" ? placeOf("threshold") : placeOf("threshold", metric),
  );
  return { items: ids.size, scores };
}
