/**
 * The files of an adapter's directory.
 * @module
 */
import { join, resolve } from "@std/path";

import { isHubId } from "../hf_model/hub_id.ts";
import { readJsonFile } from "../hf_model/json.ts";
import { nearEntry } from "../near_entry.ts";

/** Name of the configuration. */
export const ADAPTER_CONFIG = "adapter_config.json";
/** Name of the tensors' file. */
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/**
 * The fields of adapter_config.json as they are.
 * @throws {RangeError} If there is no such folder, or it holds no adapter
 */
export function readAdapterFields(directory: string): { fields: Record<string, unknown>; path: string } {
  const names = namesIn(directory);
  if (!names.includes(ADAPTER_CONFIG)) {
    throw new RangeError(
      `Cannot open ${directory} as an adapter: it has no ${ADAPTER_CONFIG}` +
        (names.includes("config.json")
          ? "; it is a whole model: name it as model_name_or_path (chat and serve: MODEL, endpoint local: model)"
          : ""),
    );
  }
  const path = join(directory, ADAPTER_CONFIG);
  return { fields: readJsonFile(path), path };
}

/**
 * Path of an adapter's tensors.
 * @throws {RangeError} If there is no such file
 */
export function adapterWeightsPath(directory: string): string {
  const names = namesIn(directory);
  if (names.includes(ADAPTER_WEIGHTS)) return join(directory, ADAPTER_WEIGHTS);
  const hint = names.includes("adapter_model.bin") ? "; save adapter_model.bin again with safetensors" : "";
  throw new RangeError(`Cannot open ${directory} as an adapter: it has no ${ADAPTER_WEIGHTS}${hint}`);
}

function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name);
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound
      ? `there is no such folder${
        isHubId(directory)
          ? `; from the hub, download its ${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS} first and name the folder that has them`
          : nearEntry(directory)
      }`
      : error instanceof Deno.errors.NotADirectory
      ? `it is a file: name its folder, which has ${ADAPTER_CONFIG}`
      : (error as Error).message;
    throw new RangeError(`Cannot open ${resolve(directory)} as an adapter: ${problem}`, { cause: error });
  }
}
