/**
 * A model's weights as constants of one program: read tensor by tensor, packed ones as they are stored, and written to a file.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import { groupsOf, type PackedMatrix, quantized, stacked } from "../../../../formats/packed/mod.ts";
import { tiled } from "../../../native/mod.ts";
import { blockShapes, HEAD, type LinearModule, modulesByInput, moduleShape } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { withNormOffset } from "../../decoder/norms.ts";
import { ConstantsWriter, type WrittenConstant } from "./constants.ts";
import { nBits } from "./product.ts";

/** Version of what is written: change it with any change of meaning. */
export const PREPARED_VERSION = 4;

/** A product of a program. */
export interface Product {
  /** Rows of its matrix, which are its outputs; several modules lie one behind the other. */
  readonly rows: number;
  /** Columns of the matrix itself. */
  readonly columns: number;
  /** 32: float32. */
  readonly bits: 4 | 8 | 32;
  /** Columns of rests, see product.ts. */
  readonly extra: number;
  /** Present: a product of kernels/native, whose matrix is in tiles. */
  readonly tiles?: { readonly half: boolean };
}

/** A program's constants. */
export interface Prepared {
  /** By name: `layers.0.self_attn.qkv_proj`, `lm_head`. */
  readonly products: Readonly<Record<string, Product>>;
  readonly constants: Readonly<Record<string, WrittenConstant>>;
}

/** Where weights come from. */
export interface PreparedSource {
  /** As of a model's weights. */
  read(name: string): Float32Array<ArrayBuffer>;
  /** As of a model's weights; null: read it as float32. */
  packed(name: string): PackedMatrix | null;
}

/** Modules of q, k and v, which share an input and may be one product; a single one where the model has one matrix. */
export function qkvModules(config: DecoderConfig): readonly LinearModule[] {
  return item(modulesByInput(config), 0);
}

/** The one product of {@linkcode qkvModules}. */
export const QKV_PRODUCT = "self_attn.qkv_proj";

/** A matrix as read: floats, or in few bits. */
type Matrix = PackedMatrix | { rows: number; columns: number; bits: 32; values: Float32Array<ArrayBuffer> };

/** How constants are written, and where. */
export interface PrepareOptions {
  /** To what float32 matrices are rounded; null: not at all. The output head gets 8 bits where 4 are asked for. */
  bits: 4 | 8 | null;
  /** Which exists. */
  folder: string;
  /** Whether packed matrices are for the operators of kernels/native, else for MatMulNBits. */
  native: boolean;
  /** Called when a layer, or at last the output head, is written. */
  onPart?: (done: number, parts: number) => void;
}

/** Writes all constants of a program. */
export function prepareWeights(
  config: DecoderConfig,
  source: PreparedSource,
  { bits, folder, native, onPart = () => {} }: PrepareOptions,
): Prepared {
  using writer = new ConstantsWriter(folder);
  const products: Record<string, Product> = {};
  const matrix = (name: string, [rows, columns]: readonly [number, number], to: 4 | 8 | null): Matrix => {
    const packed = source.packed(name);
    if (packed) return packed;
    const values = source.read(name);
    return to === null ? { rows, columns, bits: 32, values } : quantized(values, rows, columns, to);
  };
  const vector = (name: string) => withNormOffset(config, name, source.read(name));
  const write = (name: string, made: Matrix) => {
    const { rows, columns } = made;
    if (made.bits === 32) {
      writer.write(name, [rows, columns], made.values);
      products[name] = { rows, columns, bits: 32, extra: 0 };
      return;
    }
    const { bits } = made;
    if (!native) products[name] = { rows, columns, bits, extra: writeNBits(writer, name, made) };
    else {
      const { tiles, half } = tiled(made);
      writer.write(`${name}.tiles`, [tiles.length], tiles);
      products[name] = { rows, columns, bits, extra: 0, tiles: { half } };
    }
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `layers.${layer}.`;
    const of = (module: LinearModule) =>
      matrix(`model.${prefix}${module}.weight`, moduleShape(config, module), bits);
    const [first = [], ...others] = modulesByInput(config),
      qkv = first.map(of),
      together = qkv.every(({ bits }) => bits === item(qkv, 0).bits);
    if (together) write(prefix + QKV_PRODUCT, joined(qkv));
    else first.forEach((module, i) => write(prefix + module, item(qkv, i)));
    for (const module of others.flat()) write(prefix + module, of(module));
    for (const [name, shape] of blockShapes(config)) {
      if (shape.length === 1) writer.write(prefix + name, shape, vector(`model.${prefix}${name}`));
    }
    onPart(layer + 1, config.numLayers + 1);
  }
  writer.write("norm.weight", [config.hiddenSize], vector("model.norm.weight"));
  // Four bits would cost the head more than all else together.
  write("lm_head", matrix(HEAD, [config.vocabSize, config.hiddenSize], bits && 8));
  onPart(config.numLayers + 1, config.numLayers + 1);
  return { products, constants: writer.written };
}

function joined(parts: readonly Matrix[]): Matrix {
  const packed = parts.filter((part): part is PackedMatrix => part.bits !== 32);
  if (packed.length) return stacked(packed);
  const floats = parts.flatMap((part) => part.bits === 32 ? [part] : []);
  const rows = floats.reduce((sum, part) => sum + part.rows, 0), { columns } = item(floats, 0);
  const values = new Float32Array(rows * columns);
  let start = 0;
  for (const part of floats) {
    values.set(part.values, start);
    start += part.values.length;
  }
  return { rows, columns, bits: 32, values };
}

/** Gives the number of extra columns. */
function writeNBits(writer: ConstantsWriter, name: string, matrix: PackedMatrix): number {
  const { rows, columns, extra, bits, codes, scales, zeros } = nBits(matrix), groups = groupsOf(columns);
  writer.write(`${name}.codes`, [rows, groups, 4 * bits], codes);
  writer.write(`${name}.scales`, [rows * groups], scales);
  if (zeros) writer.write(`${name}.zeros`, [zeros.length], zeros);
  return extra;
}
