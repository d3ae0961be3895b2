/**
 * An adapter merged into its base model's weights: `W + scale · B A` (Hu et al. 2021, section 4.1).
 * @module
 */
import { f64 } from "../elements.ts";
import { narrow, widen, widened } from "../subnormal.ts";
import type { Adapter, LoraTensors } from "./adapter.ts";

/**
 * Reads weights with an adapter merged in: sums in float64, rounded to float32 once.
 * @param read Values of a base tensor by its name in transformers; a fresh array each call, which is changed.
 * @returns The same for the merged model.
 */
export function mergedWeights(
  read: (name: string) => Float32Array<ArrayBuffer>,
  adapter: Pick<Adapter, "modules">,
): (name: string) => Float32Array<ArrayBuffer> {
  return (name) => {
    const weight = read(name);
    const lora = name.endsWith(".weight") ? adapter.modules.get(name.slice(0, -".weight".length)) : undefined;
    if (lora) addLora(weight, lora, name);
    return weight;
  };
}

function addLora(weight: Float32Array, { a, b, r, scale, magnitude }: LoraTensors, name: string): void {
  if (magnitude !== undefined) {
    throw new TypeError(`Cannot merge lengths of DoRA into "${name}" alone: use wholeMerge`);
  }
  const inputs = a.length / r, outputs = b.length / r;
  if (weight.length !== inputs * outputs) {
    throw new TypeError(
      `Cannot merge an adapter of [${outputs}, ${inputs}] into "${name}": current value has ${weight.length} elements`,
    );
  }
  const sum = new Float64Array(inputs), wideA = widened(a), wideB = widened(b);
  for (let o = 0; o < outputs; o++) {
    const row = weight.subarray(o * inputs, (o + 1) * inputs);
    widen(row, sum);
    for (let k = 0; k < r; k++) {
      const factor = scale * f64(wideB, o * r + k), start = k * inputs;
      if (factor === 0) continue;
      for (let i = 0; i < inputs; i++) sum[i]! += factor * f64(wideA, start + i);
    }
    narrow(sum, row);
  }
}
