/**
 * Frozen matrices as floats of 16 bits: rounded to nearest by ONNX Runtime's own Cast, where they lie afterwards.
 * @module
 */
import { f32, f64 } from "../../../formats/elements.ts";
import type { HalfType } from "../../onnx_node.ts";
import { type OrtLibrary, OrtSession, OrtTensor } from "./c_api/mod.ts";
import { modelBytes } from "./model_bytes.ts";
import { ELEMENT } from "./proto.ts";
import type { SessionSettings } from "./sessions.ts";
import type { StoredType } from "./tensor.ts";

/** Largest float16. */
const LARGEST = 65_504;

/** A session that copies a tensor of any shape, changing its type. */
export function copySession(
  library: OrtLibrary,
  { threads, provider }: SessionSettings,
  from: StoredType,
  to: StoredType,
): OrtSession {
  return new OrtSession(library, copyModel(from, to), { threads, provider });
}

/** y = x */
function copyModel(from: StoredType, to: StoredType): Uint8Array<ArrayBuffer> {
  const valueInfo = (name: string, type: StoredType) => ({
    name,
    type: { tensorType: { elemType: ELEMENT[type] } },
  });
  const node = from === to ? { opType: "Identity" } : {
    opType: "Cast",
    attribute: [{ name: "to", type: 2, i: ELEMENT[to] }],
  };
  return modelBytes([], {
    name: "copy",
    node: [{ ...node, input: ["x"], output: ["y"] }],
    input: [valueInfo("x", from)],
    output: [valueInfo("y", to)],
  });
}

/** Rounds to 16 bits and back in one execution provider. */
export class HalfCasts {
  #to: OrtSession | null = null;
  #from: OrtSession | null = null;
  #same: OrtSession | null = null;

  constructor(
    readonly library: OrtLibrary,
    private readonly settings: SessionSettings,
    readonly type: HalfType,
  ) {}

  /**
   * Rounds values into a tensor of that type.
   * @throws {RangeError} If products with them may be larger than float16 holds
   */
  round(values: Float32Array<ArrayBuffer>, shape: readonly number[], y: OrtTensor): void {
    if (this.type === "f16") checkLengths(values, shape);
    this.#to ??= copySession(this.library, this.settings, "f32", this.type);
    using x = OrtTensor.over(this.library, values, shape, "f32");
    this.#to.run({ x }, { y });
  }

  /** Values of a tensor of that type, exactly. */
  widen(x: OrtTensor, count: number): Float32Array<ArrayBuffer> {
    this.#from ??= copySession(this.library, this.settings, this.type, "f32");
    const values = new Float32Array(count);
    using y = OrtTensor.over(this.library, values, x.shape, "f32");
    this.#from.run({ x }, { y });
    return values;
  }

  /** Puts elements into a tensor as they are. */
  put(values: Uint16Array<ArrayBuffer>, shape: readonly number[], y: OrtTensor): void {
    using x = OrtTensor.over(this.library, values, shape, this.type);
    this.#copy.run({ x }, { y });
  }

  get #copy(): OrtSession {
    return this.#same ??= copySession(this.library, this.settings, this.type, this.type);
  }

  /** Its elements as they are. */
  fetch(x: OrtTensor, count: number): Uint16Array<ArrayBuffer> {
    const values = new Uint16Array(count);
    using y = OrtTensor.over(this.library, values, x.shape, this.type);
    this.#copy.run({ x }, { y });
    return values;
  }

  dispose(): void {
    for (const session of [this.#to, this.#from, this.#same]) session?.dispose();
    this.#to = this.#from = this.#same = null;
  }
}

/** Rows times a matrix have at most the length of its rows or, the other way, of its columns (kernels/ops/half_onnx.ts). */
function checkLengths(data: Float32Array, shape: readonly number[]): void {
  const width = shape.at(-1) ?? 1, columns = new Float64Array(width);
  let longest = 0;
  for (let start = 0; start < data.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const square = f32(data, start + i) ** 2;
      sum += square;
      columns[i] = f64(columns, i) + square;
    }
    longest = Math.max(longest, sum);
  }
  longest = Math.sqrt(columns.reduce((a, b) => Math.max(a, b), longest));
  if (longest <= LARGEST) return;
  throw new RangeError(
    `Cannot keep a matrix of shape [${shape}] as float16: its longest row or column is ${
      longest.toPrecision(3)
    } long, and products of ` +
      "more than 65504 would overflow: use bf16: true, whose range is float32's",
  );
}
