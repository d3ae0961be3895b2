/**
 * Constants, products and norms of a decoder's ONNX model.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import { groupsOf, PACKED_GROUP } from "../../../../formats/packed/mod.ts";
import { elements } from "../../../backend.ts";
import type { OnnxModelBuilder } from "../../../backends/onnx/model_builder.ts";
import { NATIVE_DOMAIN } from "../../../native/mod.ts";
import type { LinearModule } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import type { LoraNodes } from "./adapters.ts";
import type { Prepared } from "./prepare.ts";

/** The domain of operators of ONNX Runtime's own. */
export const MS = "com.microsoft";

/** Name of the constant that spreads sums of an input's groups to the columns of a product's minima. */
export const spreadName = (columns: number, bits: 4 | 8): string => `sums.${columns}.${bits}`;

/** Adds products and norms to a model; a constant is declared where it is first used. */
export class GraphProducts {
  readonly #declared = new Set<string>();
  readonly #withSums = new Map<string, string>();
  readonly #epsilon: { float: number };

  constructor(readonly g: OnnxModelBuilder, readonly prepared: Prepared, config: DecoderConfig) {
    this.#epsilon = { float: config.rmsNormEps };
  }

  /** True if there is a constant of this name. */
  has(name: string): boolean {
    return name in this.prepared.constants;
  }

  /** A constant of the prepared files. */
  constant(name: string): string {
    return this.#once(name, () => {
      const { type, shape, place } = entryOf(this.prepared.constants, name);
      return this.g.constant(name, type, shape, place);
    });
  }

  /** A constant that the session is given from memory. */
  given(name: string, shape: readonly number[]): string {
    return this.#once(
      name,
      () => this.g.constant(name, "f32", shape, { file: "given", offset: 0, length: 4 * elements(shape) }),
    );
  }

  /** @param name Of a prepared product. */
  product(x: string, name: string): string {
    const { rows, columns, bits, extra, tiles } = entryOf(this.prepared.products, name);
    if (tiles) {
      const attrs = { outputs: rows, columns, bits, half: Number(tiles.half) };
      return this.g.op("PackedProduct", [x, this.constant(`${name}.tiles`)], attrs, NATIVE_DOMAIN);
    }
    if (bits === 32) return this.g.op("FusedMatMul", [x, this.constant(name)], { transB: 1 }, MS);
    const whole = extra ? this.#summed(x, columns, bits, extra) : x;
    const inputs = [whole, this.constant(`${name}.codes`), this.constant(`${name}.scales`)];
    if (this.has(`${name}.zeros`)) inputs.push(this.constant(`${name}.zeros`));
    // Inputs in 8 bits: the kernels that are fast, and give a row the same bits beside any others.
    const attrs = { K: columns + extra, N: rows, bits, block_size: PACKED_GROUP, accuracy_level: 4 };
    return this.g.op("MatMulNBits", inputs, attrs, MS);
  }

  /** A module's product with its bias and the adapters' share. */
  project(x: string, layer: number, module: LinearModule, lora: LoraNodes | undefined): string {
    const name = `layers.${layer}.${module}`, bias = `${name}.bias`;
    let y = this.product(x, name);
    if (this.has(bias)) y = this.g.op("Add", [y, this.constant(bias)]);
    return lora?.add(y, x, layer, [module]) ?? y;
  }

  /** @param norm Name of its weight; null: there is no norm. */
  normed(x: string, norm: string | null): string {
    if (norm === null) return x;
    return this.g.op("SimplifiedLayerNormalization", [x, this.constant(norm)], {
      epsilon: this.#epsilon,
      axis: -1,
    });
  }

  /** The sum of two values and its norm, of whose weight `norm` is the name; null: the sum itself. */
  addNormed(a: string, b: string, norm: string | null): { n: string; sum: string } {
    if (norm === null) {
      const sum = this.g.op("Add", [a, b]);
      return { n: sum, sum };
    }
    const inputs = [a, b, this.constant(norm)], attrs = { epsilon: this.#epsilon };
    const [n = "", , , sum = ""] = this.g.ops("SkipSimplifiedLayerNormalization", inputs, {
      count: 4,
      attrs,
      domain: MS,
    });
    return { n, sum };
  }

  /** Sums of an input's groups behind it. In float32: as a product in few bits, which rounds its inputs first, many rows took longer. */
  #summed(x: string, columns: number, bits: 4 | 8, extra: number): string {
    const spread = spreadName(columns, bits), key = `${x} ${spread}`;
    let made = this.#withSums.get(key);
    if (made === undefined) {
      const { g } = this, groups = groupsOf(columns), grouped = g.integers([0, 0, groups, PACKED_GROUP]);
      const sums = g.op("ReduceSum", [g.op("Reshape", [x, grouped]), g.integers([-1])], { keepdims: 0 });
      made = g.op("Concat", [x, g.op("MatMul", [sums, this.given(spread, [groups, extra])])], { axis: -1 });
      this.#withSums.set(key, made);
    }
    return made;
  }

  #once(name: string, declare: () => string): string {
    if (this.#declared.has(name)) return name;
    this.#declared.add(name);
    return declare();
  }
}
