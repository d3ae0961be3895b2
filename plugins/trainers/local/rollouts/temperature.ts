/**
 * The policy that answers are drawn from, as the engine has it: log-probabilities of logits over the temperature, as in TRL.
 * @module
 */
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";

/**
 * The same model, whose logits are divided by a temperature.
 * @param temperature > 0
 * @throws {RangeError} If its logits are capped, behind which nothing is multiplied, and the temperature isn't 1
 */
export function atTemperature(decoder: DecoderConfig, temperature: number): DecoderConfig {
  if (temperature === 1) return decoder;
  const { logitCap, logitScale = 1, modelType } = decoder;
  if (logitCap !== undefined) {
    throw new RangeError(
      `Cannot learn from answers drawn at temperature: ${temperature} as logits of this ${modelType} model are capped (final_logit_softcapping: ${logitCap}): use temperature: 1`,
    );
  }
  return { ...decoder, logitScale: logitScale / temperature };
}
