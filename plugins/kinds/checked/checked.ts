/**
 * Products of plugins that aren't built in, checked where they hand something on: a person's own may give anything at all, and what
 * is wrong must be told as that plugin's fault, not as one of whatever reads it.
 * @module
 */
import type { Kinds } from "../plugin.ts";
import { checkedEndpoint } from "./endpoint.ts";
import { checkedBenchmark, checkedJudge } from "./evaluation.ts";
import { isTold } from "../plugin_fault.ts";
import { calling } from "./calls.ts";
import { Maker } from "./maker.ts";
import { checkedModel } from "./model.ts";
import { checkedTrainer } from "./trainer.ts";
import { checkedDataset } from "./dataset.ts";
import { checkedLoss } from "./loss.ts";
import { checkedTemplateProduct } from "./template.ts";

const CHECKS: { [K in keyof Kinds]: (product: Kinds[K], maker: Maker) => Kinds[K] } = {
  dataset: checkedDataset,
  loss: checkedLoss,
  trainer: checkedTrainer,
  template: checkedTemplateProduct,
  judge: checkedJudge,
  benchmark: checkedBenchmark,
  endpoint: checkedEndpoint,
  model: checkedModel,
};

/** An evaluation puts the plugin and the item in front of an error; elsewhere the error has to say it itself. */
const TOLD_BY_EVALUATION: ReadonlySet<keyof Kinds> = new Set(["judge", "benchmark", "endpoint"]);

/**
 * Makes a product and checks it, now and whenever it gives something.
 * @param source The file that the plugin came from
 * @throws {TypeError} If it isn't what its kind needs; names the plugin, its file and the part
 */
export function checkedProduct<K extends keyof Kinds>(
  kind: K,
  name: string,
  source: string,
  make: () => Kinds[K],
): Kinds[K] {
  const maker = new Maker(`${kind}/${name}`, source, !TOLD_BY_EVALUATION.has(kind));
  let product: Kinds[K];
  try {
    product = calling(`${kind}/${name} of ${source}`, make);
  } catch (error) {
    // what is told in words of ours says what is wrong with an option, at its place
    if (isTold(error)) throw error;
    throw maker.alone.thrown(error);
  }
  return CHECKS[kind](product, maker);
}
