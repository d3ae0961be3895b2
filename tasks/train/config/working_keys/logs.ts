/**
 * Keys about logs, pictures and checkpoints.
 * @module
 */
import { z } from "zod";

import { bool, int, num, oneOf, orNull, someOf, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

const NO_SERVICE = "no service gets data from here: use tensorboard or csv, whose files they can import";

/** Values of transformers' `report_to` that are services. */
const SERVICES = [
  ...["wandb", "swanlab", "mlflow", "trackio", "comet_ml", "neptune"],
  ...["clearml", "dvclive", "codecarbon", "azure_ml", "flyte", "dagshub"],
];

/** Their rows. */
export function logKeys() {
  const row = keyRows("training");
  const method = keyRows("finetuning");
  return {
    logging_dir: row(orNull(text()), null, "folder of TensorBoard files", { derived: "runs in output_dir" }),
    logging_strategy: row(oneOf(["no", "steps", "epoch"]), "steps", "when a log line is written"),
    logging_first_step: row(bool(), false, "log step 1 too"),
    logging_steps: row(num({ above: 0 }), 500, "steps between log lines; below 1 a share of all steps"),
    save_strategy: row(oneOf(["no", "steps", "epoch", "best"]), "steps", "when checkpoints are saved"),
    save_steps: row(num({ above: 0 }), 500, "steps between checkpoints; below 1 a share of all steps"),
    save_total_limit: row(
      orNull(int(1)),
      null,
      "checkpoints kept; the best one and the last one stay in any case",
    ),
    save_only_model: row(bool(), false, "checkpoints without optimizer state; they can't be resumed from"),
    disable_tqdm: row(orNull(bool()), null, "no progress bar", { derived: "false" }),
    report_to: row(someOf(["tensorboard", "csv"]), [], "files for other tools, beside trainer_log.jsonl", {
      refused: Object.fromEntries(SERVICES.map((name) => [name, NO_SERVICE])),
    }),
    run_name: row(orNull(text()), null, "name of the run in TensorBoard files", {
      derived: "output_dir's name",
    }),
    include_num_input_tokens_seen: row(
      {
        kind: "boolean",
        values: ["all", "non_padding", "no"],
        words: "true, false, all or non_padding",
        schema: z.union([z.boolean(), z.enum(["all", "non_padding", "no"])]).transform((v) =>
          v !== false && v !== "no"
        ),
      },
      false,
      "write num_input_tokens_seen into the log (there is no padding here, so it counts real tokens)",
    ),
    plot_loss: method(bool(), false, "write pictures of the loss curves (SVG and PNG)"),
  };
}
