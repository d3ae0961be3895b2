/**
 * Errors of checks about what can't be.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";

/** Refuses a run where `when` holds, at the place of a key. */
export type Refuse = (when: boolean, key: keyof TrainConfig | "use_cpu" | "no_cuda", message: string) => void;
