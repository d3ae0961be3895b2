/**
 * Runs that meet their own traces: a run.yaml given as the file to train, and a finished run that is to be resumed.
 * @module
 */
import { dirname, join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";
import { KINDS } from "../../plugins/kinds/plugin.ts";
import type { Registry } from "../../plugins/registry.ts";
import {
  diffConfigs,
  readTrainConfig,
  type ResolvedConfig,
  type TrainConfig,
  type UsedPlugin,
} from "./config/mod.ts";
import { isFinished, type OutputDirectoryRequest } from "./outputs/mod.ts";
import { lacksAnswers } from "./predict/files.ts";
import { freeName } from "./repeated.ts";

/** Arguments that decide themselves about an earlier run. */
const DECIDES = /^-{0,2}(output_dir|overwrite_output_dir|resume_from_checkpoint)=/;

/**
 * Reads a training file. A run.yaml in its own output folder can't be trained as it stands, as that folder isn't empty: a
 * finished run is repeated in a folder beside it, from the checkpoint of another folder at which it began, if any, or makes the answers of
 * `do_predict` that it lacks; another one continues from its last checkpoint, if it has one.
 * @throws As {@linkcode readTrainConfig}
 */
export function readRun(path: string, overrides: readonly string[]): ResolvedConfig {
  const resolved = readTrainConfig(path, overrides);
  const { output_dir: directory } = resolved.config;
  const isOwn = resolved.provenance !== null && !overrides.some((text) => DECIDES.test(text)) &&
    isSameFile(path, join(directory, "run.yaml"));
  if (!isOwn) return resolved;
  const { changes, note } = ownChanges(path, resolved.config);
  const again = readTrainConfig(path, [...overrides, ...changes]);
  return { ...again, notes: [`${changes.join(" ").replaceAll('"', "")}: ${note}`, ...again.notes] };
}

/** Arguments with which a run.yaml is trained whose folder has its run, and why. */
function ownChanges(path: string, config: TrainConfig): { changes: string[]; note: string } {
  const { output_dir: directory } = config, goOn = "resume_from_checkpoint=auto";
  if (!isFinished(directory)) {
    const note = `the run in ${directory} isn't finished, so it continues if it has a checkpoint`;
    return { changes: [goOn], note };
  }
  const isUnchanged = () => diffConfigs(readTrainConfig(path).config, config).length === 0;
  if (lacksAnswers(config) && isUnchanged()) {
    const note =
      `what the run in ${directory} trained is there, and its answers are missing, so it makes them`;
    return { changes: [goOn, "overwrite_output_dir=false"], note };
  }
  const changes = [`output_dir=${JSON.stringify(freeName(directory))}`];
  const note = `${directory} holds this run already, so it is repeated there`;
  const began = beganAt(directory);
  // with other keys it is another run
  if (began === null || !isUnchanged()) return { changes, note };
  return exists(began)
    ? {
      changes: [...changes, `resume_from_checkpoint=${JSON.stringify(began)}`],
      note: `${note}, from the checkpoint at which it began`,
    }
    : { changes, note: `${note}, from step 0, as ${began}, at which it began, isn't there any more` };
}

/** What `output_dir` tells of the run that is to be written there. */
export function ownRun(
  config: TrainConfig,
  registry: Registry,
): Required<Pick<OutputDirectoryRequest, "isThisRun" | "beganAt">> {
  const { output_dir: directory } = config;
  return {
    isThisRun: () => isSameRun(directory, config, registry),
    beganAt: () => isFinished(directory) ? null : beganAt(directory),
  };
}

/** True if the finished run in a folder is one of this configuration, so that there is nothing left to do. */
export function isSameRun(directory: string, config: TrainConfig, registry: Registry): boolean {
  const own = readOwn(directory);
  return own !== null && diffConfigs(own.config, config).length === 0 &&
    (own.provenance?.plugins ?? []).every((plugin) => isSamePlugin(plugin, registry));
}

/** Checkpoint of another folder at which the run in a folder began, by its run.yaml; null: it began at step 0, or nothing tells. */
export function beganAt(directory: string): string | null {
  return readOwn(directory)?.provenance?.began ?? null;
}

/** The run.yaml in a folder; null: it can't be read. */
function readOwn(directory: string): ResolvedConfig | null {
  try {
    return readTrainConfig(join(directory, "run.yaml"));
  } catch (error) {
    // none, one of another version, or one that was edited: what differs is found out by its checkpoint
    if (error instanceof RangeError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Metrics of the evaluation of a finished run; none if it had no evaluation.
 * @throws {Error} If eval_results.json is there and can't be read
 */
export function finishedMetrics(directory: string): Record<string, number> {
  try {
    return readJsonFile(join(directory, "eval_results.json")) as Record<string, number>;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

function isSamePlugin({ kind, name, version, source }: UsedPlugin, registry: Registry): boolean {
  const known = KINDS.find((one) => one === kind);
  return known !== undefined && registry.has(known, name) &&
    registry.get(known, name).version === version && registry.sourceHash(known, name) === source;
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [inode(a), inode(b)];
  return first !== null && first === second &&
    dirname(Deno.realPathSync(a)) === dirname(Deno.realPathSync(b));
}

function inode(path: string): string | null {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
