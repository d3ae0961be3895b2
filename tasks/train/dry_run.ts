/**
 * `deno task train --dry-run`: all that a run does before training, and an estimate of the rest.
 * @module
 */
import { stringify } from "yaml";

import { readAdapterConfig, TRAINED_FIELDS } from "../../formats/peft/mod.ts";
import { chooseBackend, makeBackend } from "../../kernels/engine/backends.ts";
import { moduleShapes } from "../../kernels/engine/decoder.ts";
import { DEFAULT_ROWS, type PackRows } from "../../kernels/engine/pack_rows.ts";
import type { Trainer } from "../../plugins/kinds/trainer.ts";
import { placed } from "../../plugins/kinds/place.ts";
import { makeTarget } from "../../plugins/trainers/local/setup.ts";
import { print } from "../common/cli.ts";
import { registryOf } from "../common/config_file.ts";
import { pluginNote } from "../common/plugin_code.ts";
import { recordOf, type TrainConfig } from "./config/mod.ts";
import { dataText } from "./data_text.ts";
import { packRowsOf } from "./pack_rows.ts";
import { estimate, type ReferenceSize } from "./estimate.ts";
import { parametersOf } from "./estimate/sizes.ts";
import type { Estimate } from "./estimate/types.ts";
import { estimateText, memoryWarning } from "./estimate_text.ts";
import { measureGflops } from "./measure_gflops.ts";
import { weightStorage } from "./weight_storage.ts";
import { isSameRun, readRun } from "./own_run.ts";
import { checkOutputDirectory } from "./outputs/directory.ts";
import { inputsOf, prepare } from "./prepare.ts";
import { encode } from "./prepare/encode.ts";

/** Findings of `--dry-run`. */
export interface DryRun {
  /** Resolved, without secrets. */
  config: Omit<TrainConfig, "hf_hub_token">;
  /** Notes of the start. */
  notes: string[];
  /** Counts of used, cut and dropped rows, as text. */
  data: string;
  /** Memory and time. */
  estimate: Estimate;
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
  const isThisRun = () => isSameRun(config.output_dir, config, registry);
  placed(
    placeOf("output_dir"),
    () => checkOutputDirectory({ ...config, inputs: inputsOf(config), isThisRun }),
  );
  const ready = await prepare(config, registry, say, placeOf);
  // only now, so that a misspelt name isn't told below a screen of keys
  say(stringify(record, { lineWidth: 0 }).trimEnd());
  for (const note of [...notes, ...ready.notes]) say(`note: ${note}`);
  const data = await encode(config, registry, ready, undefined, say);
  const text = dataText(data.report);
  say(text);
  const trainer = registry.create("trainer", config.trainer, config.trainer_options);
  const [continued] = config.finetuning_type === "lora" ? ready.adapterFolders : [];
  const adapter = continued === undefined ? null : readAdapterConfig(
    continued,
    [...moduleShapes(ready.decoder).keys()],
    ready.decoder.moduleRoot,
    TRAINED_FIELDS,
  );
  const { needs, packs } = trainer.memory ? ofTrainer(trainer.memory) : await ofThisEngine();
  say(estimateText(needs, packs));
  const warning = memoryWarning(needs, Deno.systemMemoryInfo().total);
  if (warning !== null) say(warning);
  ready.model.weights.close();
  ready.reference?.model.weights.close();
  return { config: record, notes: [...notes, ...ready.notes], data: text, estimate: needs };

  async function ofThisEngine(): Promise<{ needs: Estimate; packs: PackRows }> {
    const { backend } = config;
    const { choice } = await chooseBackend({ ...config, backend: "onnx" });
    const measured = backend === "auto" || backend === "onnx" ? await makeBackend(choice) : null;
    const gflops = measured && await measureGflops(measured, ready.decoder, 0.02);
    await measured?.dispose();
    const storage = await weightStorage(config, ready.model.weights);
    const other = await sizeOfReference();
    const of = (rows: number, together = rows) => {
      const sized = { ...config, micro_batch_tokens: rows, together };
      return estimate(sized, ready.decoder, ready.loss, data.train, gflops, storage, adapter, other);
    };
    const { memory: { weights, trained } } = of(DEFAULT_ROWS);
    const { tuning } = makeTarget(
      { ...config, adapter_name_or_path: ready.adapterFolders },
      ready.model,
      ready.decoder,
      {},
    );
    const packs = await packRowsOf(config, {
      config: ready.decoder,
      tuning,
      checkpointing: !config.disable_gradient_checkpointing,
    }, weights + trained);
    return { needs: of(packs.rows, packs.together), packs };
  }

  async function sizeOfReference(): Promise<ReferenceSize | null> {
    if (ready.reference === null) return null;
    const { model, decoder, quantizationBit } = ready.reference;
    const frozen = {
      ...config,
      finetuning_type: "lora",
      pissa_init: false,
      quantization_bit: quantizationBit,
    } as const;
    return { decoder, quantizationBit, half: (await weightStorage(frozen, model.weights)).half };
  }

  /** Memory by the trainer's own arithmetic; its speed isn't known here. */
  function ofTrainer(memory: NonNullable<Trainer["memory"]>): { needs: Estimate; packs: null } {
    const counted = estimate(config, ready.decoder, ready.loss, data.train, null, undefined, adapter);
    const { parameters, trained, largestExample } = counted, { reference } = ready;
    const rows = Math.max(largestExample, config.micro_batch_tokens ?? DEFAULT_ROWS);
    const needs = {
      ...counted,
      ...memory({
        decoder: ready.decoder,
        parameters,
        trained,
        full: config.finetuning_type === "full",
        rows,
        checkpointing: !config.disable_gradient_checkpointing,
      }),
      ...(reference !== null && {
        reference: memory({
          decoder: reference.decoder,
          parameters: parametersOf(reference.decoder),
          trained: 0,
          full: false,
          rows,
          checkpointing: true,
        }).memory,
      }),
    };
    return { needs, packs: null };
  }
}
