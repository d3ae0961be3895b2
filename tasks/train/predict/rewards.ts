/**
 * `do_predict` of stage rm: a finished reward model's numbers for the evaluation rows, with LLaMA-Factory's files. Its lines are rounded to two digits behind
 * the point, which make equals of near ones; here they have six.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { roundHalfEven } from "../outputs/mod.ts";
import { lossesOfFinished } from "./evaluate.ts";
import { writePredictions } from "./files.ts";
import type { AskingModel, WorkResult } from "./rows.ts";

/** Digits behind the point; of rewards of some units float32 has no more. */
const DIGITS = 6;

/**
 * Rewards of every row's sequences as generated_predictions.jsonl, loss and metrics as predict_results.json.
 * @throws {RangeError} If the model has no value head, or as `evaluateFinished` does
 */
export async function predictRewards(config: TrainConfig, asking: AskingModel): Promise<WorkResult> {
  const found = await lossesOfFinished(config, asking);
  if (found === null) return { files: [], metrics: {} };
  const metrics = Object.fromEntries(
    Object.entries(found.metrics).map(([name, value]) => [name.replace(/^eval_/, "predict_"), value]),
  );
  const rows = found.rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, roundHalfEven(value, DIGITS)]))
  );
  return { files: await writePredictions(config.output_dir, rows, metrics), metrics };
}
