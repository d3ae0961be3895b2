/**
 * The form of a folder's weights that GPTQ quantised, as its config.json names it.
 * @module
 */
import { shown } from "../message.ts";

/** Settings of `quantization_config` that all quantised matrices have. */
export interface GptqFormat {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Inputs that share a scale, in the order of the file's `g_idx`; null: all of a row. */
  readonly groupSize: number | null;
  /** Added to the stored zero points: 1 in `checkpoint_format: gptq`, 0 in `gptq_v2`. */
  readonly zeroOffset: 0 | 1;
}

/** Fields that decide, as transformers (`format`) and GPTQModel (`checkpoint_format`) name them. */
interface Fields {
  quant_method?: unknown;
  bits?: unknown;
  group_size?: unknown;
  checkpoint_format?: unknown;
  format?: unknown;
  dynamic?: unknown;
}

/**
 * Reads the fields of `quantization_config`, or of AutoGPTQ's quantize_config.json.
 * @param path The file that has them
 * @throws {RangeError} If the weights are of another method, bits or format
 */
export function gptqFormat(config: Readonly<Record<string, unknown>>, path: string): GptqFormat {
  const { quant_method, bits, group_size = 128, checkpoint_format, format, dynamic }: Fields = config;
  if ((quant_method ?? "gptq") !== "gptq") {
    throw new RangeError(
      `Cannot open ${path} as a model: its weights are quantised by ${shown(quant_method)}. ` +
        "Take its unquantised directory, one quantised by gptq, or a GGUF file",
    );
  }
  const cannot = (what: string, known: string, value: unknown) =>
    new RangeError(
      `Cannot open ${path} as a model quantised by gptq as ${what} must be ${known}: current value is ${
        shown(value)
      }`,
    );
  if (bits !== 4 && bits !== 8) throw cannot("bits", "4 or 8", bits);
  const size = typeof group_size === "number" && Number.isInteger(group_size) ? group_size : 0;
  if (size !== -1 && size < 1) throw cannot("group_size", "-1 or a whole number from 1", group_size);
  const name = checkpoint_format ?? format ?? "gptq";
  if (name !== "gptq" && name !== "gptq_v2") throw cannot("checkpoint_format", "gptq or gptq_v2", name);
  const changed = Object.entries((dynamic ?? {}) as Record<string, unknown>)
    .filter(([module, changes]) => !module.startsWith("-:") && Object.keys(changes ?? {}).length > 0);
  if (changed.length > 0) {
    throw cannot("dynamic", "without modules of other settings", changed.map(([module]) => module));
  }
  return { bits, groupSize: size === -1 ? null : size, zeroOffset: name === "gptq" ? 1 : 0 };
}
