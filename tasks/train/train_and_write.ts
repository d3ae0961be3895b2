/**
 * A run from its first file to its last: the trainer at work in the output folder, then what belongs beside the weights.
 * @module
 */
import { join, resolve } from "@std/path";

import { isWithin } from "../../formats/is_within.ts";
import type { Trainer, TrainerInputs, TrainerResult, WrittenFile } from "../../plugins/kinds/trainer.ts";
import { diffConfigs, type Provenance, recordOf, type TrainConfig, writeRunYaml } from "./config/mod.ts";
import type { LoadedExamples } from "./data/mod.ts";
import { continuing, withWhatIsKept } from "./next_steps.ts";
import {
  type OutputDirectory,
  type Progress,
  type RunLog,
  tokenizerFiles,
  withPerplexity,
  writeRunOutputs,
} from "./outputs/mod.ts";
import { beganAt } from "./own_run.ts";
import type { Ready } from "./prepare/ready.ts";
import { rolloutOf } from "./prepare/rewards.ts";

/** A run that is about to begin. */
export interface PreparedRun {
  /** Every key. */
  config: TrainConfig;
  /** Model, loss and template. */
  ready: Ready;
  /** Encoded. */
  data: LoadedExamples;
  /** Parts that it is made of, for run.yaml. */
  made: Provenance;
  /** The base model as the adapter names it: hub id or path. */
  baseModel: string;
  /** Locked. */
  output: OutputDirectory;
  /** Not begun yet. */
  log: RunLog;
  /** Stopped when training is over. */
  progress: Progress;
}

/**
 * Trains, and writes everything that lies beside the weights.
 * @returns The trainer's result, and all files in the order in which to show them
 * @throws {Error} With what is kept and the command that goes on from it, if the run had begun
 */
export async function trainAndWrite(
  trainer: Trainer,
  run: PreparedRun,
  { signal, say, continues }: {
    signal: AbortSignal;
    say: (line: string) => void;
    continues: string | undefined;
  },
): Promise<{ result: TrainerResult; files: WrittenFile[] }> {
  const { config, made, output, progress } = run;
  const directory = config.output_dir;
  let begun = false;
  const begin = () => {
    const removed = output.begin();
    if (removed.length > 0) say(`Removed from ${directory}: ${removed.join(", ")}`);
    writeRunYaml(join(directory, "run.yaml"), config, { ...made, ...beganElsewhere(output, directory) });
    begun = true;
  };
  try {
    const trained = await trainer.train({ ...inputsOfTrainer(run), begin, signal });
    const result = { ...trained, metrics: withPerplexity(trained.metrics, config) };
    progress.stop();
    const written = await outputsOf(run, result);
    if (result.finished) output.publish();
    const files = [...result.files, ...written, { name: "run.yaml", what: "every key of this run" }];
    return { result, files };
  } catch (error) {
    if (!begun) throw error;
    const goesOn = continues ?? continuing(directory, output.resumeFrom?.path);
    throw withWhatIsKept(error, directory, goesOn);
  }
}

/** The checkpoint of another folder at which a run begins, or began if it goes on from one of its own, for run.yaml; {} where there is none. */
function beganElsewhere(
  { resumeFrom }: Pick<OutputDirectory, "resumeFrom">,
  directory: string,
): Pick<Provenance, "began"> {
  if (resumeFrom === null) return {};
  const began = isWithin(resumeFrom.path, directory) ? beganAt(directory) : resolve(resumeFrom.path);
  return began === null ? {} : { began };
}

function inputsOfTrainer(
  { config, ready, data, output, log }: PreparedRun,
): Omit<TrainerInputs, "begin" | "signal"> {
  return {
    config: {
      ...config,
      adapter_name_or_path: ready.adapterFolders,
      additional_target: ready.additionalTarget,
    },
    model: ready.model,
    decoder: ready.decoder,
    merged: ready.mergedFolders,
    ...(ready.fresh && { fresh: ready.fresh }),
    ...(ready.embeddings && { embeddings: ready.embeddings }),
    loss: ready.loss,
    rollout: rolloutOf(ready.rewards, ready.template, ready.model.tokenizer),
    reference: ready.reference,
    train: data.train,
    evaluation: data.evaluation,
    evaluationSets: data.evaluationSets,
    shuffle: data.shuffle && !config.disable_shuffling,
    trainBins: data.trainBins,
    files: tokenizerFiles(ready.model.tokenizer, ready.chatTemplate),
    dataHash: data.hash,
    record: { ...recordOf(config) },
    changes: (earlier) => diffConfigs(earlier, config),
    resumeFrom: output.resumeFrom,
    trainedDir: output.staging,
    log,
  };
}

function outputsOf(
  { config, ready, baseModel, log, output: { staging } }: PreparedRun,
  { finished, metrics, files }: TrainerResult,
): ReturnType<typeof writeRunOutputs> {
  return writeRunOutputs({
    // of a loss without a reference the key that names one does nothing
    config: ready.loss.needsReference ? config : { ...config, ref_model: null },
    baseModel,
    log,
    staging,
    finished,
    hasWeights: files.length > 0,
    ...(Object.keys(metrics).length > 0 && { evaluation: metrics }),
  });
}
