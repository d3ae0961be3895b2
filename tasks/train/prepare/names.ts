/**
 * Names of a configuration that can be looked up before anything is downloaded.
 * @module
 */
import { placed } from "../../../plugins/kinds/place.ts";
import type { Registry } from "../../../plugins/registry.ts";
import type { TrainConfig } from "../config/mod.ts";
import { readDatasetInfo } from "../data/info/info.ts";

/** Keys that name data sets and a trainer. */
export type NameKeys = Pick<
  TrainConfig,
  "dataset_dir" | "dataset" | "eval_dataset" | "trainer" | "trainer_options"
>;

/**
 * Looks up the data sets and the trainer.
 * @throws {RangeError} If one of them is unknown, or an option isn't the trainer's; says where the key was written
 */
export async function checkNames(
  config: NameKeys,
  registry: Registry,
  placeOf: (key: string) => string,
): Promise<void> {
  const sets = readDatasetInfo(config.dataset_dir, placeOf("dataset_dir"));
  for (const key of ["dataset", "eval_dataset"] as const) {
    for (const set of config[key]) await placed(placeOf(key), () => sets.entry(set));
  }
  const { trainer, trainer_options } = config;
  placed(
    placeOf("trainer"),
    () => registry.options("trainer", trainer, trainer_options, () => placeOf("trainer_options")),
  );
}
