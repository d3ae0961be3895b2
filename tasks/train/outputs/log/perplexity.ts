/**
 * Perplexity of stage pt among the results of an evaluation.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";

/**
 * Results of an evaluation, in stage pt with `eval_perplexity` (`eval_SET_perplexity` of each set that is evaluated by itself): exp of the
 * loss in nats per token, as LLaMA-Factory 0.9.5 adds it to eval_results.json and to no line of the log. A loss of one's own (`loss`) may
 * be something else than nats per token, and gets none; nor does one above 709 nats, whose exp no float64, and so no JSON, has.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withPerplexity } from "./perplexity.ts";
 *
 * const results = { eval_loss: 0, eval_runtime: 1 };
 * assertEquals(withPerplexity(results, { stage: "pt", loss: null }), { ...results, eval_perplexity: 1 });
 * assertEquals(withPerplexity(results, { stage: "sft", loss: null }), results);
 * assertEquals(withPerplexity({ eval_loss: 710 }, { stage: "pt", loss: null }), { eval_loss: 710 });
 * ```
 */
export function withPerplexity(
  results: Readonly<Record<string, number>>,
  { stage, loss }: Pick<TrainConfig, "stage" | "loss">,
): Record<string, number> {
  if (stage !== "pt" || loss !== null) return { ...results };
  const perplexities = Object.entries(results).flatMap(([name, nats]): [string, number][] => {
    const of = /^(eval_(?:.+_)?)loss$/.exec(name)?.[1];
    const perplexity = Math.exp(nats);
    return of === undefined || !Number.isFinite(perplexity) ? [] : [[`${of}perplexity`, perplexity]];
  });
  return { ...results, ...Object.fromEntries(perplexities) };
}
