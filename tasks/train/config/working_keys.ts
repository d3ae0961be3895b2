/**
 * The keys that work, with LLaMA-Factory 0.9.5's (and through it transformers') defaults. One row a field of
 * {@linkcode TrainConfig}: a field without a row, or a row of another type, doesn't compile.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { WorkingKey } from "./key.ts";
import { adapterKeys } from "./working_keys/adapters.ts";
import { dataKeys } from "./working_keys/data.ts";
import { deviceKeys } from "./working_keys/devices.ts";
import { evaluationKeys } from "./working_keys/evaluation.ts";
import { generatingKeys } from "./working_keys/generating.ts";
import { logKeys } from "./working_keys/logs.ts";
import { lossKeys } from "./working_keys/loss.ts";
import { modelKeys } from "./working_keys/model.ts";
import { optimizationKeys } from "./working_keys/optimization.ts";
import { ownKeys } from "./working_keys/own.ts";
import { rolloutKeys } from "./working_keys/rewards.ts";
import { tuningKeys } from "./working_keys/tuning.ts";
import { workKeys } from "./working_keys/work.ts";

/** A row for every field; null where the resolved default depends on other keys. */
export type WorkingKeys = { readonly [K in keyof TrainConfig]: WorkingKey<TrainConfig[K] | null> };

/** The rows, in the order of the docs page within each group. */
export function workingKeys(): WorkingKeys {
  return {
    ...modelKeys(),
    ...dataKeys(),
    ...workKeys(),
    ...optimizationKeys(),
    ...evaluationKeys(),
    ...logKeys(),
    ...deviceKeys(),
    ...tuningKeys(),
    ...adapterKeys(),
    ...lossKeys(),
    ...generatingKeys(),
    ...ownKeys(),
    ...rolloutKeys(),
  };
}
