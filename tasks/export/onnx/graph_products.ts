/**
 * Constants, products and norms of an exported ONNX model.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import { PACKED_GROUP } from "../../../formats/packed/mod.ts";
import type { OnnxModelBuilder } from "../../../kernels/backends/onnx/model_builder.ts";
import { EMBEDDING, type LinearModule, moduleShape } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { OnnxNode } from "../../../kernels/onnx_node.ts";
import type { OnnxWeights } from "./weights.ts";

/** The domain of operators of ONNX Runtime's own. */
export const CONTRIB = "com.microsoft";

/** Adds products and norms to a model. */
export class OnnxProducts {
  readonly #constants = new Map<string, string>();

  constructor(
    readonly g: OnnxModelBuilder,
    readonly config: DecoderConfig,
    readonly weights: OnnxWeights,
  ) {}

  /** A constant; under another name and shape where one place is read in two ways. */
  constant(name: string, shape?: readonly number[]): string {
    const as = shape ? `${name}.as.${shape.join(".")}` : name;
    if (!this.#constants.has(as)) {
      const { type, shape: own, place } = entryOf(this.weights.constants, name);
      this.#constants.set(as, this.g.constant(as, type, shape ?? own, place));
    }
    return as;
  }

  /** `x wᵀ + b` of rows `[R, in]`. */
  product(
    x: string,
    name: string,
    [out, inner]: readonly [number, number],
    biasName?: string,
  ): string {
    const { g, weights } = this, bits = weights.packed[name];
    const bias = biasName !== undefined && biasName in weights.constants ? [biasName] : [];
    const biases = () => bias.map((one) => this.constant(one));
    if (bits === undefined) return g.op("Gemm", [x, this.constant(name), ...biases()], { transB: 1 });
    const attrs: OnnxNode["attrs"] = { K: inner, N: out, bits, block_size: PACKED_GROUP, accuracy_level: 4 };
    const inputs = [x, this.constant(`${name}.codes`), this.constant(`${name}.scales`)];
    const y = g.op("MatMulNBits", inputs, attrs, CONTRIB);
    return bias.length ? g.op("Add", [y, ...biases()]) : y;
  }

  /** A module's product with its bias. */
  project(x: string, layer: number, module: LinearModule): string {
    const name = `model.layers.${layer}.${module}`;
    return this.product(x, `${name}.weight`, moduleShape(this.config, module), `${name}.bias`);
  }

  /** @param weight Name of the norm's. */
  normed(x: string, weight: string): string {
    return this.g.op("SimplifiedLayerNormalization", [x, this.constant(weight)], {
      epsilon: { float: this.config.rmsNormEps },
      axis: -1,
    });
  }

  /** Rows of the embedding, `[B, T, D]`. */
  embedded(ids: string): string {
    const { g, config: { vocabSize, hiddenSize }, weights } = this;
    if (EMBEDDING in weights.constants) {
      return g.op("Gather", [this.constant(EMBEDDING), ids], { axis: 0 });
    }
    const codes = this.constant(`${EMBEDDING}.codes`, [vocabSize, hiddenSize]);
    const scales = this.constant(`${EMBEDDING}.scales`, [vocabSize, hiddenSize / PACKED_GROUP]);
    const attrs = { bits: 8, block_size: PACKED_GROUP, gather_axis: 0, quantize_axis: 1 };
    return g.op("GatherBlockQuantized", [codes, ids, scales], attrs, CONTRIB);
  }
}
