/**
 * The base of rotary frequencies where config.json has none.
 * @module
 */

/** θ of transformers' configuration classes (5.17) that isn't 10000 where config.json has none. */
const THETAS: Readonly<Record<string, number>> = {
  qwen2_vl: 1e6,
  qwen2_5_vl: 1e6,
  qwen3_vl: 5e5,
  smollm3: 2e6,
  gemma3_text: 1e6,
  olmo3: 5e5,
  ernie4_5: 5e5,
};

/** θ of a family where config.json has none. @param modelType `model_type` of config.json */
export function thetaOfFamily(modelType: unknown): number {
  return THETAS[String(modelType)] ?? 10000;
}
