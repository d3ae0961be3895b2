/**
 * The estimate of a prepared run: by the engine here, or by the trainer's own arithmetic.
 * @module
 */
import { hasPacked } from "../../../formats/hf_model/mod.ts";
import type { LoraConfig } from "../../../formats/peft/mod.ts";
import { chooseBackend, makeBackend } from "../../../kernels/engine/backends.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { DEFAULT_ROWS, type PackRows } from "../../../kernels/engine/pack_rows.ts";
import type { Trainer } from "../../../plugins/kinds/trainer.ts";
import { makeTarget } from "../../../plugins/trainers/local/target/make_target.ts";
import { valueHeadStart } from "../../../plugins/trainers/local/target/value_head.ts";
import type { TrainConfig } from "../config/mod.ts";
import { estimate, type ReferenceSize } from "./estimate.ts";
import { measureGflops } from "../measure_gflops.ts";
import { packRowsOf } from "../pack_rows.ts";
import type { Ready } from "../prepare/ready.ts";
import { weightStorage } from "../weight_storage.ts";
import { parametersOf } from "./sizes.ts";
import type { Estimate } from "./types.ts";

/** A run that is ready to begin. */
export interface RunToEstimate {
  config: TrainConfig;
  ready: Ready;
  train: readonly EncodedExample[];
  /** As `EstimatedTraining` of estimate.ts has it. */
  bins: number | null;
  /** Settings of the adapter that is trained on; null: a new one, or none. */
  adapter: LoraConfig | null;
}

/** Memory and time of the engine here, whose speed is measured, by the rows of a pack that it would choose. */
export async function needsOfEngine(run: RunToEstimate): Promise<{ needs: Estimate; packs: PackRows }> {
  const { ready, train, bins, adapter } = run, config = ofReady(run), { backend } = config;
  const { choice } = await chooseBackend({ ...config, backend: "onnx" });
  const measured = backend === "auto" || backend === "onnx" ? await makeBackend(choice) : null;
  const gflops = measured && await measureGflops(measured, ready.decoder, 0.02);
  await measured?.dispose();
  const additional_target = adapter?.modulesToSave ?? config.additional_target;
  const storage = await weightStorage(
    { ...config, additional_target },
    ready.model.weights,
    ready.decoder,
  );
  const other = await sizeOfReference(run);
  const of = (rows: number, together = rows) => {
    const sized = { ...config, micro_batch_tokens: rows, together };
    return estimate(sized, { model: ready.decoder, loss: ready.loss, train, bins }, {
      gflops,
      storage,
      adapter,
      reference: other,
      isPacked: hasPacked(ready.model.weights),
    });
  };
  const { memory: { weights, trained, drawing = 0 } } = of(DEFAULT_ROWS);
  const { tuning } = makeTarget(
    { ...config, adapter_name_or_path: ready.adapterFolders },
    ready.model,
    ready.decoder,
    { files: {}, valueHead: valueHeadOf(run) },
  );
  const packs = await packRowsOf(config, {
    config: ready.decoder,
    tuning,
    checkpointing: !config.disable_gradient_checkpointing,
    labelMeasure: ready.loss.labelMeasure,
  }, weights + trained + drawing);
  return { needs: of(packs.rows, packs.together), packs };
}

function valueHeadOf({ config, ready }: RunToEstimate) {
  if (ready.loss.measure !== "value") return null;
  const { model, decoder, mergedFolders: merged, adapterFolders } = ready;
  return valueHeadStart({
    config: { seed: config.seed, adapter_name_or_path: adapterFolders },
    model,
    decoder,
    merged,
  });
}

/** Memory by the trainer's own arithmetic; its speed isn't known here. */
export function needsOfTrainer(
  memory: NonNullable<Trainer["memory"]>,
  run: RunToEstimate,
): { needs: Estimate; packs: null } {
  const { ready, train, bins, adapter } = run, config = ofReady(run);
  const counted = estimate(config, { model: ready.decoder, loss: ready.loss, train, bins }, { adapter });
  const { parameters, trained, kept, largestExample } = counted, { reference } = ready;
  const rows = Math.max(largestExample, config.micro_batch_tokens ?? DEFAULT_ROWS);
  const counts = { rows, longest: largestExample };
  const needs = {
    ...counted,
    ...memory({
      decoder: ready.decoder,
      parameters,
      trained,
      kept,
      own: config.finetuning_type !== "lora",
      valueHead: ready.loss.measure === "value",
      ...counts,
      checkpointing: !config.disable_gradient_checkpointing,
    }),
    ...(reference !== null && {
      reference: memory({
        decoder: reference.decoder,
        parameters: parametersOf(reference.decoder),
        trained: 0,
        kept: 0,
        own: false,
        valueHead: false,
        ...counts,
        checkpointing: true,
      }).memory,
    }),
  };
  return { needs, packs: null };
}

/** The keys with what making the run ready has found. */
function ofReady({ config, ready }: RunToEstimate): TrainConfig {
  return { ...config, additional_target: ready.additionalTarget };
}

async function sizeOfReference({ config, ready }: RunToEstimate): Promise<ReferenceSize | null> {
  if (ready.reference === null) return null;
  const { model, decoder, quantizationBit } = ready.reference;
  const frozen = {
    ...config,
    finetuning_type: "lora",
    pissa_init: false,
    additional_target: [],
    quantization_bit: quantizationBit,
  } as const;
  return { decoder, quantizationBit, storage: await weightStorage(frozen, model.weights, decoder) };
}
