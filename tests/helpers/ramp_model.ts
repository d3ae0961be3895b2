/**
 * A tiny Llama or Qwen2 whose parameters any language can make: those of fixtures/goldens/models/make_rope_scaling.py.
 * @module
 */
import { readJson } from "./tiny_model.ts";

/** That maker's golden. */
export const ROPE_SCALING_GOLDEN = readJson(
  new URL("../../fixtures/goldens/models/rope_scaling.json", import.meta.url).pathname,
);

/** ((37 i + salt) mod 101 − 50) / 50, halved; of vectors a tenth of it around 1. */
function ramp(shape: readonly number[], salt: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => {
    const value = ((37 * i + salt) % 101 - 50) / 50;
    return shape.length === 1 ? 1 + value / 10 : value / 2;
  });
}

/** Config and tensors. @param change Of the golden's config */
export function rampModel(change: Record<string, unknown> = {}, modelType = "llama") {
  const { config, parameters } = ROPE_SCALING_GOLDEN.model as {
    config: Record<string, unknown>;
    parameters: [string, number[]][];
  };
  const tensors = parameters.map(([name, shape], i) => ({ name, shape, data: () => ramp(shape, 7 * i) }));
  const biases = modelType !== "qwen2"
    ? []
    : tensors.flatMap(({ name, shape: [rows = 1] }, i) =>
      /self_attn\.[qkv]_proj\.weight$/.test(name)
        ? [{ name: name.replace("weight", "bias"), shape: [rows], data: () => ramp([rows, 1], 7 * i) }]
        : []
    );
  return {
    config: {
      ...config,
      ...change,
      model_type: modelType,
      ...(modelType === "qwen2" && { architectures: ["Qwen2ForCausalLM"] }),
    },
    tensors: [...tensors, ...biases],
  };
}
