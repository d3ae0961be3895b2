/**
 * Dinotune: tune and judge instruction-following language models from Deno. This module is for embedding a run in a
 * program and for writing plugins.
 *
 * A plugin of one's own is one value; a training file names its module in `plugins: [./my_loss.ts]`:
 *
 * @example A loss
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { builtinRegistry, defineLoss, definePlugin, logSigmoid, z } from "./mod.ts";
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
 * @example A configuration
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lossName, parseYaml, resolveTrainConfig } from "./mod.ts";
 *
 * const file = parseYaml(
 *   "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\nstage: iopo\n",
 *   "train.yaml",
 * );
 * const { config } = resolveTrainConfig(file, ["pref_beta=0.2"]);
 * assertEquals(lossName(config).name, "iopo");
 * assertEquals(lossName(config).options.beta, 0.2);
 * ```
 * @module
 */
export { z } from "zod";
export * from "./plugins/kinds/plugin.ts";
export * from "./plugins/registry.ts";
export * from "./plugins/builtins.ts";
export * from "./tasks/train/config/mod.ts";
export * from "./plugins/kinds/dataset.ts";
export * from "./plugins/losses/mod.ts";
export type * from "./plugins/kinds/model.ts";
export type * from "./plugins/kinds/template.ts";
export {
  BOS,
  EOS,
  type Slot,
  type TemplateOptions,
  templateOptions,
  templatePlugin,
  type TemplateSpec,
  TOOL_FORMATS,
  type ToolFormatName,
} from "./plugins/templates/mod.ts";
export {
  type Ask,
  type Judge,
  type JudgeRequest,
  type JudgeSpec,
  JudgeUnreachable,
} from "./plugins/kinds/judge.ts";
export type * from "./plugins/kinds/judgement.ts";
export { modelJudge } from "./plugins/judges/model.ts";
export type * from "./plugins/kinds/benchmark.ts";
export { contribute, findScore, outOf, scoreResults, ScoreSums } from "./plugins/benchmarks/scores.ts";
export { traceProtocol } from "./plugins/benchmarks/trace/trace.ts";
export type * from "./plugins/kinds/endpoint.ts";
export { separateThought, THOUGHT_TAGS, withThoughtApart } from "./plugins/kinds/thoughts.ts";
export { type ThoughtTags } from "./plugins/kinds/endpoint.ts";
export { failed } from "./plugins/endpoints/failures.ts";
export { type RequestSampling, samplingOf, SamplingOptions } from "./plugins/kinds/sampling.ts";
export * from "./tasks/eval/mod.ts";
export type * from "./plugins/kinds/trainer.ts";
export type * from "./kernels/engine/encoded.ts";
export type * from "./plugins/kinds/log_sink.ts";
export type * from "./formats/hf_model/loaded_model.ts";
export type * from "./formats/hf_model/weights.ts";
export type * from "./formats/tokenizer/tokenizer.ts";
export {
  parseYaml,
  type Place,
  readYaml,
  type YamlFile,
  type YamlOptions,
  type YamlPath,
} from "./formats/yaml/yaml.ts";
