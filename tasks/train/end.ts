/**
 * The last lines of a run: the loss curve, its files, what to type next, and what an adapter's readers will miss.
 * @module
 */
import { isHubId } from "../../formats/hf_model/mod.ts";
import type { TrainerResult } from "../../plugins/kinds/trainer.ts";
import { terminalWidth } from "../common/report/table.ts";
import type { TrainConfig } from "./config/mod.ts";
import { nextSteps } from "./next_steps.ts";
import { printSummary, type Summary } from "./outputs/mod.ts";

/** A run that has ended. */
export interface EndedRun extends Pick<Summary, "history" | "files"> {
  /** Of the run. */
  config: Pick<TrainConfig, "output_dir" | "finetuning_type">;
  /** The base model as the adapter names it: hub id or path. */
  baseModel: string;
  /** True for the training that is bundled with this project. */
  isBundled: boolean;
  /** Of the trainer. */
  result: TrainerResult;
}

/**
 * Says how a run ended, and what to type next.
 * @param width Of the terminal, in characters; no more than 80 are used
 */
export function sayEnd(
  { config, baseModel, isBundled, result, history, files }: EndedRun,
  say: (line: string) => void,
  width: number = terminalWidth(),
): void {
  const { output_dir: outputDir, finetuning_type: type } = config;
  const hasWeights = result.files.length > 0;
  const next = nextSteps(outputDir, result.finished, isBundled && hasWeights ? type : null);
  if (result.finished && hasWeights && type === "lora" && !isHubId(baseModel)) {
    say(
      `warning: the adapter names its base model by its path, ${baseModel}, which peft and vLLM can't load elsewhere: ` +
        "set base_model=owner/name, the model's id on the hub",
    );
  }
  printSummary({ outputDir, history, files, next, columns: Math.min(80, width) }, say);
}
