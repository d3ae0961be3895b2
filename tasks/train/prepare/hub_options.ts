/**
 * How a run asks for models and data sets on the hub.
 * @module
 */
import { downloadLines, type ResolveOptions } from "../../../formats/hub/mod.ts";
import type { TrainConfig } from "../config/mod.ts";

/** Keys of a configuration that say how models and data sets are asked for on the hub. */
export type HubKeys = Pick<TrainConfig, "cache_dir" | "hf_hub_token">;

/** Options of requests to the hub; `say` gets a line while something is downloaded. */
export function hubOptions(
  { cache_dir, hf_hub_token }: HubKeys,
  say: (line: string) => void,
): ResolveOptions {
  return {
    ...(cache_dir !== null && { cacheDir: cache_dir }),
    ...(hf_hub_token !== null && { token: hf_hub_token }),
    onProgress: downloadLines(say),
  };
}
