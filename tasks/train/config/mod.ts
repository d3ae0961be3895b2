/**
 * The configuration of a training run: keys, validation, defaults, run.yaml.
 * @module
 */
export type * from "../../../plugins/kinds/train_config.ts";
export { absoluteSteps } from "../../../plugins/kinds/train_config.ts";
export { isOneProgram, leavesCpu } from "./checks/mod.ts";
export { diffConfigs } from "./config_differences.ts";
export { type LossKeys, lossName, type NamedLoss } from "./loss_name.ts";
export { absolutePaths } from "./paths.ts";
export { recordOf } from "./record.ts";
export {
  diffPlugins,
  diffProvenance,
  type Provenance,
  readProvenance,
  runYaml,
  type UsedPlugin,
  usedPlugin,
  writeRunYaml,
} from "./provenance.ts";
export { predictionsName, type Work, workAsked } from "./work.ts";
export { readTrainConfig, type ResolvedConfig, resolveTrainConfig } from "./resolve.ts";
export type { Place, YamlFile, YamlPath } from "../../../formats/yaml/yaml.ts";
export { type KeysOfFiles, parseYaml, readYaml, type YamlOptions } from "../../../formats/yaml/yaml.ts";
