/**
 * Data as a training file without any of their keys has them.
 * @module
 */
import { workingKeys } from "./working_keys.ts";
import { DATA_KEYS, type DataOptions } from "../data/load_inputs.ts";

/** The key table's defaults; `packing` as stages other than pt resolve it. */
export function defaultDataOptions(): DataOptions {
  const table = workingKeys();
  const defaults = Object.fromEntries(DATA_KEYS.map((key) => [key, table[key].default]));
  return { ...defaults as unknown as DataOptions, packing: false };
}
