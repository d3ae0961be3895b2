/**
 * A quantisation that is asked for, with its texts read and its model checked, before anything is computed.
 * @module
 */
import { fitsGptq } from "../../../formats/gptq/mod.ts";
import { moduleShapes } from "../../../kernels/engine/decoder/decoder.ts";
import { promptIds } from "../check.ts";
import type { ExportConfig } from "../config.ts";
import type { ExportSource } from "../source/source.ts";
import { calibrationTexts } from "./calibration.ts";

/** A checked quantisation. */
export interface Quantisation {
  readonly bits: 4 | 8;
  /** Token ids of the calibration, `[texts, tokens]`. */
  readonly texts: readonly (readonly number[])[];
  /** Token ids of the text that proves an export. */
  readonly prompt: readonly number[];
}

/**
 * Reads the calibration's texts.
 * @throws {RangeError} If there are none that fit, or the model's matrices don't fit the format
 */
export async function openQuantisation(
  config: ExportConfig,
  bits: 4 | 8,
  { decoder, tokenizer, model, beside }: ExportSource,
): Promise<Quantisation> {
  if (beside !== null) {
    throw new RangeError(
      `Cannot quantise ${model.path} by GPTQ as that is for text models, there too: it has ${beside.size} tensors of a part that sees; leave ` +
        "export_quantization_bit out",
    );
  }
  for (const [name, shape] of moduleShapes(decoder)) {
    if (fitsGptq(shape, bits)) continue;
    throw new RangeError(
      `Cannot quantise ${name} in ${bits} bits by GPTQ as its sides must be multiples of ${
        32 / bits
      }: current value is [${shape.join(", ")}]`,
    );
  }
  const { export_quantization_dataset: file } = config;
  if (file === null) throw new TypeError("Cannot calibrate: the configuration names no texts");
  if (tokenizer === null) {
    throw new RangeError(
      `Cannot calibrate on ${file} as texts need a tokenizer: ${model.path} has none; put tokenizer.json there`,
    );
  }
  const texts = await calibrationTexts(
    { ...config, export_quantization_dataset: file },
    tokenizer,
    decoder.vocabSize,
  );
  return { bits, texts, prompt: promptIds(tokenizer, decoder) };
}
