/** Short runs that add tokens to a tiny model's vocabulary, for tests. */
import { join } from "@std/path";

import { train } from "../train.ts";
import { silentProgress } from "./outputs/mod.ts";

/** The tiny model of LLaMA-Factory's goldens: 304 rows, one tensor for embedding and head. */
export const TINY_QWEN = new URL("../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;

/** Six rows whose answers have the new tokens, as data set `rows` of a folder. */
export function writeRowsWithTokens(folder: string): void {
  const rows = Array.from({ length: 6 }, (_, i) => ({
    instruction: `say ${i}`,
    output: `<plan>${i}</plan> zwei ${i}`,
  }));
  Deno.writeTextFileSync(join(folder, "rows.json"), JSON.stringify(rows));
  Deno.writeTextFileSync(
    join(folder, "dataset_info.json"),
    JSON.stringify({ rows: { file_name: "rows.json" } }),
  );
}

/**
 * Trains four steps on the folder's rows with `zwei` and the special tokens `<plan>` and `</plan>`; gives what was said.
 * @param output Folder in `folder` to train into
 * @param more Further keys, or others
 */
export async function trainAddingTokens(
  folder: string,
  output: string,
  more: Record<string, unknown> = {},
): Promise<string[]> {
  const config = join(folder, `${output}.json`), said: string[] = [];
  const keys = {
    model_name_or_path: TINY_QWEN,
    stage: "sft",
    do_train: true,
    finetuning_type: "lora",
    lora_rank: 2,
    add_tokens: "zwei",
    add_special_tokens: "<plan>,</plan>",
    split_special_tokens: false,
    dataset_dir: folder,
    dataset: "rows",
    template: "qwen",
    cutoff_len: 64,
    output_dir: join(folder, output),
    max_steps: 4,
    save_steps: 2,
    per_device_train_batch_size: 2,
    gradient_accumulation_steps: 1,
    learning_rate: 0.02,
    plot_loss: false,
  };
  Deno.writeTextFileSync(config, JSON.stringify({ ...keys, ...more }));
  await train(config, [], { say: (line) => said.push(line), progress: silentProgress() });
  return said;
}
