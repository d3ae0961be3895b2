/**
 * `new_special_tokens_config`: special tokens to add, each with what it means.
 * @module
 */
import { shown } from "../../../formats/message.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { settingsFile } from "./distributed/settings_file.ts";
import type { Fault } from "./fault.ts";

/** The key as a file has it. */
type AsWritten = Pick<TrainConfig, "add_special_tokens"> & {
  new_special_tokens_config: string | Record<string, unknown> | null;
};

/**
 * Puts what the key's file says in the key's place, so that run.yaml has it, and its tokens into `add_special_tokens`, as LLaMA-Factory does.
 * @param config Is changed
 */
export function takeNewTokens(config: AsWritten): { faults: Fault[]; notes: string[] } {
  const key = "new_special_tokens_config", { [key]: written, add_special_tokens: named } = config;
  if (written === null) return { faults: [], notes: [] };
  try {
    const meanings = typeof written === "string" ? settingsFile(written) : written;
    const from = typeof written === "string" ? ` in ${written}` : "";
    const bad = Object.entries(meanings).find(([, meaning]) => typeof meaning !== "string");
    if (bad !== undefined) {
      const message =
        `Cannot use ${key} as token ${shown(bad[0])}${from} needs a text that says what it means: ` +
        `current value is ${shown(bad[1])}`;
      return { faults: [{ key, message }], notes: [] };
    }
    const tokens = Object.keys(meanings), blank = tokens.find((token) => token.trim() === "");
    if (tokens.length === 0 || blank !== undefined) {
      const why = blank === undefined
        ? "it names no token: write each as TOKEN: text, or leave the key out"
        : `a token needs characters: current value is ${shown(blank)}`;
      return { faults: [{ key, message: `Cannot use ${key}${from} as ${why}` }], notes: [] };
    }
    const left = named.filter((token) => !tokens.includes(token));
    Object.assign(config, { [key]: meanings, add_special_tokens: tokens });
    return {
      faults: [],
      notes: left.length === 0 ? [] : [
        `add_special_tokens: ${left.join(", ")}: not used, as ${key} names the tokens, as in LLaMA-Factory`,
      ],
    };
  } catch (error) {
    const message = error instanceof Deno.errors.NotFound
      ? `there is no file ${written}`
      : error instanceof Error
      ? error.message
      : String(error);
    return { faults: [{ key, message: `Cannot read ${key}: ${message}` }], notes: [] };
  }
}
