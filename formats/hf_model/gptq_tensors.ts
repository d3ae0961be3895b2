/**
 * Matrices quantised by GPTQ in a directory's files.
 * @module
 */
import { item, valueOf } from "../elements.ts";
import { type GptqFormat, type GptqMatrix, packableGroup } from "../gptq/mod.ts";
import { shown } from "../message.ts";
import type { SafetensorsFile } from "../safetensors/mod.ts";
import type { TensorFiles } from "./safetensors_weights.ts";

const CODES = ".qweight", PART = /\.(?:qweight|qzeros|scales|g_idx)$/, WEIGHT = ".weight";

/** True if a tensor is a part of a quantised matrix. */
export function isGptqPart(name: string): boolean {
  return PART.test(name);
}

/** A directory's quantised matrices, by the names of their `.weight`s. */
export class GptqTensors {
  /** `[outputs, inputs]` of each. */
  readonly shapes: ReadonlyMap<string, readonly [number, number]>;
  /** Biases of zeros: AutoGPTQ's older files have them for modules without a bias. */
  readonly zeroBiases: ReadonlySet<string>;
  readonly #packable = new Map<string, boolean>();

  /**
   * Checks shapes of all.
   * @throws {RangeError} If tensors of a matrix are missing or don't fit each other
   */
  constructor(readonly directory: string, readonly files: TensorFiles, readonly format: GptqFormat) {
    const modules = [...files.byTensor.keys()].filter((name) => name.endsWith(CODES))
      .map((name) => name.slice(0, -CODES.length));
    const shapeOf = (name: string) => files.byTensor.get(name)?.info(name).shape;
    this.shapes = new Map(
      modules.map((module) => [module + WEIGHT, checkedShape(directory, module, shapeOf, format)]),
    );
    const biases = modules.map((module) => `${module}.bias`).filter((name) => files.byTensor.has(name));
    this.zeroBiases = new Set(
      biases.filter((name) => this.file(name).readFloat32(name).every((value) => value === 0)),
    );
  }

  /** The file of a tensor; of an unknown one any, whose error lists the nearest of its names. */
  file(name: string): SafetensorsFile {
    return this.files.byTensor.get(name) ?? item(this.files.files, 0);
  }

  /**
   * A matrix as it is stored; null: it isn't quantised.
   * @throws {TypeError} If codes aren't integers
   * @throws {RangeError} If an input's group is none of the scales'
   */
  matrix(name: string): GptqMatrix | null {
    const shape = this.shapes.get(name);
    if (shape === undefined) return null;
    const [outputs, inputs] = shape, { bits, zeroOffset } = this.format, module = moduleOf(name);
    return {
      outputs,
      inputs,
      bits,
      codes: this.#integers(`${module}.qweight`),
      zeros: this.#integers(`${module}.qzeros`),
      scales: this.file(`${module}.scales`).readFloat32(`${module}.scales`),
      groups: this.#groups(module, inputs),
      zeroOffset,
    };
  }

  /** True if a matrix is quantised in groups that {@linkcode packableGroup} takes. */
  isPackable(name: string): boolean {
    if (!this.shapes.has(name)) return false;
    const [, inputs] = valueOf(this.shapes, name);
    const found = this.#packable.get(name) ??
      packableGroup({ inputs, groups: this.#groups(moduleOf(name), inputs) }) !== null;
    this.#packable.set(name, found);
    return found;
  }

  #integers(name: string): Int32Array<ArrayBuffer> {
    const data = this.file(name).read(name);
    if (data instanceof Int32Array) return data;
    throw new TypeError(
      `Cannot read ${shown(name)} of ${this.directory} as codes: its dtype is ${
        this.file(name).info(name).dtype
      }, not I32`,
    );
  }

  /** Groups of a module's inputs, `[inputs]`. */
  #groups(module: string, inputs: number): Int32Array<ArrayBuffer> {
    const name = `${module}.g_idx`, scales = `${module}.scales`;
    const size = this.format.groupSize ?? inputs, count = this.file(scales).info(scales).shape[0] ?? 0;
    if (!this.files.byTensor.has(name)) {
      return Int32Array.from({ length: inputs }, (_, i) => Math.floor(i / size));
    }
    const groups = this.#integers(name), wrong = groups.find((group) => !(group >= 0 && group < count));
    if (wrong === undefined) return groups;
    throw new RangeError(
      `Cannot read ${shown(name)} of ${this.directory} as groups below ${count}: current value is ${wrong}`,
    );
  }
}

function moduleOf(name: string): string {
  return name.slice(0, -WEIGHT.length);
}

/** `[outputs, inputs]` of a module. @throws {RangeError} If its tensors don't fit each other */
function checkedShape(
  directory: string,
  module: string,
  shapeOf: (name: string) => readonly number[] | undefined,
  { bits, groupSize }: GptqFormat,
): [number, number] {
  const [words = 0, outputs = 0] = shapeOf(`${module}.qweight`) ?? [];
  const inputs = words * 32 / bits, groups = groupSize === null ? 1 : Math.ceil(inputs / groupSize);
  const check = (part: string, expected: readonly number[], optional = false) => {
    const found = shapeOf(`${module}.${part}`);
    if (optional && found === undefined) return;
    if (String(found) === String(expected)) return;
    throw new RangeError(
      `Cannot open ${directory} as a model quantised by gptq in ${bits} bits as ${module}.${part} must be [${
        expected.join(", ")
      }]: current value is ${
        found ? `[${found.join(", ")}]` : "missing"
      }; config.json and weights aren't of one model`,
    );
  };
  check("scales", [groups, outputs]);
  check("qzeros", [groups, outputs * bits / 32]);
  check("g_idx", [inputs], true);
  return [outputs, inputs];
}
