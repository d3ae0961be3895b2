/**
 * The configuration of a training run: table of keys, validation, defaults, run.yaml.
 * @module
 */
export * from "../../../plugins/kinds/train_config.ts";
export * from "./fault.ts";
export * from "./key.ts";
export * from "./value_types.ts";
export * from "./key_table.ts";
export * from "./other_names.ts";
export * from "./paths.ts";
export * from "./resolve.ts";
export * from "./loss_name.ts";
export * from "./template_settings.ts";
export * from "./config_differences.ts";
export * from "./provenance.ts";
export * from "./describe.ts";
