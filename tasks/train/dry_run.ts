/**
 * `deno task train --dry-run`: all that a run does before training, and an estimate of the rest.
 * @module
 */
import { stringify } from "yaml";

import { readAdapterConfig, TRAINED_FIELDS } from "../../formats/peft/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import { placed } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import { print } from "../common/cli/print.ts";
import { registryOf } from "../common/config/config_file.ts";
import { pluginNote } from "../common/config/plugin_code.ts";
import { terminalWidth } from "../common/report/table.ts";
import { recordOf, type ResolvedConfig, type TrainConfig, workAsked } from "./config/mod.ts";
import { dataText } from "./data_text.ts";
import { needsOfEngine, needsOfTrainer } from "./estimate/of_run.ts";
import type { Estimate } from "./estimate/types.ts";
import { estimateText, memoryWarning } from "./estimate/estimate_text.ts";
import { ownRun, readRun } from "./own_run.ts";
import { checkOutputDirectory } from "./outputs/folder/directory.ts";
import { silentProgress } from "./outputs/mod.ts";
import { prepareRows } from "./predict/rows.ts";
import { prepare } from "./prepare.ts";
import { encode } from "./prepare/encode.ts";
import { inputsOf } from "./prepare/inputs.ts";
import { unreachedRateNotes } from "./unreached_rate.ts";

/** Findings of `--dry-run`. */
export interface DryRun {
  /** Resolved, without secrets. */
  config: Omit<TrainConfig, "hf_hub_token">;
  /** Notes of the start. */
  notes: string[];
  /** Counts of used, cut and dropped rows, as text. */
  data: string;
  /** Memory and time; null without training. */
  estimate: Estimate | null;
}

/**
 * Does all that `train` does before training, writes nothing but caches, and estimates the rest.
 * @throws {RangeError} As `train` does
 */
export async function dryRun(
  configPath: string,
  overrides: readonly string[] = [],
  say: (line: string) => void = print,
): Promise<DryRun> {
  const { config, notes, placeOf } = readRun(configPath, overrides);
  const record = recordOf(config);
  const code = pluginNote(config.plugins);
  if (code !== null) say(`note: ${code}`);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  if (workAsked(config) !== "training") {
    return await dryRows({ config, notes, placeOf }, registry, say);
  }
  placed(
    placeOf("output_dir"),
    () => checkOutputDirectory({ ...config, inputs: inputsOf(config), ...ownRun(config, registry) }),
  );
  const ready = await prepare(config, registry, say, placeOf);
  // only now, so that a misspelt name isn't told below a screen of keys
  say(stringify(record, { lineWidth: 0 }).trimEnd());
  for (const note of [...notes, ...ready.notes]) say(`note: ${note}`);
  const data = await encode(config, { registry, ready, say });
  const text = dataText(data.report, "training", terminalWidth());
  say(text);
  const rateNotes = unreachedRateNotes(config, (data.trainBins ?? data.train).length);
  for (const note of rateNotes) say(`note: ${note}`);
  const trainer = registry.create("trainer", config.trainer, config.trainer_options);
  const [continued] = config.finetuning_type === "lora" ? ready.adapterFolders : [];
  const adapter = continued === undefined ? null : readAdapterConfig(
    continued,
    [...moduleShapes(ready.decoder).keys()],
    ready.decoder.moduleRoot,
    TRAINED_FIELDS,
  );
  const run = { config, ready, train: data.train, bins: data.trainBins?.length ?? null, adapter };
  const { needs, packs } = trainer.memory ? needsOfTrainer(trainer.memory, run) : await needsOfEngine(run);
  say(estimateText(needs, packs));
  const warning = memoryWarning(needs, Deno.systemMemoryInfo().total);
  if (warning !== null) say(warning);
  ready.model.weights.close();
  ready.reference?.model.weights.close();
  return { config: record, notes: [...notes, ...ready.notes, ...rateNotes], data: text, estimate: needs };
}

/** All that predictions and evaluations do before the first row. */
async function dryRows(
  { config, notes, placeOf }: Pick<ResolvedConfig, "config" | "notes" | "placeOf">,
  registry: Registry,
  say: (line: string) => void,
): Promise<DryRun> {
  const record = recordOf(config);
  say(stringify(record, { lineWidth: 0 }).trimEnd());
  for (const note of notes) say(`note: ${note}`);
  const found = await prepareRows(config, { registry, placeOf, say, progress: silentProgress() });
  return { config: record, notes: [...notes, ...found.notes], data: found.data, estimate: null };
}
