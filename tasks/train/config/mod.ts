/**
 * The configuration of a training run: keys, validation, defaults, run.yaml.
 * @module
 */
export type * from "../../../plugins/kinds/train_config.ts";
export { absoluteSteps } from "../../../plugins/kinds/train_config.ts";
export { diffConfigs } from "./config_differences.ts";
export { helpText, jsonSchema, markdownPage } from "./describe.ts";
export { keyTable } from "./key_table.ts";
export type { IgnoredKey, KeyGroup, KeySpec, KeyType, RefusedKey, WorkingKey } from "./key.ts";
export { lossName } from "./loss_name.ts";
export { otherNames } from "./other_names.ts";
export { absolutePaths } from "./paths.ts";
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
export { readTrainConfig, type ResolvedConfig, resolveTrainConfig } from "./resolve.ts";
export { type TemplateSettings, templateSettings } from "./template_settings.ts";
export type { Place, YamlFile, YamlPath } from "../../../formats/yaml/yaml.ts";
export { parseYaml, readYaml, type YamlOptions } from "../../../formats/yaml/yaml.ts";
