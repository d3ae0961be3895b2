/**
 * What a training run begins with: its configuration, its plugins, and whom it tells what.
 * @module
 */
import { placed } from "../../plugins/kinds/place.ts";
import type { Trainer } from "../../plugins/kinds/trainer.ts";
import type { Registry } from "../../plugins/registry.ts";
import { print } from "../common/cli/print.ts";
import { registryOf } from "../common/config/config_file.ts";
import { pluginNote } from "../common/config/plugin_code.ts";
import type { TrainConfig } from "./config/mod.ts";
import { createProgress, type Progress } from "./outputs/mod.ts";
import { readRun } from "./own_run.ts";
import type { AskingModel } from "./predict/rows.ts";

/** Options of a training run. */
export interface TrainOptions {
  /** Aborted to stop: a checkpoint is saved first. */
  signal?: AbortSignal;
  /** Called with human-readable lines; standard output by default. */
  say?: (line: string) => void;
  /** Gets a line while a model or a data set is downloaded; `say` by default. */
  sayDownload?: (line: string) => void;
  /** Shows steps; a bar on a terminal, lines elsewhere by default. */
  progress?: Progress;
  /** Command that goes on after an error; default: that of the run itself. */
  continues?: string | undefined;
}

/** A run whose configuration is read and whose plugins are there. */
export interface Begun extends Pick<TrainOptions, "continues"> {
  configPath: string;
  config: TrainConfig;
  /** What the configuration file tells of an earlier run; null where it isn't one's. */
  provenance: ReturnType<typeof readRun>["provenance"];
  placeOf: AskingModel["placeOf"];
  registry: Registry;
  trainer: Trainer;
  signal: AbortSignal;
  say: (line: string) => void;
  /** As `say`, without notes that were told. */
  sayNew: (line: string) => void;
  sayDownload: (line: string) => void;
  newProgress: () => Progress;
}

/**
 * Reads the configuration, tells its notes, and makes the trainer.
 * @param overrides `key=value` texts
 * @throws {RangeError} If anything in the configuration is wrong, or a plugin isn't there
 */
export async function begin(
  configPath: string,
  overrides: readonly string[],
  options: TrainOptions,
): Promise<Begun> {
  const { signal = new AbortController().signal, continues } = options, told = new Set<string>();
  const say = (line: string) => {
    told.add(line);
    (options.say ?? print)(line);
  };
  const { config, notes, provenance, placeOf } = readRun(configPath, overrides);
  for (const note of notes) say(`note: ${note}`);
  const code = pluginNote(config.plugins);
  if (code !== null) say(`note: ${code}`);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const trainer = placed(
    placeOf("trainer"),
    () =>
      registry.create("trainer", config.trainer, config.trainer_options, () => placeOf("trainer_options")),
  );
  return {
    configPath,
    config,
    provenance,
    placeOf,
    registry,
    trainer,
    signal,
    say,
    sayNew: (line) => line.startsWith("note: ") && told.has(line) ? undefined : say(line),
    sayDownload: options.sayDownload ?? say,
    newProgress: () => options.progress ?? createProgress({ disabled: config.disable_tqdm }),
    continues,
  };
}
