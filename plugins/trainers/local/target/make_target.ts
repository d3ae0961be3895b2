/**
 * From a configuration to the trained tensors of a run: adapters or the model's own, and a value head beside them.
 * @module
 */
import type { LoadedModel } from "../../../../formats/hf_model/mod.ts";
import { writeValueHead } from "../../../../formats/value_head/value_head.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import { loraTarget } from "./lora_target.ts";
import { modelTarget } from "./model_target.ts";
import type { Target, TargetConfig, TargetParts } from "./target.ts";

/**
 * The trained tensors of a run.
 * @throws {RangeError} If a name of `lora_target` or of freeze's modules fits none, or the given adapter doesn't fit.
 */
export function makeTarget(
  config: TargetConfig,
  model: LoadedModel,
  decoder: DecoderConfig,
  { files, pissa = null, valueHead = null }: TargetParts,
): Target {
  const head = valueHead && { valueHead: { dropout: valueHead.dropout } };
  const target = config.finetuning_type === "lora"
    ? loraTarget(config, { model, decoder }, { files, pissa, head })
    : modelTarget(config, { model, decoder }, { files, head });
  if (!valueHead) return target;
  return {
    ...target,
    initial: { ...target.initial, ...valueHead.tensors },
    save: (directory, trained) => [
      ...target.save(directory, trained),
      { name: writeValueHead(directory, decoder.hiddenSize, trained), what: "value head" },
    ],
  };
}
