/**
 * Products of float64 matrices by ONNX Runtime's CPU provider, for linear algebra beside the engine: kernels are float32.
 * @module
 */
import "./no_telemetry.ts";
import * as ort from "onnxruntime-node";

import { defaultThreads, fittingThreads } from "../../threads.ts";
import { OnnxModelBuilder } from "./model_builder.ts";

/** A matrix, row-major. */
export interface DoubleMatrix {
  readonly data: Float64Array<ArrayBuffer>;
  readonly rows: number;
  readonly columns: number;
}

/** Makes products until it is disposed of. */
export class DoubleProducts {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @param threads ≥ 1; default: {@linkcode defaultThreads} */
  static async open(threads = fittingThreads(defaultThreads())): Promise<DoubleProducts> {
    const g = new OnnxModelBuilder();
    const a = g.input("a", "f64", ["m", "k"]), b = g.input("b", "f64", ["n", "k"]);
    g.output("y", g.op("Gemm", [a, b], { transB: 1 }), "f64", ["m", "n"]);
    return new DoubleProducts(
      await ort.InferenceSession.create(g.encode("product of doubles"), {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
      }),
    );
  }

  /**
   * `a bᵀ`, `[a.rows, b.rows]`.
   * @throws {TypeError} If rows differ in length
   */
  async timesTransposed(a: DoubleMatrix, b: DoubleMatrix): Promise<Float64Array<ArrayBuffer>> {
    if (a.columns !== b.columns) {
      throw new TypeError(`Cannot multiply rows of ${a.columns} with rows of ${b.columns}`);
    }
    const tensor = ({ data, rows, columns }: DoubleMatrix) =>
      new ort.Tensor("float64", data.subarray(0, rows * columns), [rows, columns]);
    const { y } = await this.#session.run({ a: tensor(a), b: tensor(b) });
    return y?.data as Float64Array<ArrayBuffer>;
  }

  /** Frees what it holds. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }
}
