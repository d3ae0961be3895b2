/**
 * An ONNX model of a file, as another program would run it: through the binding, with ONNX Runtime's own settings.
 * @module
 */
import "./no_telemetry.ts";
import * as ort from "onnxruntime-node";

/** A model's input, or what it gave. */
export interface FileTensor {
  readonly data: Float32Array | BigInt64Array;
  readonly shape: readonly number[];
}

/** A model that is ready to run. */
export interface ModelFile {
  /** Runs once; outputs by name. */
  run(inputs: Readonly<Record<string, FileTensor>>): Promise<Record<string, FileTensor>>;
  /** Frees it. */
  dispose(): Promise<void>;
}

/**
 * Opens a model; data files are looked for beside it.
 * @throws {Error} If it isn't a model that ONNX Runtime's CPU provider runs
 */
export async function openModelFile(path: string): Promise<ModelFile> {
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["cpu"],
    logSeverityLevel: 3,
  });
  return {
    async run(inputs) {
      const given = Object.entries(inputs).map(([name, { data, shape }]) =>
        [name, new ort.Tensor(data instanceof Float32Array ? "float32" : "int64", data, shape)] as const
      );
      const outputs = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(outputs).map((
          [name, { data, dims }],
        ) => [name, { data: numbersOf(name, data), shape: dims }]),
      );
    },
    dispose: () => session.release(),
  };
}

function numbersOf(name: string, data: ort.Tensor["data"]): FileTensor["data"] {
  if (data instanceof Float32Array || data instanceof BigInt64Array) return data;
  throw new TypeError(
    `Cannot read output ${name} as float32 or int64: current value is ${data.constructor.name}`,
  );
}
