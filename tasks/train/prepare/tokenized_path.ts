/**
 * `tokenized_path`, at which LLaMA-Factory takes encoded data where it finds some, and else leaves its own.
 * @module
 */
import { statOrNull } from "../../../formats/exists.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { TrainConfig } from "../config/mod.ts";

/**
 * A folder that isn't there yet changes nothing: LLaMA-Factory 0.9.5 encodes `dataset`, saves that there and trains on it.
 * @throws {RangeError} If something lies in it, which LLaMA-Factory would train on in place of `dataset`
 */
export function checkTokenizedPath(
  { tokenized_path: path = null }: Partial<Pick<TrainConfig, "tokenized_path">>,
  placeOf: (key: string) => string,
): void {
  if (path === null || !statOrNull(path)?.isDirectory || [...Deno.readDirSync(path)].length === 0) return;
  placed(placeOf("tokenized_path"), () => {
    throw new RangeError(
      `Cannot use tokenized_path: ${path} as it holds encoded data already, on which LLaMA-Factory would train in place of dataset's rows: leave it out ` +
        "to train on dataset's, whose encoded rows have their own cache (data_cache_dir)",
    );
  });
}
