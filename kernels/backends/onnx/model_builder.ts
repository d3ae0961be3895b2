/**
 * Writes an ONNX model node by node, for programs that use operators which no kernel here is lowered to. Large constants stand
 * in a file beside the model.
 * @module
 */
import type onnxProto from "onnx-proto";
import type { OnnxNode } from "../../onnx_node.ts";
import { modelBytes } from "./model_bytes.ts";
import { plainNode } from "./proto.ts";
import type { OrtType } from "./c_api/mod.ts";

type Proto<T> = T[];

/** Element types by their numbers in ONNX. */
const CODES = { f32: 1, u8: 2, i32: 6, i64: 7, f64: 11 } as const satisfies Partial<Record<OrtType, number>>;

/** Element type of a value in a built model. */
export type BuilderType = keyof typeof CODES;

/** Bytes of a constant in a file. */
export interface FilePlace {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A model that is being written. Values are named by their producers. */
export class OnnxModelBuilder {
  readonly #nodes: Proto<onnxProto.onnx.INodeProto> = [];
  readonly #inputs: Proto<onnxProto.onnx.IValueInfoProto> = [];
  readonly #outputs: Proto<onnxProto.onnx.IValueInfoProto> = [];
  readonly #constants: Proto<onnxProto.onnx.ITensorProto> = [];
  readonly #known = new Set<string>();
  /** Values that nodes give → names of those that are outputs. */
  readonly #values = new Map<string, string | null>();
  readonly #domains = new Set(["com.microsoft"]);
  #count = 0;

  /** Adds a node of one output; gives its name. An input "" is left out. */
  op(
    op: string,
    inputs: readonly string[],
    attrs: OnnxNode["attrs"] = {},
    domain?: OnnxNode["domain"],
  ): string {
    return this.ops(op, inputs, { count: 1, attrs, domain })[0] ?? "";
  }

  /** Adds a node of several outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    { count, attrs = {}, domain }: {
      count: number;
      attrs?: OnnxNode["attrs"];
      domain?: OnnxNode["domain"] | undefined;
    },
  ): string[] {
    const outputs = Array.from({ length: count }, () => `v${this.#count++}`);
    for (const value of outputs) this.#values.set(value, null);
    if (domain) this.#domains.add(domain);
    this.#nodes.push(
      plainNode(
        { op, in: [...inputs], out: outputs, ...(attrs && { attrs }), ...(domain && { domain }) },
        (name) => name,
      ),
    );
    return outputs;
  }

  /** A number, `[]` float32. */
  number(value: number): string {
    return this.op("Constant", [], { value_float: { float: value } });
  }

  /** A value times a factor; itself for 1, the default. */
  scaled(x: string, factor = 1): string {
    return factor === 1 ? x : this.op("Mul", [x, this.number(factor)]);
  }

  /** cap · tanh(value / cap); itself where there is no cap. */
  capped(x: string, cap?: number): string {
    return cap === undefined ? x : this.scaled(this.op("Tanh", [this.scaled(x, 1 / cap)]), cap);
  }

  /** Declares an input; names stand for sizes that are known at a run. */
  input(name: string, type: BuilderType, shape: readonly (number | string)[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Makes a value an output, under a name of its own. @throws {RangeError} If it is one already, or no node gives it */
  output(name: string, value: string, type: BuilderType, shape: readonly (number | string)[]): void {
    const other = this.#values.get(value);
    if (other !== null) {
      const why = other === undefined ? "no node gives it" : `it is the output ${other} already`;
      throw new RangeError(`Cannot make ${value} the output ${name}: ${why}`);
    }
    this.#values.set(value, name);
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** A short list of whole numbers. */
  integers(values: readonly number[]): string {
    const name = `i64.${values.join(".")}`;
    if (this.#known.has(name)) return name;
    this.#known.add(name);
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#constants.push({ name, dims: [values.length], dataType: CODES.i64, rawData });
    return name;
  }

  /** A constant in a file, or (without a place) one that the session is given. */
  constant(name: string, type: BuilderType, shape: readonly number[], place: FilePlace): string {
    const where = { location: place.file, offset: place.offset, length: place.length };
    this.#constants.push({
      name,
      dims: [...shape],
      dataType: CODES[type],
      dataLocation: 1,
      externalData: Object.entries(where).map(([key, value]) => ({ key, value: String(value) })),
    });
    return name;
  }

  /** The model's bytes. */
  encode(name: string): Uint8Array<ArrayBuffer> {
    const named = (values: string[] | null | undefined) =>
      values?.map((value) => this.#values.get(value) ?? value) ?? [];
    for (const node of this.#nodes) [node.input, node.output] = [named(node.input), named(node.output)];
    return modelBytes(this.#domains, {
      name,
      node: this.#nodes,
      input: this.#inputs,
      output: this.#outputs,
      initializer: this.#constants,
    });
  }
}

function valueInfo(name: string, type: BuilderType, shape: readonly (number | string)[]) {
  const dim = shape.map((size) => typeof size === "number" ? { dimValue: size } : { dimParam: size });
  return { name, type: { tensorType: { elemType: CODES[type], shape: { dim } } } };
}
