/**
 * Keys about the base model: where it comes from, how it is read.
 * @module
 */
import { type KeyType, REQUIRED } from "../key.ts";
import { bool, fileOrMap, fourOrEight, names, oneOf, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function modelKeys() {
  const row = keyRows("model");
  return {
    model_name_or_path: row(text(), REQUIRED, "folder, GGUF file or hub id of the base model"),
    base_model: row(
      orNull(text()),
      null,
      "the base model's id on the hub (owner/name) that the adapter and the model card name, where model_name_or_path is a path or a GGUF file",
      { derived: "what the files tell, else model_name_or_path" },
    ),
    adapter_name_or_path: row(
      names(),
      [],
      "adapter to continue training, a folder or a hub id; of several (a list, or text with commas) all but the last are merged into the model first, " +
        "and with create_new_adapter all are",
    ),
    quantization_bit: row(
      orNull(fourOrEight()),
      null,
      "frozen weights of the layers' modules in so many bits, a file's own blocks if they have at most as many (QLoRA); needs LoRA and " +
        "backend onnx on the CPU; embedding and head aren't rounded, and checkpointing keeps as little as it can",
    ),
    cache_dir: row(orNull(text()), null, "folder for downloads", { derived: "HF_HOME's hub folder" }),
    model_revision: row(
      text(),
      "main",
      "branch, tag or commit on the hub, of model and adapter; one behind an id (owner/name@revision) wins",
    ),
    hf_hub_token: row(orNull(text()), null, "token for the hub; never written to a file", {
      derived: "HF_TOKEN",
    }),
    train_from_scratch: row(
      bool(),
      false,
      "stages pt and sft with finetuning_type: full or freeze: begin from random weights (config.json's initializer_range, by seed); of the model only config.json and tokenizer are used",
    ),
    rope_scaling: row(
      orNull(oneOf(["linear", "dynamic", "yarn", "llama3"])),
      null,
      "finetuning_type: full or freeze: stretches the model's positions to cutoff_len, in what is saved too; for adapters write it into the model's config.json",
    ),
    resize_vocab: row(
      bool(),
      false,
      "make the embeddings as large as the tokenizer, in multiples of 64, where they are smaller; new rows are the mean of the others with noise, by seed; adapters train both whole then",
    ),
    add_tokens: row(
      names(),
      [],
      "tokens to add to the vocabulary, found in any text; a new one sets resize_vocab",
    ),
    add_special_tokens: row(
      names(),
      [],
      "special tokens to add to the vocabulary; a new one sets resize_vocab",
    ),
    new_special_tokens_config: row(
      // new_tokens.ts puts what a file says in its place
      orNull(fileOrMap()) as KeyType<Readonly<Record<string, string>> | null>,
      null,
      "special tokens to add, each with a text that says what it means: a YAML or JSON file of such a map, or the map; in place of add_special_tokens",
    ),
    init_special_tokens: row(
      oneOf(["noise_init", "desc_init", "desc_init_w_noise"]),
      "noise_init",
      "what rows of new_special_tokens_config's tokens begin as: the mean of the model's rows with noise, or the mean of the rows of their texts' tokens, without or " +
        "with noise",
    ),
    split_special_tokens: row(
      bool(),
      true,
      "text in the data that looks like a special token stays text; false makes it that token, as LLaMA-Factory's default does",
    ),
    disable_gradient_checkpointing: row(
      bool(),
      false,
      "keep activations instead of computing them again in the backward pass: faster, more memory, same result",
    ),
  };
}
