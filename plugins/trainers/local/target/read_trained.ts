/**
 * Trained tensors, read back from what a run saved.
 * @module
 */
import type { WeightSource } from "../../../../formats/hf_model/mod.ts";
import { loraTensors, readAdapter } from "../../../../formats/peft/mod.ts";
import {
  readValueHead,
  VALUE_HEAD_FILE,
  valueHeadShapes,
} from "../../../../formats/value_head/value_head.ts";
import { moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import { trainedShapes } from "../../../../kernels/engine/weights/tuning.ts";
import { readConverted } from "./pissa.ts";
import type { Target, Tensors } from "./target.ts";

/** Trained tensors of a saved adapter. */
export function readTrainedAdapter(directory: string, target: Target, decoder: DecoderConfig): Tensors {
  return { ...adapterTensors(directory, target, decoder), ...savedValueHead(directory, target, decoder) };
}

function adapterTensors(directory: string, { pissa, tuning }: Target, decoder: DecoderConfig): Tensors {
  const shapes = moduleShapes(decoder);
  if (pissa !== null && tuning.type === "lora") {
    const [first] = Object.values(tuning.modules);
    return loraTensors(readConverted(directory, first?.rank ?? 1, shapes, decoder.moduleRoot).trained);
  }
  const { modules, whole = [] } = readAdapter(
    directory,
    shapes,
    decoder.moduleRoot,
    tensorShapes(decoder),
  );
  return {
    ...loraTensors(modules),
    ...Object.fromEntries([...whole].map(([name, { values }]) => [name, values])),
  };
}

/** The value head of a saved directory; {} of a run without one. @throws {RangeError} If it is missing */
function savedValueHead(
  directory: string,
  { tuning }: Pick<Target, "tuning">,
  { hiddenSize }: DecoderConfig,
): Tensors {
  if (!tuning.valueHead) return {};
  const read = readValueHead(directory, hiddenSize);
  if (read) return read;
  throw new RangeError(`Cannot read a reward model from ${directory}: it has no ${VALUE_HEAD_FILE}`);
}

/** Trained tensors of a saved directory, for resuming and for the best checkpoint. */
export async function readTrained(
  directory: string,
  target: Target,
  decoder: DecoderConfig,
  weights: (path: string) => Promise<WeightSource>,
): Promise<Tensors> {
  if (target.tuning.type === "lora") return readTrainedAdapter(directory, target, decoder);
  const source = await weights(directory);
  try {
    const ofHead = valueHeadShapes(decoder.hiddenSize),
      names = [...trainedShapes(decoder, target.tuning).keys()];
    return {
      ...Object.fromEntries(
        names.filter((name) => !ofHead.has(name)).map((name) => [name, source.read(name)]),
      ),
      ...savedValueHead(directory, target, decoder),
    };
  } finally {
    source.close();
  }
}
