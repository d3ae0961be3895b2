/**
 * Paths that a run reads, which its output folder may not be.
 * @module
 */
import type { TrainConfig } from "../config/mod.ts";

/** Paths that a run reads. */
export function inputsOf(
  config: Pick<
    TrainConfig,
    "model_name_or_path" | "adapter_name_or_path" | "ref_model" | "ref_model_adapters" | "dataset_dir"
  >,
): string[] {
  const { model_name_or_path, ref_model, dataset_dir } = config;
  const models = [model_name_or_path, ...ref_model === null ? [] : [ref_model]];
  return [...models, ...config.adapter_name_or_path, ...config.ref_model_adapters, dataset_dir];
}
