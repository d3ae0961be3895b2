/**
 * LoRA adapters beside a program's products, all of them in one model: their ranks lie side by side, and an input says for every
 * sequence whose ranks count. The base matrix isn't touched, so packed weights stay as they are.
 * @module
 */
import { item, valueOf } from "../../../../formats/elements.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import type { OnnxModelBuilder } from "../../../backends/onnx/model_builder.ts";
import { type LinearModule, moduleShape } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";

const MS = "com.microsoft";

/** A constant that a session is given from memory. */
export interface GivenConstant {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Adds an adapter's share to a product. */
export interface LoraNodes {
  /**
   * The sum of `y` and every adapter's share of `modules` that lie one behind the other; `y` itself where no adapter has them.
   * @param input Of the product.
   */
  add(y: string, input: string, layer: number, modules: readonly LinearModule[]): string;
}

/** Adapters of one program. */
export class ProgramAdapters {
  /** First rank and ranks of each. */
  readonly #places = new Map<string, { start: number; ranks: number }>();
  /** Ranks of all. */
  readonly ranks: number;
  /** Constants for the session, by name; complete when the model is made. */
  readonly constants = new Map<string, GivenConstant>();

  constructor(readonly config: DecoderConfig, readonly adapters: ReadonlyMap<string, Adapter>) {
    let start = 0;
    for (const [name, { modules }] of adapters) {
      const ranks = [...modules.values()].reduce((most, { r }) => Math.max(most, r), 0);
      this.#places.set(name, { start, ranks });
      start += ranks;
    }
    this.ranks = start;
  }

  /** `[ranks]`: 1 where an adapter's ranks are; null: none. */
  choice(name: string | null): Float32Array<ArrayBuffer> {
    const chosen = new Float32Array(this.ranks);
    if (name === null) return chosen;
    const { start, ranks } = valueOf(this.#places, name);
    return chosen.fill(1, start, start + ranks);
  }

  /** Declares an input `[...rows, ranks]` that says whose ranks count, for products whose inputs have such rows. */
  begin(g: OnnxModelBuilder, name: string, rows: readonly (number | string)[]): LoraNodes {
    const choices = [g.input(name, "f32", [...rows, this.ranks])];
    const choiceOf = (count: number) =>
      choices[count - 1] ??= g.op("Concat", Array.from({ length: count }, () => item(choices, 0)), {
        axis: -1,
      });
    return {
      add: (y, input, layer, modules) => {
        const names = modules.map((module) => `model.layers.${layer}.${module}`);
        const some = [...this.adapters.values()].some((adapter) =>
          names.some((name) => adapter.modules.has(name))
        );
        if (!some) return y;
        const { a, b } = this.#matrices(modules, names);
        const h = g.op("FusedMatMul", [input, this.#given(g, `${names[0]}.a`, a)], { transB: 1 }, MS);
        const own = g.op("Mul", [h, choiceOf(modules.length)]);
        const share = g.op("FusedMatMul", [own, this.#given(g, `${names[0]}.b`, b)], { transB: 1 }, MS);
        return g.op("Add", [y, share]);
      },
    };
  }

  #given(g: OnnxModelBuilder, name: string, constant: GivenConstant): string {
    this.constants.set(name, constant);
    const place = { file: "given", offset: 0, length: constant.data.byteLength };
    return g.constant(name, "f32", constant.shape, place);
  }

  /** `a [modules · ranks, in]` and `b [out of all, modules · ranks]`, scales in `b`; zeros where an adapter lacks a module. */
  #matrices(modules: readonly LinearModule[], names: readonly string[]) {
    const shapes = modules.map((module) => moduleShape(this.config, module));
    const inputs = item(shapes, 0)[1], outputs = shapes.reduce((sum, [out]) => sum + out, 0);
    const width = modules.length * this.ranks;
    const a = new Float32Array(width * inputs), b = new Float32Array(outputs * width);
    let firstRow = 0;
    names.forEach((name, m) => {
      for (const [adapter, { start }] of this.#places) {
        const lora = valueOf(this.adapters, adapter).modules.get(name);
        if (!lora) continue;
        const column = m * this.ranks + start;
        a.set(lora.a, column * inputs);
        for (let row = 0; row < item(shapes, m)[0]; row++) {
          const of = lora.b.subarray(row * lora.r, (row + 1) * lora.r);
          b.set(of.map((value) => value * lora.scale), (firstRow + row) * width + column);
        }
      }
      firstRow += item(shapes, m)[0];
    });
    return { a: { shape: [width, inputs], data: a }, b: { shape: [outputs, width], data: b } };
  }
}
