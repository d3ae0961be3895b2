/**
 * Checks of keys that name a model of its own as the reference.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { leavesCpu } from "./device.ts";
import type { Refuse } from "./refuse.ts";

/** Adapters and bits of `ref_model`. */
export function checkReference(c: TrainConfig, refuse: Refuse): void {
  const adapters = c.ref_model_adapters.length, bits = c.ref_model_quantization_bit;
  refuse(
    adapters > 0 && c.ref_model === null,
    "ref_model_adapters",
    "Cannot use ref_model_adapters without ref_model, as LLaMA-Factory reads them with it alone, and the reference would be the model without them: " +
      `set ref_model: ${c.model_name_or_path}, or leave them out`,
  );
  if (bits === null || c.ref_model === null) return;
  const key = "ref_model_quantization_bit", used = `Cannot use ${key}: ${bits} with`;
  refuse(
    adapters > 1,
    key,
    `${used} ${adapters} adapters, as merged weights are float32: merge them first (deno task export), and give that folder as ref_model`,
  );
  refuse(
    c.trainer !== "local",
    key,
    `${used} trainer: ${c.trainer}: it is the local trainer's; leave it out, and the reference is float`,
  );
  refuse(
    c.trainer === "local" && leavesCpu(c),
    key,
    `${used} backend: ${c.backend} and provider: ${c.provider}: it needs backend: onnx and provider: cpu`,
  );
}
