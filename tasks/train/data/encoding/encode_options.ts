/**
 * How examples are encoded: lengths, ways to cut, and what is learnt.
 * @module
 */
import type { Example } from "../../../../plugins/kinds/dataset.ts";

/** Options of encoding. */
export interface EncodeOptions {
  /** Tokens of a sequence at most, > 0. */
  cutoff_len: number;
  /** Treatment of longer ones: cut anywhere, cut but never the assistant header, cut as a whole to their beginning or end, or dropped. */
  truncation: "llama_factory" | "keep_template" | "keep_start" | "keep_end" | "drop";
  /** sft: prompts are learnt too. */
  train_on_prompt: boolean;
  /** sft: only the last turn is learnt, and it is the last to be cut. */
  mask_history: boolean;
  /** sft: one answer to a whole conversation, for a model to answer itself. */
  predict_with_generate: boolean;
  /** pt: sequences are joined later and not cut here. */
  packing: boolean;
  /** pt: text that looks like a special token stays text. Templates have the option of their own. */
  split_special_tokens: boolean;
}

/**
 * Options as a configuration has them. With `packing` or `neat_packing` LLaMA-Factory takes one off `cutoff_len`, in every
 * stage but pt (there packing is the default, and the full length is used).
 */
export function encodeOptions(
  config: EncodeOptions & { neat_packing: boolean },
  shape: Example["shape"],
): EncodeOptions {
  const { cutoff_len, truncation, train_on_prompt, mask_history, packing, split_special_tokens } = config;
  const { predict_with_generate } = config;
  const less = (packing || config.neat_packing) && shape !== "text" && !predict_with_generate ? 1 : 0;
  const how = {
    truncation,
    train_on_prompt,
    mask_history,
    predict_with_generate,
    packing,
    split_special_tokens,
  };
  return { cutoff_len: cutoff_len - less, ...how };
}
