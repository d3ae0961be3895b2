/**
 * Options of a template plugin: LLaMA-Factory's keys as far as it has options of their names, and `template_options`.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { shown } from "../../../formats/message.ts";
import { workingKeys } from "./working_keys.ts";

/** Keys of LLaMA-Factory that set a template. */
const KEYS = [
  "default_system",
  "tool_format",
  "enable_thinking",
  "preserve_thinking",
  "split_special_tokens",
] as const;

/** Fields of {@linkcode TrainConfig} that decide about a template. */
export type TemplateSettings = Pick<TrainConfig, typeof KEYS[number] | "template" | "template_options">;

/**
 * The options of `config.template`, as they are written.
 * @param known Names of the plugin's options
 * @param placeOf Where a key was written, for errors
 * @throws {RangeError} If a key has another value than its default and the template has no such option, or
 * `template_options` names what a key of its own sets
 */
export function templateSettings(
  config: TemplateSettings,
  known: readonly string[],
  placeOf: (key: string) => string = () => "",
): Record<string, unknown> {
  const table = workingKeys();
  const options: Record<string, unknown> = {};
  for (const key of KEYS) {
    if (known.includes(key)) options[key] = config[key];
    else if (config[key] !== table[key].default) {
      placed(placeOf(key), () => {
        throw new RangeError(
          `Cannot set ${key} of the template ${config.template} as it has no such option (it has ${
            known.join(", ") || "none"
          }): current value is ${shown(config[key])}`,
        );
      });
    }
    if (key in config.template_options) {
      placed(placeOf("template_options"), () => {
        throw new RangeError(`Cannot use template_options.${key}: write ${key} as a key of its own`);
      });
    }
  }
  return { ...options, ...config.template_options };
}
