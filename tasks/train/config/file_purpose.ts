/**
 * Files that aren't for training, told apart by their keys: LLaMA-Factory's for merging, chatting, evaluating and new tokens, and those
 * of this project's eval task. Without this, they would be answered with the training keys that they lack.
 * @module
 */

import { fileOfOtherTask } from "../../common/config/file_purpose.ts";
import { keyTable } from "./key_table.ts";

/** Some keys of which a file of one purpose has at least one, and what to say of it. */
interface Purpose {
  keys: readonly string[];
  message: string;
}

const TO_TRAIN = "to train, a file needs do_train: true, output_dir and dataset";

const CHAT: Purpose = {
  keys: ["infer_backend", "infer_dtype", "vllm_maxlen", "sglang_maxlen"],
  message:
    `it is a file for chatting or serving (llamafactory-cli chat, webchat, api): deno task chat MODEL --adapter ADAPTER and deno task ` +
    `serve do that, with its model_name_or_path and adapter_name_or_path as arguments; ${TO_TRAIN}`,
};

const PURPOSES: readonly Purpose[] = [
  {
    keys: ["distributed_type", "compute_environment"],
    message:
      `it is accelerate's own file, of processes and how they share a model: name it as fsdp_config in the file that you train with (docs/scale.md); ${TO_TRAIN}`,
  },
  {
    keys: ["export_dir", "export_hub_model_id", "export_quantization_bit"],
    message: "it is a file for merging an adapter (llamafactory-cli export): deno task export takes it",
  },
  {
    keys: ["task", "task_dir", "n_shot", "save_dir"],
    message:
      `it is a file for LLaMA-Factory's own benchmarks (llamafactory-cli eval): deno task eval has others; ${TO_TRAIN}`,
  },
  CHAT,
];

/** Of LLaMA-Factory's v1 (USE_V1), which has an output_dir as a training file of 0.9.5 has. */
const V1: Purpose = {
  keys: ["train_dataset", "peft_config", "dist_config", "kernel_config", "quant_config", "model_class"],
  message:
    "it is a file of LLaMA-Factory's v1 (USE_V1=1), and keys here are those of 0.9.5: write model_name_or_path for model, dataset for train_dataset, " +
    "per_device_train_batch_size for micro_batch_size, finetuning_type with lora_rank, lora_alpha and lora_target for peft_config, and leave out " +
    `model_class, kernel_config, dist_config and what sets up a batch; ${TO_TRAIN}`,
};

/** How LLaMA-Factory's `new_special_tokens_config` writes a token: in angle brackets or square ones. */
const TOKEN = /^(?:<.+>|\[.+\])$/s;

const TOKENS =
  "it is a list of new tokens with what they mean, as new_special_tokens_config names one: name it so in the file that you train with; " +
  TO_TRAIN;

/** Keys outside the groups of model and generation that a file for chatting may have. */
const CHAT_KEYS = ["template", "finetuning_type", "default_system", "enable_thinking", "tool_format"];

/**
 * Message about a file that is meant for something else than training; null for any other, however faulty.
 * @param keys Keys of the file
 */
export function otherPurpose(keys: ReadonlySet<string>): string | null {
  if (keys.has("model") && !keys.has("model_name_or_path") && V1.keys.some((key) => keys.has(key))) {
    return V1.message;
  }
  if (keys.size > 0 && [...keys].every((key) => TOKEN.test(key))) return TOKENS;
  if (["output_dir", "dataset", "do_train", "stage"].some((key) => keys.has(key))) return null;
  const other = fileOfOtherTask(keys, "train");
  if (other !== null) return other;
  const found = PURPOSES.find((purpose) => purpose.keys.some((key) => keys.has(key)));
  if (found) return found.message;
  // The shortest file for chatting names a model, a template and perhaps an adapter.
  const table = keyTable();
  const isChat = [...keys].every((key) =>
    CHAT_KEYS.includes(key) || ["model", "generating"].includes(table.get(key)?.group ?? "")
  );
  return isChat && keys.has("template") ? CHAT.message : null;
}
