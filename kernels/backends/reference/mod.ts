/**
 * The reference backend: runs every kernel's `reference` in float64. Slow, exact, and the definition of the others.
 * @module
 */
import {
  type Backend,
  checkUploaded,
  checkWritten,
  elements,
  type HostArray,
  type Program,
  type Tensor,
} from "../../backend.ts";
import { type Graph, nodeSizes, ValueMap } from "../../graph.ts";
import { extentOf, indexCheck } from "../indices.ts";
import { programWith } from "../options.ts";
import { bindSizes, concreteShape, concreteSize } from "../../sizes.ts";

/** A tensor in float64. */
export class ReferenceTensor implements Tensor {
  constructor(
    readonly values: Float64Array,
    readonly shape: readonly number[],
    readonly type: "f32" | "i32",
  ) {}
  dispose(): void {}
}

/** Makes the reference backend. */
export function referenceBackend(): Backend {
  return {
    name: "reference",
    description: "plain loops in float64, 1 thread",
    hostMemory: true,
    keepsTensors: true,
    compile: (graph, name, options) => Promise.resolve(programWith(referenceProgram, graph, name, options)),
    upload: (data, shape) => {
      checkUploaded(data.length, shape);
      return new ReferenceTensor(Float64Array.from(data), shape, data instanceof Int32Array ? "i32" : "f32");
    },
    download: (tensor) => {
      const { values, type } = tensor as ReferenceTensor;
      return Promise.resolve((type === "i32" ? Int32Array : Float32Array).from(values) as HostArray);
    },
    write: (tensor, data) => {
      checkWritten(data.length, tensor.shape);
      (tensor as ReferenceTensor).values.set(data);
    },
    zeros: (shape, type = "f32") => new ReferenceTensor(new Float64Array(elements(shape)), shape, type),
    dispose: () => Promise.resolve(),
  };
}

function referenceProgram(graph: Graph, name: string): Program {
  const checkIndices = indexCheck<ReferenceTensor>(name, graph, ({ values }) => extentOf(values));
  const run = (inputs: Readonly<Record<string, Tensor>>, into: Readonly<Record<string, Tensor>> = {}) => {
    const sizes = bindSizes(name, graph, inputs);
    checkIndices(inputs, sizes);
    const values = new ValueMap<Float64Array>();
    for (const [key, value] of Object.entries(graph.inputs)) {
      values.set(value, (inputs[key] as ReferenceTensor).values);
    }
    for (const node of graph.nodes) {
      const dims = mapObject(nodeSizes(node), (size) => concreteSize(size, sizes));
      const made = node.kernel.reference(mapObject(node.inputs, (v) => values.of(v)), dims, node.attrs);
      for (const [key, value] of Object.entries(node.outputs)) {
        const array = made[key];
        if (!array) throw new TypeError(`Kernel ${node.kernel.name} gives no output "${key}"`);
        values.set(value, array);
      }
    }
    return mapObject(graph.outputs, (value, key) => {
      const result = new ReferenceTensor(values.of(value), concreteShape(value, sizes), value.type);
      const tensor = into[key] as ReferenceTensor | undefined;
      tensor?.values.set(result.values);
      return tensor ?? result;
    });
  };
  return {
    run: (inputs, into) => {
      try {
        return Promise.resolve(run(inputs, into));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    dispose: () => Promise.resolve(),
  };
}

function mapObject<T, U>(
  object: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}
