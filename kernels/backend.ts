/**
 * Backends: compile a graph into a program and hold tensors. A backend never learns about gradients.
 * @module
 */
import type { FloatPieces } from "../formats/float_pieces.ts";
import type { PackedMatrix } from "../formats/packed/mod.ts";
import type { Graph } from "./graph.ts";

/** A tensor that a backend holds. */
export interface Tensor {
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly type: "f32" | "i32";
  /** Gives its memory back. Using it afterwards is an error. */
  dispose(): void;
}

/** A graph compiled by a backend; disposed of by its owner. */
export interface Program {
  /**
   * Runs once.
   * @param inputs Every graph input by name, but for constants and what only unwanted outputs need.
   * @param into Tensors to write outputs to. Missing ones are allocated. They may be among the inputs only where {@linkcode Backend.inPlace}.
   * @param optional false: without the outputs that were compiled as optional. Default true.
   * @throws {TypeError} If an input is missing or its shape or type doesn't fit the graph.
   */
  run(
    inputs: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
    optional?: boolean,
  ): Promise<Record<string, Tensor>>;
  /** Frees what it holds. Running it afterwards is an error. */
  dispose(): Promise<void>;
}

/** How a backend makes tensors that are parts of others: each is used as any tensor, and its values are those of the whole there. */
export interface TensorParts {
  /** Float32 zeros that stay as long as the model, in memory of their own size. */
  zeros(shape: readonly number[]): Tensor;
  /**
   * Part of what {@linkcode TensorParts.zeros} gave; disposing of it frees nothing.
   * @param first Element of the whole that it begins with, a multiple of 64
   * @throws {RangeError} If the whole has no such elements.
   */
  of(whole: Tensor, first: number, shape: readonly number[]): Tensor;
  /** Makes what {@linkcode TensorParts.zeros} gave zero again. */
  clear(whole: Tensor): void;
}

/** Hints for compiling a graph. */
export interface CompileOptions {
  /**
   * Tensors for inputs that stay the same as long as the program lives; runs aren't given them. ONNX Runtime lays them out for
   * its products, and on the device; elsewhere the tensors themselves are used. Disposing of them is the caller's business.
   */
  constants?: Readonly<Record<string, Tensor>>;
  /** Outputs that only some runs want. What only they need is neither given nor computed in the others. */
  optional?: readonly string[];
}

/** Data on the host: float32, or int32 for integers. */
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** Hints about data that is put on a backend. */
export interface UploadOptions {
  /**
   * The values never change. A backend may then keep a matrix in fewer bits; which ones it keeps how is its options' and
   * its `description`'s to say, and only inputs named by `Kernel.halves` take such a tensor.
   */
  frozen?: boolean;
}

/** Where programs run. */
export interface Backend {
  /** "reference", "onnx" or "webgpu". */
  readonly name: string;
  /** Human-readable description of the device: "onnxruntime 1.30.0 through its C interface, cpu, 2 threads". */
  readonly description: string;
  /** True if tensors live in the host's memory, so that the host may work on them without copies. */
  readonly hostMemory: boolean;
  /** True if tensors stay on the device between runs; otherwise each run moves its inputs there and its outputs back. */
  readonly keepsTensors: boolean;
  /** True if a program has work to do for every new size of its inputs, so that a few sizes are better; absent: no. */
  readonly fewSizes?: boolean;
  /** True if log-probabilities under a frozen head are made without their logits in memory, on a CPU; absent: no. */
  readonly keepsNoLogits?: boolean;
  /** True if a run may write an output where one of its inputs stands, so that what is changed step by step keeps its memory; absent: no. */
  readonly inPlace?: boolean;
  /** Tensors that are parts of others; absent where each has memory of its own. */
  readonly parts?: TensorParts;
  /** Makes a program of a graph. `name` says in errors what it is. */
  compile(graph: Graph, name: string, options?: CompileOptions): Promise<Program>;
  /** Puts data on the device. On a CPU the array itself may be used, so it must not be changed while the tensor lives. */
  upload(data: HostArray, shape: readonly number[], options?: UploadOptions): Tensor;
  /**
   * Puts a frozen tensor there while it is read, as {@linkcode Backend.upload} would hold it, without the whole of it on the host; null
   * where that gains nothing, as of float32 on a CPU.
   */
  uploadPieces?(pieces: FloatPieces, shape: readonly number[]): Tensor | null;
  /** Puts a frozen matrix in 4 or 8 bits there, for products that take it as its float32s; absent or null: none do. */
  uploadPacked?(matrix: PackedMatrix): Tensor | null;
  /** True if {@linkcode Backend.uploadPieces} holds a frozen tensor in blocks of at most so many bits a code; absent: never. */
  holdsBlocks?(pieces: FloatPieces, shape: readonly number[], bits: 4 | 8): boolean;
  /**
   * Copies a tensor's values to the host; on a CPU this may be the tensor's own memory: read, don't write or keep.
   * @param ahead True if other work follows before they are asked for, so that nobody waits for them alone. Default false.
   */
  download(tensor: Tensor, ahead?: boolean): Promise<HostArray>;
  /**
   * Rows of a matrix as float32, `[ids, columns]`, a fresh array: of one in fewer bits without the whole of it in float32. Absent where tensors
   * don't lie with the host.
   */
  rows?(matrix: Tensor, ids: Int32Array): Float32Array<ArrayBuffer>;
  /** Overwrites a tensor with as many values; nothing to do where the data is the tensor's own memory. */
  write(tensor: Tensor, data: HostArray): void;
  /**
   * True if the device has so many bytes more, found by asking for them. Absent where rows of a pack needn't fill a device: on a CPU.
   */
  holds?(bytes: number): Promise<boolean>;
  /** A tensor of zeros. */
  zeros(shape: readonly number[], type?: "f32" | "i32"): Tensor;
  /** Frees everything. */
  dispose(): Promise<void>;
}

/** Number of elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Of values that become a tensor. @throws {TypeError} If its shape has another number of elements */
export function checkUploaded(count: number, shape: readonly number[]): void {
  if (count === elements(shape)) return;
  throw new TypeError(
    `Cannot upload ${count} elements as [${shape}]: that shape has ${elements(shape)}`,
  );
}

/** Of values that overwrite a tensor's. @throws {TypeError} If its shape has another number of elements */
export function checkWritten(count: number, shape: readonly number[]): void {
  if (count === elements(shape)) return;
  throw new TypeError(`Cannot write ${count} elements to a tensor of shape [${shape}]`);
}
