/**
 * The command line of `deno task chat`.
 * @module
 */
import { type Arguments, wholeNumber } from "../common/cli/arguments.ts";
import type { ModelsOptions } from "../serve/models.ts";
import { MODEL_FLAGS, readModelOptions } from "../serve/options.ts";
import type { ChatSessionOptions } from "./session.ts";

/** All flags of `chat`. */
export const CHAT_FLAGS = {
  "help [TOPIC]": "this text, or about one flag",
  ...MODEL_FLAGS,
  base: "with adapters: the model without any answers too",
  "system TEXT": "system text (the template's own)",
  "temperature T": "0: the best token always (the model's generation_config.json, else 1)",
  "top-p P": "only the best tokens that together have this probability",
  "max-tokens N": "tokens of an answer, at most (the context's rest)",
  "seed N": "the same answers every time; /retry draws others",
};

/** Options of a conversation. @throws {RangeError} If a value isn't one that its flag takes */
export function readChatOptions(
  given: Arguments,
  model: string,
): ChatSessionOptions & { models: ModelsOptions; base: boolean } {
  const limit = wholeNumber(given, "max-tokens"), seed = wholeNumber(given, "seed");
  const options = readModelOptions(given, model);
  const temperature = number(given, "temperature", 0, 2), top_p = number(given, "top-p", Number.MIN_VALUE, 1);
  if (limit === 0) throw new RangeError("Cannot use --max-tokens 0: an answer has a token at least");
  return {
    models: { ...options, name: null, maxBatch: options.adapters.size + 1 },
    base: given.flags.has("base"),
    system: given.values.get("system") ?? "",
    sampling: {
      ...(temperature !== undefined && { temperature }),
      ...(top_p !== undefined && { top_p }),
      ...(limit !== undefined && { max_tokens: limit }),
      ...(seed !== undefined && { seed }),
    },
  };
}

function number({ values }: Arguments, name: string, least: number, most: number): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= least && value <= most) return value;
  throw new RangeError(
    `Cannot use --${name} ${text}: it needs a number ${least === 0 ? "from 0" : "above 0"} to ${most}`,
  );
}
