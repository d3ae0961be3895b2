/**
 * Tables of rotary angles, computed in float64: position · frequency loses digits in float32.
 * @module
 */

import type { Backend, Tensor } from "../../backend.ts";
import type { GraphBuilder, Value } from "../../graph.ts";
import type { Angles, DecoderConfig, Rotation } from "./decoder_config.ts";

/** Names of a block's inputs that hold cosines and sines. */
export const ANGLE_INPUTS: Readonly<Record<Angles, Readonly<Record<"cos" | "sin", string>>>> = {
  all: { cos: "cos", sin: "sin" },
  window: { cos: "window_cos", sin: "window_sin" },
};

/** The rotations that a model has. */
function anglesOf({ windowRotation }: Pick<DecoderConfig, "windowRotation">): Angles[] {
  return windowRotation === undefined ? ["all"] : ["all", "window"];
}

/** Names of the inputs of all a model's blocks for cosines and sines. */
export function angleNames(config: Pick<DecoderConfig, "windowRotation">): string[] {
  return anglesOf(config).flatMap((angles) => Object.values(ANGLE_INPUTS[angles]));
}

/** These inputs of a graph, `[T, frequencies]`, by their names. */
export function angleInputs(g: GraphBuilder, config: DecoderConfig): Record<string, Value> {
  return Object.fromEntries(
    angleNames(config).map((name) => [name, g.input(name, ["T", config.inverseFrequencies.length])]),
  );
}

/** The tables of a model. */
export class RotaryTables {
  readonly #tables: ReadonlyMap<Angles, RotaryTable>;

  /** @param length As of {@linkcode RotaryTable} */
  constructor(
    config: Pick<DecoderConfig, "inverseFrequencies" | "attentionFactor" | "windowRotation">,
    length = 1,
  ) {
    const { windowRotation = config } = config, rotations = { all: config, window: windowRotation };
    this.#tables = new Map(
      anglesOf(config).map((angles) => [angles, new RotaryTable(rotations[angles], length)]),
    );
  }

  /** Cosines and sines `[T, frequencies]` of positions `[T]`, by {@linkcode ANGLE_INPUTS}. */
  rows(positions: Int32Array): Record<string, Float32Array<ArrayBuffer>> {
    return Object.fromEntries(
      [...this.#tables].flatMap(([angles, table]) => {
        const { cos, sin } = table.rows(positions), names = ANGLE_INPUTS[angles];
        return [[names.cos, cos], [names.sin, sin]];
      }),
    );
  }

  /** The same on a backend; the caller's. */
  upload(backend: Backend, positions: Int32Array): Record<string, Tensor> {
    const count = positions.length;
    return Object.fromEntries(
      Object.entries(this.rows(positions)).map((
        [name, values],
      ) => [name, backend.upload(values, [count, values.length / count])]),
    );
  }
}

/** Cosines and sines of one rotation's angles, grown as positions come. */
class RotaryTable {
  readonly #frequencies: Float64Array;
  readonly #length: number;
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);

  /**
   * @param rotation Of the model's layers, or of some
   * @param length Of each cosine and sine's pair, beside the model's own factor: what is turned becomes so many times as long.
   */
  constructor(rotation: Rotation, length = 1) {
    this.#frequencies = rotation.inverseFrequencies;
    this.#length = length * (rotation.attentionFactor ?? 1);
  }

  /** `cos` and `sin` `[T, frequencies]` of positions `[T]`. */
  rows(positions: Int32Array): { cos: Float32Array<ArrayBuffer>; sin: Float32Array<ArrayBuffer> } {
    const half = this.#frequencies.length;
    this.#grow(positions.reduce((a, b) => Math.max(a, b), 0) + 1);
    const cos = new Float32Array(positions.length * half), sin = new Float32Array(positions.length * half);
    positions.forEach((p, row) => {
      cos.set(this.#cos.subarray(p * half, (p + 1) * half), row * half);
      sin.set(this.#sin.subarray(p * half, (p + 1) * half), row * half);
    });
    return { cos, sin };
  }

  #grow(count: number): void {
    const half = this.#frequencies.length, known = this.#cos.length / half;
    if (count <= known) return;
    const size = Math.max(count, 2 * known);
    const cos = new Float32Array(size * half), sin = new Float32Array(size * half);
    cos.set(this.#cos);
    sin.set(this.#sin);
    for (let p = known; p < size; p++) {
      cos.set(this.#frequencies.map((frequency) => this.#length * Math.cos(p * frequency)), p * half);
      sin.set(this.#frequencies.map((frequency) => this.#length * Math.sin(p * frequency)), p * half);
    }
    this.#cos = cos;
    this.#sin = sin;
  }
}
