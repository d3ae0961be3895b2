/**
 * Keys about data sets: which they are, how they are mixed, cut and packed.
 * @module
 */
import { bool, int, names, num, numbers, oneOf, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function dataKeys() {
  const row = keyRows("data");
  return {
    template: row(
      orNull(text()),
      null,
      "chat template by name; auto renders the model's own; needed unless stage is pt",
    ),
    dataset: row(names(), [], "training sets by name, looked up in dataset_info.json"),
    eval_dataset: row(names(), [], "evaluation sets by name; not together with val_size"),
    eval_on_each_dataset: row(
      bool(),
      false,
      "evaluate each set of eval_dataset by itself: eval_NAME_loss and so on in place of eval_loss; metric_for_best_model then names one of them",
    ),
    dataset_dir: row(text(), "data", "folder with dataset_info.json and the data files"),
    cutoff_len: row(int(1), 2048, "largest number of tokens of one sequence, prompt and answer together"),
    train_on_prompt: row(bool(), false, "prompt tokens get labels too (stage sft)"),
    mask_history: row(bool(), false, "only the last turn gets labels (stage sft)"),
    streaming: row(bool(), false, "read the data as a stream, for files larger than memory; needs max_steps"),
    buffer_size: row(int(1), 16384, "rows in the shuffle buffer of a stream"),
    mix_strategy: row(
      oneOf(["concat", "interleave_under", "interleave_over", "interleave_once"]),
      "concat",
      "how several sets are joined: one behind the other, or drawn in turn until the first (under) or last (over) ends",
    ),
    interleave_probs: row(orNull(numbers()), null, "one sampling weight a set, for interleaving"),
    overwrite_cache: row(bool(), false, "encode again although there is a cached result"),
    preprocessing_num_workers: row(orNull(int(1)), null, "workers that encode", {
      derived: "number of processors",
    }),
    max_samples: row(orNull(int(1)), null, "use the first so many rows of each set"),
    val_size: row(
      num({ min: 0 }),
      0,
      "held out of the training data for evaluation: below 1 a share, from 1 on rows",
    ),
    packing: row(
      orNull(bool()),
      null,
      "several examples in one row of cutoff_len tokens, laid out as LLaMA-Factory does; they don't see each other, with or without " +
        "neat_packing (stage pt: one text behind the other, cut into rows)",
      {
        derived: "true for stage pt, else false",
      },
    ),
    neat_packing: row(
      bool(),
      false,
      "packing in which examples don't see each other, which is always so here",
    ),
    tokenized_path: row(
      orNull(text()),
      null,
      "folder in which LLaMA-Factory keeps encoded data; nothing is written there, as encoded data has its own cache (data_cache_dir), and one that " +
        "holds some already is refused",
    ),
    tool_format: row(orNull(text()), null, "tool syntax instead of the template's own"),
    default_system: row(
      orNull(text({ empty: true })),
      null,
      "system text instead of the template's own",
    ),
    enable_thinking: row(
      orNull(bool()),
      true,
      "reasoning templates: true puts an empty thought into the answer, false into the prompt, nothing leaves it out",
    ),
    preserve_thinking: row(bool(), false, "reasoning templates: keep the thoughts of earlier turns"),
  };
}
