/** Ranks and options of the tests beside this file. */
import { startRanks } from "./ranks.ts";
import { type TorchOptions, torchOptions } from "./options.ts";

/** Options with their defaults, float32, on CPU processes. */
export function optionsOf(written: Partial<TorchOptions>): TorchOptions {
  return torchOptions.parse({ dtype: "float32", nproc_per_node: 1, ...written });
}

/** Ranks on the CPU. */
export function cpuRanks(processes: number) {
  return startRanks(optionsOf({ nproc_per_node: processes }));
}
