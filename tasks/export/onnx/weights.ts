/**
 * Weights of an exported ONNX model: one tensor at a time is read, packed where that is asked for, and written behind the others
 * into data files beside the model.
 * @module
 */
import { groupsOf, PACKED_GROUP, type PackedMatrix, quantized } from "../../../formats/packed/mod.ts";
import { EMBEDDING, HEAD, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { ConstantsWriter, type WrittenConstant } from "../../../kernels/engine/generate/program/constants.ts";
import { withNormOffset } from "../../../kernels/engine/decoder/norms.ts";
import { RotaryTables } from "../../../kernels/engine/decoder/rope.ts";
import { holding } from "../holding.ts";

/** Constants by their names in transformers, packed ones with `.codes` and `.scales` behind. */
export interface OnnxWeights {
  readonly constants: Readonly<Record<string, WrittenConstant>>;
  /** Bits of the matrices that are packed, by name. */
  readonly packed: Readonly<Record<string, 4 | 8>>;
  /** Data files that were written. */
  readonly files: number;
}

/** Name of the constant for cosines or sines of all places. @param input The block's input that it stands for */
export function angleTable(input: string): string {
  return `rotary.${input}`;
}

/**
 * Writes all weights.
 * @param bits Null: float32. With 4, embedding and head get 8: they are the most sensitive to rounding
 * @param file Name of a data file by its number
 * @param limit Bytes of a data file at most, > 0; one larger tensor gets a file of its own
 */
export function* writeOnnxWeights(
  folder: string,
  { decoder: config, read, bits }: {
    decoder: DecoderConfig;
    read: (name: string) => Float32Array<ArrayBuffer>;
    bits: 4 | 8 | null;
  },
  { file, limit, onTensor }: { file: (index: number) => string; limit: number; onTensor: () => void },
): Generator<void, OnnxWeights> {
  using writer = new ConstantsWriter(folder, { file, limit });
  const packed: Record<string, 4 | 8> = {};
  for (const [name, shape] of tensorShapes(config)) {
    onTensor();
    yield;
    const values = holding(name, read(name), "F32"), [rows = 1, columns] = shape;
    const own = bits === null || columns === undefined ? null : onnxBits(name, columns, bits, config);
    if (own === null || columns === undefined) {
      writer.write(name, shape, withNormOffset(config, name, values));
      continue;
    }
    writePacked(writer, name, quantized(values, rows, columns, own));
    packed[name] = own;
    // rows that aren't whole groups can't be taken from packed codes one by one
    if (name === EMBEDDING && columns % PACKED_GROUP !== 0) writer.write(name, shape, values);
  }
  writeAngles(writer, config);
  return { constants: writer.written, packed, files: writer.files };
}

/** Bits of a matrix where `bits` are asked for; null: float32. */
export function onnxBits(
  name: string,
  columns: number,
  bits: 4 | 8,
  config: Pick<DecoderConfig, "tieWordEmbeddings">,
): 4 | 8 | null {
  if (name !== EMBEDDING && name !== HEAD) return bits;
  const isTable = name === EMBEDDING && !config.tieWordEmbeddings;
  return isTable && columns % PACKED_GROUP !== 0 ? null : 8;
}

function writePacked(
  writer: ConstantsWriter,
  name: string,
  { rows, columns, bits, codes, scales }: PackedMatrix,
): void {
  writer.write(`${name}.codes`, [rows, groupsOf(columns), 4 * bits], codes);
  writer.write(`${name}.scales`, [rows * groupsOf(columns)], scales);
}

/** Positions whose angles a file has: all for which the model's frequencies hold. */
export function anglePlaces(
  { maxPositionEmbeddings, rotaryLimit = Infinity }: Pick<
    DecoderConfig,
    "maxPositionEmbeddings" | "rotaryLimit"
  >,
): number {
  return Math.min(maxPositionEmbeddings, rotaryLimit);
}

function writeAngles(writer: ConstantsWriter, config: DecoderConfig): void {
  const places = anglePlaces(config), half = config.inverseFrequencies.length;
  const tables = new RotaryTables(config).rows(Int32Array.from({ length: places }, (_, i) => i));
  for (const [name, values] of Object.entries(tables)) writer.write(angleTable(name), [places, half], values);
}
