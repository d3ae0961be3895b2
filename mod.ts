/**
 * Dinotune: tune and judge instruction-following language models from Deno. This module has the two runs, {@linkcode train} and
 * {@linkcode evaluateFile}, as a program calls them, and what plugins are written with. Further doors: `/losses`, `/templates`,
 * `/evaluation` (what is in a run's directory, statistics, scores), `/config`, `/kernels`.
 *
 * A plugin of one's own is one value; a training file names its module in `plugins: [./my_loss.ts]`:
 *
 * @example A loss
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { logSigmoid } from "./plugins/losses/mod.ts";
 * import { builtinRegistry, defineLoss, definePlugin } from "./mod.ts";
 * import { z } from "zod";
 *
 * const cautious = definePlugin({
 *   kind: "loss",
 *   name: "cautious",
 *   version: "1",
 *   description: "DPO with half of the margin",
 *   options: z.strictObject({ beta: z.number().positive().default(0.1).describe("scale of the rewards") }),
 *   create: ({ beta }) =>
 *     defineLoss({
 *       shape: "pair",
 *       sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
 *       needsReference: true,
 *       normalize: "examples",
 *       initialLoss: Math.LN2,
 *       loss: ({ R }) => ({ loss: logSigmoid(R.chosen.minus(R.rejected).times(beta / 2)).neg(), metrics: {} }),
 *     }),
 * });
 *
 * const registry = builtinRegistry();
 * registry.define(cautious, "this example");
 * const loss = registry.create("loss", "cautious");
 * assertEquals(loss.needsReference, true);
 * ```
 *
 * @example Training a run and evaluating its adapter, as `deno task train` and `deno task eval` do
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { join } from "@std/path";
 * import { evaluateFile, train } from "./mod.ts";
 *
 * const bundled = (name: string) => new URL(`./examples/${name}`, import.meta.url).pathname;
 * const folder = await Deno.makeTempDir();
 * const adapter = join(folder, "adapter");
 * const { finished } = await train(
 *   bundled("default_iopo.yaml"),
 *   [`output_dir=${adapter}`, "max_samples=8", "max_steps=1", "eval_strategy=no", "val_size=0", "plot_loss=false"],
 *   { say: () => {} },
 * );
 * const { complete } = await evaluateFile(
 *   bundled("eval/default.yaml"),
 *   [`model.args.adapter=${adapter}`, `out_dir=${join(folder, "eval")}`, "max_samples=2", "cache=false"],
 *   { say: () => {} },
 * );
 * assertEquals([finished, complete], [true, true]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 * @module
 */
export { type DryRun, dryRun, type RunResult, train, type TrainOptions } from "./tasks/train.ts";
export { type EvalTaskOptions, evaluateFile } from "./tasks/eval.ts";
export { EVAL_STAGES, type EvalStage, type Evaluated, type EvaluateOptions } from "./tasks/eval/run.ts";
export type { ThresholdResult } from "./tasks/eval/results/thresholds.ts";
export type { ScoreWithSpread } from "./tasks/eval/results/score_table.ts";
export type { Counts, FromCache, Totals } from "./tasks/eval/results/tally.ts";
export type { Agreement } from "./tasks/eval/results/agreement.ts";
export type { Spread } from "./tasks/eval/statistics/spread.ts";
export type { FailureCount } from "./tasks/ask/failures.ts";
export type { EvalResults } from "./tasks/eval/results/results.ts";
export type { Stopped } from "./tasks/ask/stopped.ts";
export type { Usage } from "./tasks/ask/usage.ts";
export type { LogStatus, Progress, StepStatus } from "./tasks/train/outputs/log/progress.ts";
export type { Estimate } from "./tasks/train/estimate/types.ts";
export type { Separated } from "./plugins/kinds/thoughts/thoughts.ts";
export type { ReasonCount } from "./tasks/eval/results/reason_counts.ts";
export { builtinPlugins, builtinRegistry } from "./plugins/builtins.ts";
export type { OptionEntry } from "./plugins/kinds/option_words.ts";
export { type PluginEntry, Registry } from "./plugins/registry.ts";
export * from "./plugins/kinds/plugin.ts";
export * from "./plugins/kinds/place.ts";
export { productIdentity } from "./plugins/kinds/product_identity.ts";
export type * from "./plugins/kinds/dataset.ts";
export * from "./plugins/kinds/loss.ts";
export type { Scalar } from "./kernels/tape.ts";
export type { LabelMeasure } from "./kernels/engine/forward.ts";
export type * from "./plugins/kinds/trainer.ts";
export type * from "./plugins/kinds/rewards.ts";
export type { FreshStart } from "./kernels/engine/weights/fresh_weights.ts";
export type { DescribedRows, EmbeddingChange } from "./kernels/engine/weights/embedding_change.ts";
export type * from "./plugins/kinds/train_config.ts";
export type * from "./plugins/kinds/log_sink.ts";
export type * from "./kernels/engine/packs/encoded.ts";
export * from "./plugins/kinds/judge.ts";
export type * from "./plugins/kinds/judgement.ts";
export { createJudge } from "./plugins/kinds/create_judge.ts";
export type * from "./plugins/kinds/model.ts";
export type { DecoderConfig, Rotation } from "./kernels/engine/decoder/decoder_config.ts";
export type * from "./plugins/kinds/template.ts";
export type * from "./plugins/kinds/benchmark.ts";
export * from "./plugins/kinds/endpoint.ts";
export { failed } from "./plugins/endpoints/failures.ts";
export type * from "./formats/hf_model/loaded_model.ts";
export type * from "./formats/hf_model/weights.ts";
export type { FloatPieces, StoredBlocks } from "./formats/float_pieces.ts";
export type { PackedForm, PackedMatrix } from "./formats/packed/packed_matrix.ts";
export type * from "./formats/tokenizer/tokenizer.ts";
