/**
 * Commands to type after a run.
 * @module
 */
import { basename, join, resolve } from "@std/path";

import { lastCheckpoint } from "../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";
import { textOverride } from "../common/config/override.ts";
import { taskCommand } from "../common/process/command.ts";
import { DEFAULT_TRAINING } from "../common/config/default_files.ts";
import type { TrainConfig } from "./config/mod.ts";
import type { Summary } from "./outputs/mod.ts";
import { readRun } from "./own_run.ts";

/**
 * Next commands after a run. They name run.yaml, whose paths are absolute, so that they work in any folder.
 * @param bundled `finetuning_type` of the bundled training; null: the run was of another file
 */
export function nextSteps(
  directory: string,
  finished: boolean,
  bundled: TrainConfig["finetuning_type"] | null,
): Summary["next"] {
  const file = resolve(directory, "run.yaml");
  if (!finished) {
    return [{
      command: continuing(directory),
      what: lastCheckpoint(directory) === null
        ? "begin again: it stopped before there was anything to save"
        : "continue where this run stopped",
    }];
  }
  return [
    ...(bundled === null ? [] : [bundledEvaluation(resolve(directory), bundled)]),
    { command: taskCommand("preview", [file]), what: "see what the model was trained on" },
    { command: taskCommand("train", [file]), what: "repeat this run beside it, bit for bit" },
  ];
}

/**
 * An error of a run that had begun, with what is left of the run and the command that goes on from it.
 * @param directory The run's folder
 * @param command Goes on, where the run is one of many, or began at a checkpoint of another folder
 */
export function withWhatIsKept(
  error: unknown,
  directory: string,
  command: string = continuing(directory),
): unknown {
  if (!(error instanceof Error)) return error;
  const last = lastCheckpoint(directory);
  const kept = last === null
    ? "No checkpoint was saved yet. To begin again"
    : `${last.name} is kept. To continue from it`;
  error.message += `\n${kept}:\n  ${command}`;
  return error;
}

/** Command that goes on with a run: from its last checkpoint, or, where it has none, from that of another folder at which it began. */
export function continuing(directory: string, began: string | null = null): string {
  const from = began === null || lastCheckpoint(directory) !== null ? "auto" : resolve(began);
  return taskCommand("train", [resolve(directory, "run.yaml"), textOverride("resume_from_checkpoint", from)]);
}

/** Without words `eval` takes the adapter of the folder into which the bundled training writes when it isn't told otherwise. */
function bundledEvaluation(
  directory: string,
  tuned: TrainConfig["finetuning_type"],
): Summary["next"][number] {
  if (tuned === "lora" && directory === resolve(readRun(DEFAULT_TRAINING, []).config.output_dir)) {
    return {
      command: taskCommand("eval"),
      what: "answer held-out instructions without and with this adapter",
    };
  }
  const words = [
    textOverride(`model.args.${tuned === "lora" ? "adapter" : "model"}`, directory),
    textOverride("model.args.name", basename(directory)),
    textOverride("out_dir", join("saves/eval", basename(directory))),
  ];
  return { command: taskCommand("eval", words), what: "answer held-out instructions with what was tuned" };
}
