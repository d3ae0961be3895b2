/**
 * Sizes of symbolic axes from the tensors that a program is given.
 * @module
 */
import type { Tensor } from "./backend.ts";
import type { Graph, Size, Value } from "./graph.ts";

/**
 * Binds the symbolic sizes of a graph's inputs.
 * @throws {TypeError} If an input is missing, or its type or shape doesn't fit.
 */
export function bindSizes(
  name: string,
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [key, value] of Object.entries(graph.inputs)) {
    const tensor = inputs[key];
    if (!tensor) throw new TypeError(`Cannot run program ${name}: input "${key}" is missing`);
    const fits = tensor.type === value.type && tensor.shape.length === value.shape.length &&
      value.shape.every((size, i) => {
        const actual = tensor.shape[i];
        if (actual === undefined) return false;
        if (typeof size === "number") return size === actual;
        const bound = sizes.get(size);
        if (bound === undefined) sizes.set(size, actual);
        return bound === undefined || bound === actual;
      });
    if (!fits) {
      const known = [...sizes].map(([k, v]) => `${k}=${v}`).join(" ");
      throw new TypeError(
        `Cannot run program ${name}: input "${key}" needs ${value.type} [${value.shape}] (${known}): ` +
          `current value is ${tensor.type} [${tensor.shape}]`,
      );
    }
  }
  return sizes;
}

/** Concrete shape of a value. */
export function concreteShape(value: Value, sizes: ReadonlyMap<string, number>): number[] {
  return value.shape.map((size) => concreteSize(size, sizes));
}

/** Concrete size of an axis. @throws {TypeError} If it isn't bound. */
export function concreteSize(size: Size, sizes: ReadonlyMap<string, number>): number {
  const bound = typeof size === "number" ? size : sizes.get(size);
  if (bound === undefined) throw new TypeError(`Cannot size axis "${size}": no input has it`);
  return bound;
}
