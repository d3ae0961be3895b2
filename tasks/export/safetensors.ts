/**
 * An export as a folder for transformers and vLLM.
 * @module
 */
import { asStored, processorFiles, savingModel, textConfigOf } from "../../formats/hf_model/mod.ts";
import { VALUE_HEAD_FILE } from "../../formats/value_head/value_head.ts";
import { endIdsOf } from "../../kernels/engine/generate/options.ts";
import { tokenizerFiles } from "../train/outputs/mod.ts";
import type { ExportDtype } from "./config.ts";
import { ENCODINGS } from "./gguf_types.ts";
import { holding } from "./holding.ts";
import type { ExportSource } from "./source/source.ts";

/** generation_config.json: the model's own, with all ids that end an answer. */
export function generationConfig(source: ExportSource): Record<string, unknown> {
  const { model, decoder, tokenizer } = source;
  const ids: Record<string, unknown> = {};
  for (const name of ["bos", "pad"] as const) {
    const key = `${name}_token_id`;
    const id = model.config[key] ?? textConfigOf(model.config)[key] ?? tokenizer?.[`${name}Id`];
    if (typeof id === "number") ids[`${name}_token_id`] = id;
  }
  const own = [model.generationConfig.eos_token_id ?? []].flat();
  const ends = [...own, ...endIdsOf(model, decoder, tokenizer).filter((id) => !own.includes(id))];
  return {
    ...ids,
    ...model.generationConfig,
    ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
  };
}

/** Tokenizer and chat template as transformers names them; {} where the model has no tokenizer. */
export function sourceTokenizerFiles(
  { tokenizer, chatTemplate }: ExportSource,
): Record<string, string | Uint8Array> {
  return tokenizer === null ? {} : tokenizerFiles(tokenizer, chatTemplate);
}

/** A reward model's value head as a file; {} where none is written. */
export function valueHeadFile({ valueHead }: Pick<ExportSource, "valueHead">): Record<string, Uint8Array> {
  return valueHead === null ? {} : { [VALUE_HEAD_FILE]: valueHead };
}

/**
 * Writes the folder; a tensor at a time is in memory.
 * @param onTensor Called in front of each tensor
 */
export function* exportSafetensors(
  folder: string,
  source: ExportSource,
  { dtype, shardBytes, onTensor }: {
    dtype: "float32" | "float16" | "bfloat16";
    shardBytes: number;
    onTensor: () => void;
  },
): Generator<void, void> {
  const read = (name: string) => {
    onTensor();
    return holding(name, source.read(name), ENCODINGS[dtype]);
  };
  const tensors = [...source.shapes].map(([name, shape]) => ({ name, shape, data: () => read(name) }));
  yield* savingModel(folder, asStored(source.model, tensors, read), {
    config: source.model.config,
    generationConfig: generationConfig(source),
    dtype,
    maxShardBytes: shardBytes,
    files: { ...processorFiles(source.model), ...sourceTokenizerFiles(source), ...valueHeadFile(source) },
  });
}

/** Number type of a model as its config.json names it. */
export function dtypeOf(
  config: Readonly<Record<string, unknown>>,
): Extract<ExportDtype, "float32" | "float16" | "bfloat16"> {
  const name = String(dtypeField(config) ?? dtypeField(textConfigOf(config)) ?? "float32").replace(
    /^torch\./,
    "",
  );
  return name === "float16" || name === "bfloat16" ? name : "float32";
}

function dtypeField({ dtype, torch_dtype }: Readonly<Record<string, unknown>>): unknown {
  return dtype ?? torch_dtype;
}
