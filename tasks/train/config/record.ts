/**
 * A configuration as files keep it: run.yaml and checkpoints, which may be read in another folder and by other people.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { redactValue } from "../../../formats/secrets.ts";
import { absolutePaths } from "./paths.ts";

/**
 * Every key of a run but the hub's token, other secrets hidden, paths absolute.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseYaml } from "../../../formats/yaml/yaml.ts";
 * import { recordOf } from "./record.ts";
 * import { resolveTrainConfig } from "./resolve.ts";
 *
 * const text = "stage: sft\ndo_train: true\nmodel_name_or_path: org/model\ntemplate: llama3\ndataset: rows\noutput_dir: saves/a\nhf_hub_token: t\n";
 * const { config } = resolveTrainConfig(parseYaml(text, "run.yaml"));
 * const record = recordOf(config);
 * assertEquals([record.output_dir, "hf_hub_token" in record], [`${Deno.cwd()}/saves/a`, false]);
 * ```
 */
export function recordOf(config: TrainConfig): Omit<TrainConfig, "hf_hub_token"> {
  const { hf_hub_token: _secret, ...values } = config;
  return redactValue(absolutePaths(values));
}
