/**
 * The keys that work, with LLaMA-Factory 0.9.5's (and through it transformers') defaults. One row a field of
 * {@linkcode TrainConfig}: a field without a row, or a row of another type, doesn't compile.
 * @module
 */
import { z } from "zod";

import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { type KeyGroup, type KeyType, REQUIRED, type WorkingKey } from "./key.ts";
import {
  bool,
  fileOrMap,
  fourOrEight,
  int,
  map,
  names,
  num,
  numbers,
  oneOf,
  orNull,
  settingMap,
  someOf,
  text,
  wordList,
} from "./value_types.ts";

/** A row for every field; null where the resolved default depends on other keys. */
export type WorkingKeys = { readonly [K in keyof TrainConfig]: WorkingKey<TrainConfig[K] | null> };

/** The rows, in the order of the docs page. */
export function workingKeys(): WorkingKeys {
  return { ...model(), ...data(), ...training(), ...method(), ...generating(), ...own() };
}

function row<T>(
  group: KeyGroup,
  type: KeyType<T>,
  fallback: NoInfer<T> | typeof REQUIRED,
  description: string,
  more: Pick<WorkingKey<T>, "derived" | "refused"> = {},
): WorkingKey<T> {
  return { state: "works", group, type, default: fallback, description, ...more };
}

function model() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("model", ...rest);
  return {
    model_name_or_path: add(text(), REQUIRED, "folder, GGUF file or hub id of the base model"),
    base_model: add(
      orNull(text()),
      null,
      "the base model's id on the hub (owner/name) that the adapter and the model card name, where model_name_or_path is a path or a GGUF file",
      { derived: "what the files tell, else model_name_or_path" },
    ),
    adapter_name_or_path: add(
      names(),
      [],
      "adapter to continue training, a folder or a hub id; of several (a list, or text with commas) all but the last are merged into the model first, " +
        "and with create_new_adapter all are",
    ),
    quantization_bit: add(
      orNull(fourOrEight()),
      null,
      "frozen weights of the layers' modules in so many bits, a file's own blocks if they have at most as many (QLoRA); needs LoRA and " +
        "backend onnx on the CPU; embedding and head stay float32",
    ),
    cache_dir: add(orNull(text()), null, "folder for downloads", { derived: "HF_HOME's hub folder" }),
    model_revision: add(
      text(),
      "main",
      "branch, tag or commit on the hub, of model and adapter; one behind an id (owner/name@revision) wins",
    ),
    hf_hub_token: add(orNull(text()), null, "token for the hub; never written to a file", {
      derived: "HF_TOKEN",
    }),
    train_from_scratch: add(
      bool(),
      false,
      "stages pt and sft with finetuning_type: full or freeze: begin from random weights (config.json's initializer_range, by seed); of the model only config.json and tokenizer are used",
    ),
    rope_scaling: add(
      orNull(oneOf(["linear", "dynamic", "yarn", "llama3"])),
      null,
      "finetuning_type: full or freeze: stretches the model's positions to cutoff_len, in what is saved too; for adapters write it into the model's config.json",
    ),
    split_special_tokens: add(
      bool(),
      true,
      "text in the data that looks like a special token stays text; false makes it that token, as LLaMA-Factory's default does",
    ),
    disable_gradient_checkpointing: add(
      bool(),
      false,
      "keep activations instead of computing them again in the backward pass: faster, more memory, same result",
    ),
  };
}

function data() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("data", ...rest);
  return {
    template: add(
      orNull(text()),
      null,
      "chat template by name; auto renders the model's own; needed unless stage is pt",
    ),
    dataset: add(names(), [], "training sets by name, looked up in dataset_info.json"),
    eval_dataset: add(names(), [], "evaluation sets by name; not together with val_size"),
    eval_on_each_dataset: add(
      bool(),
      false,
      "evaluate each set of eval_dataset by itself: eval_NAME_loss and so on in place of eval_loss; metric_for_best_model then names one of them",
    ),
    dataset_dir: add(text(), "data", "folder with dataset_info.json and the data files"),
    cutoff_len: add(int(1), 2048, "largest number of tokens of one sequence, prompt and answer together"),
    train_on_prompt: add(bool(), false, "prompt tokens get labels too (stage sft)"),
    mask_history: add(bool(), false, "only the last turn gets labels (stage sft)"),
    streaming: add(bool(), false, "read the data as a stream, for files larger than memory; needs max_steps"),
    buffer_size: add(int(1), 16384, "rows in the shuffle buffer of a stream"),
    mix_strategy: add(
      oneOf(["concat", "interleave_under", "interleave_over", "interleave_once"]),
      "concat",
      "how several sets are joined: one behind the other, or drawn in turn until the first (under) or last (over) ends",
    ),
    interleave_probs: add(orNull(numbers()), null, "one sampling weight a set, for interleaving"),
    overwrite_cache: add(bool(), false, "encode again although there is a cached result"),
    preprocessing_num_workers: add(orNull(int(1)), null, "workers that encode", {
      derived: "number of processors",
    }),
    max_samples: add(orNull(int(1)), null, "use the first so many rows of each set"),
    val_size: add(
      num({ min: 0 }),
      0,
      "held out of the training data for evaluation: below 1 a share, from 1 on rows",
    ),
    packing: add(
      orNull(bool()),
      null,
      "several examples in one row of cutoff_len tokens, laid out as LLaMA-Factory does; they don't see each other, with or without " +
        "neat_packing (stage pt: one text behind the other, cut into rows)",
      {
        derived: "true for stage pt, else false",
      },
    ),
    neat_packing: add(
      bool(),
      false,
      "packing in which examples don't see each other, which is always so here",
    ),
    tool_format: add(orNull(text()), null, "tool syntax instead of the template's own"),
    default_system: add(
      orNull(text({ empty: true })),
      null,
      "system text instead of the template's own",
    ),
    enable_thinking: add(
      orNull(bool()),
      true,
      "reasoning templates: true puts an empty thought into the answer, false into the prompt, nothing leaves it out",
    ),
    preserve_thinking: add(bool(), false, "reasoning templates: keep the thoughts of earlier turns"),
  };
}

function training() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("training", ...rest);
  const interval = oneOf(["no", "steps", "epoch"]);
  const beta = num({ min: 0, below: 1 });
  return {
    output_dir: add(text(), REQUIRED, "folder for everything that the run writes"),
    overwrite_output_dir: add(
      bool(),
      false,
      "start again in a folder that isn't empty: what the old run wrote goes",
    ),
    do_train: add(bool(), false, "train; this, do_predict or do_eval must be true"),
    do_predict: add(
      bool(),
      false,
      "stage sft: answers to the evaluation rows, beside those of the data, as generated_predictions.jsonl; BLEU-4 and ROUGE as predict_results.json; with " +
        "do_train by what was trained, else by the model and adapter that are named",
    ),
    predict_with_generate: add(
      bool(),
      false,
      "needed by do_predict, as in LLaMA-Factory; evaluations give losses with it too",
    ),
    do_eval: add(
      bool(),
      false,
      "evaluate at the end; without do_train the model and adapter that are named, as eval_results.json",
      { derived: "true when eval_strategy isn't no" },
    ),
    eval_strategy: add(interval, "no", "when to evaluate"),
    eval_steps: add(
      orNull(num({ above: 0 })),
      null,
      "steps between evaluations; below 1 a share of all steps",
      {
        derived: "logging_steps",
      },
    ),
    eval_delay: add(
      num({ min: 0 }),
      0,
      "steps (or epochs, as eval_strategy says) before the first evaluation",
    ),
    eval_on_start: add(bool(), false, "evaluate before the first step"),
    per_device_train_batch_size: add(int(1), 8, "examples of one micro-batch"),
    per_device_eval_batch_size: add(int(1), 8, "examples of one evaluation batch"),
    gradient_accumulation_steps: add(int(1), 1, "micro-batches of one optimizer step"),
    learning_rate: add(num({ min: 0 }), 5e-5, "peak learning rate"),
    weight_decay: add(num({ min: 0 }), 0, "decoupled weight decay, not on biases and norms"),
    adam_beta1: add(beta, 0.9, "decay of AdamW's first moment"),
    adam_beta2: add(beta, 0.999, "decay of AdamW's second moment"),
    adam_epsilon: add(num({ min: 0 }), 1e-8, "AdamW's epsilon"),
    label_smoothing_factor: add(
      num({ min: 0, below: 1 }),
      0,
      "stages sft and pt: share of each label that is spread evenly over the vocabulary; the losses of evaluations are smoothed too, as in transformers",
    ),
    neftune_noise_alpha: add(
      orNull(num({ min: 0 })),
      null,
      "NEFTune: training passes add noise to embeddings, uniform in ±alpha/√(L·D), L the tokens of the row's sequence, D the hidden size; 5 to 15 is usual",
    ),
    max_grad_norm: add(num({ min: 0 }), 1, "limit of the gradient's global norm; 0: no clipping"),
    num_train_epochs: add(num({ above: 0 }), 3, "epochs; may be a fraction"),
    max_steps: add(int(-1), -1, "optimizer steps; overrides num_train_epochs when positive"),
    lr_scheduler_type: add(
      oneOf([
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "warmup_stable_decay",
      ]),
      "linear",
      "how the learning rate changes over the steps",
      {
        refused: {
          reduce_lr_on_plateau: "it isn't there yet: use cosine or linear",
          cosine_warmup_with_min_lr: "it isn't there yet: use cosine_with_min_lr",
        },
      },
    ),
    lr_scheduler_kwargs: add(
      orNull(settingMap()),
      null,
      "further settings of the schedule: num_cycles, power, lr_end, timescale, min_lr, min_lr_rate; of warmup_stable_decay num_stable_steps (a third of what follows the warm-up), " +
        "num_decay_steps (the rest), min_lr_ratio, num_cycles, warmup_type and decay_type (linear, cosine, 1-sqrt)",
    ),
    warmup_ratio: add(
      num({ min: 0, max: 1 }),
      0,
      "share of the steps that warm up, rounded up",
    ),
    warmup_steps: add(
      num({ min: 0 }),
      0,
      "warm-up steps; below 1 a share of all steps, rounded up; overrides warmup_ratio when positive",
    ),
    logging_dir: add(orNull(text()), null, "folder of TensorBoard files", { derived: "runs in output_dir" }),
    logging_strategy: add(interval, "steps", "when a log line is written"),
    logging_first_step: add(bool(), false, "log step 1 too"),
    logging_steps: add(num({ above: 0 }), 500, "steps between log lines; below 1 a share of all steps"),
    save_strategy: add(oneOf(["no", "steps", "epoch", "best"]), "steps", "when checkpoints are saved"),
    save_steps: add(num({ above: 0 }), 500, "steps between checkpoints; below 1 a share of all steps"),
    save_total_limit: add(
      orNull(int(1)),
      null,
      "checkpoints kept; the best one and the last one stay in any case",
    ),
    save_only_model: add(bool(), false, "checkpoints without optimizer state; they can't be resumed from"),
    deepspeed: add(
      orNull(fileOrMap()),
      null,
      "a DeepSpeed file: chooses trainer: torch, with the equivalents of its ZeRO stage and offloading (docs/scale.md)",
    ),
    fsdp: add(
      orNull(wordList()),
      null,
      "words such as full_shard, shard_grad_op and offload: chooses trainer: torch, with their equivalents (docs/scale.md)",
    ),
    fsdp_config: add(
      orNull(fileOrMap()),
      null,
      "settings of fsdp, or the JSON or YAML file that holds them; accelerate's own file, too",
    ),
    ddp_timeout: add(num({ above: 0 }), 1800, "trainer: torch: seconds that a process waits for the others"),
    seed: add(
      int(0, 2 ** 32 - 1),
      42,
      "seed of initial adapters, dropout, noise, validation split and row order",
    ),
    data_seed: add(orNull(int(0, 2 ** 32 - 1)), null, "seed of the row order", { derived: "seed" }),
    dataloader_drop_last: add(bool(), false, "leave out an epoch's last micro-batch when it isn't full"),
    disable_tqdm: add(orNull(bool()), null, "no progress bar", { derived: "false" }),
    load_best_model_at_end: add(bool(), false, "end with the best checkpoint, not the last"),
    metric_for_best_model: add(orNull(text()), null, "log key that says which checkpoint is best", {
      derived: "eval_loss when load_best_model_at_end, early_stopping_steps or save_strategy: best need one",
    }),
    greater_is_better: add(orNull(bool()), null, "whether a higher metric is better", {
      derived: "false for a metric that ends in loss, else true",
    }),
    report_to: add(
      someOf(["tensorboard", "csv"]),
      [],
      "files for other tools, beside trainer_log.jsonl",
      {
        refused: Object.fromEntries(
          [
            "wandb",
            "swanlab",
            "mlflow",
            "trackio",
            "comet_ml",
            "neptune",
            "clearml",
            "dvclive",
            "codecarbon",
            "azure_ml",
            "flyte",
            "dagshub",
          ]
            .map((
              name,
            ) => [
              name,
              "no service gets data from here: use tensorboard or csv, whose files they can import",
            ]),
        ),
      },
    ),
    fp16: add(
      bool(),
      false,
      "backend webgpu: keep frozen matrices as float16, rounded; without it only those whose values float16 holds, as those of " +
        "a float16 or bfloat16 file; arithmetic is float32 either way. provider cuda: they and the operands of products with them " +
        "are float16, sums float32",
    ),
    bf16: add(
      bool(),
      false,
      "provider cuda: frozen matrices and the operands of products with them are bfloat16, sums and all else float32; trainer torch: " +
        "its dtype; elsewhere float32 is used, which this number type only approximates",
    ),
    tf32: add(
      orNull(bool()),
      null,
      "provider cuda: products of float32 may round their operands to 10 bits of mantissa; elsewhere float32 is used",
      { derived: "true if the variable NVIDIA_TF32_OVERRIDE is 1" },
    ),
    resume_from_checkpoint: add(
      orNull({
        kind: "boolean",
        values: ["auto"],
        words: "true, false, auto or a checkpoint folder",
        schema: z.union([z.boolean(), z.string().min(1)]),
      }),
      null,
      "true continues from the last checkpoint in output_dir, auto only if there is one (as LLaMA-Factory does), a path from that one",
    ),
    run_name: add(orNull(text()), null, "name of the run in TensorBoard files", {
      derived: "output_dir's name",
    }),
    include_num_input_tokens_seen: add(
      {
        kind: "boolean",
        values: ["all", "non_padding", "no"],
        words: "true, false, all or non_padding",
        schema: z.union([z.boolean(), z.enum(["all", "non_padding", "no"])]).transform((v) =>
          v !== false && v !== "no"
        ),
      },
      false,
      "write num_input_tokens_seen into the log (there is no padding here, so it counts real tokens)",
    ),
  };
}

function method() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("finetuning", ...rest);
  const smoothing = num({ min: 0, below: 0.5 });
  return {
    stage: add(
      oneOf(["pt", "sft", "dpo", "kto", "iopo"]),
      "sft",
      "what is learnt: text, answers, or preferences",
      {
        refused: {
          rm: "there are no reward models here: use dpo, which needs none",
          ppo: "there is no reinforcement learning here: use dpo, kto or iopo on preference data",
        },
      },
    ),
    finetuning_type: add(
      oneOf(["lora", "freeze", "full"]),
      "lora",
      "train adapters, some layers, or all weights",
      {
        refused: {
          oft: "there are no OFT adapters here: use lora",
        },
      },
    ),
    freeze_trainable_layers: add(
      int(-Number.MAX_SAFE_INTEGER),
      2,
      "finetuning_type: freeze: how many of the last layers are trained; negative: of the first ones; 0: freeze_extra_modules alone",
    ),
    freeze_trainable_modules: add(
      names(),
      ["all"],
      "finetuning_type: freeze: modules of these layers that are trained (self_attn, mlp, input_layernorm, post_attention_layernorm); all: every one",
    ),
    freeze_extra_modules: add(
      names(),
      [],
      "finetuning_type: freeze: modules beside the layers that are trained too (embed_tokens, norm, lm_head); norm is a part of layers' names as well, " +
        "and trains their norms, as in LLaMA-Factory",
    ),
    use_llama_pro: add(
      bool(),
      false,
      "finetuning_type: freeze: train the last layer of each of freeze_trainable_layers equal shares, which block expansion (LLaMA Pro) has added to " +
        "the model",
    ),
    lora_rank: add(int(1), 8, "rank of the adapters"),
    lora_alpha: add(orNull(num({ above: 0 })), null, "scale of the adapters, over the rank", {
      derived: "twice lora_rank",
    }),
    lora_dropout: add(num({ min: 0, below: 1 }), 0, "probability of dropping an input of the adapters"),
    lora_target: add(
      names(),
      ["all"],
      "modules that get adapters; all: every linear layer but the output head",
    ),
    use_rslora: add(bool(), false, "divide by the square root of the rank instead of the rank"),
    use_dora: add(
      bool(),
      false,
      "DoRA: train lengths of the merged weights' rows beside the adapters, which give their directions",
    ),
    pissa_init: add(
      bool(),
      false,
      "PiSSA: begin from the leading singular parts of the weights, whose rest is the base; needs pissa_convert",
    ),
    pissa_iter: add(
      int(-1),
      16,
      "iterations from random numbers that find these parts; -1: in full, for small models (the work is the smaller size cubed a module)",
    ),
    pissa_convert: add(
      bool(),
      false,
      "PiSSA: save a plain adapter upon the model itself, of twice lora_rank, here in output_dir and its checkpoints",
    ),
    create_new_adapter: add(
      bool(),
      false,
      "merge every adapter of adapter_name_or_path into the model, and train a new one upon that; to be used on the model with those merged in",
    ),
    loraplus_lr_ratio: add(
      orNull(num({ above: 0 })),
      null,
      "LoRA+: learning rate of the adapters' B over learning_rate, which A keeps; weight decay follows each one's own rate",
    ),
    ref_model: add(
      orNull(text()),
      null,
      "model whose log-probabilities are the reference of stages dpo, kto and iopo: a folder, a GGUF file or a hub id, with the tokens of " +
        "model_name_or_path; its pass goes before training, so that the two models are never in memory together",
      { derived: "model_name_or_path with its merged adapters, and without the trained one" },
    ),
    ref_model_adapters: add(
      names(),
      [],
      "adapters merged into ref_model, in turn; need ref_model, without which LLaMA-Factory doesn't read them",
    ),
    ref_model_quantization_bit: add(
      orNull(fourOrEight()),
      null,
      "weights of ref_model's modules in so many bits, with one adapter at most; on backend onnx on the CPU; quantization_bit is the policy's alone",
    ),
    pref_beta: add(num({ above: 0 }), 0.1, "beta of the preference loss"),
    pref_ftx: add(
      num({ min: 0 }),
      0,
      "weight of an added SFT loss on the chosen answer (its mean log-probability); stage kto adds its mean over a micro-batch's " +
        "desirable rows, times rows over desirable rows, as LLaMA-Factory does",
    ),
    pref_loss: add(
      oneOf([
        ...["sigmoid", "hinge", "ipo", "robust", "orpo", "simpo"] as const,
        ...["exo_pair", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down"] as const,
      ]),
      "sigmoid",
      "preference loss of stage dpo, those from exo_pair on as in TRL; stage iopo takes sigmoid, hinge and robust; orpo and simpo use " +
        "no reference model",
      {
        refused: {
          kto_pair: "LLaMA-Factory 0.9.5 lists it but can't run it: use stage: kto, or sigmoid",
          dft: "it is no preference loss: use stage: sft with use_dft_loss: true",
        },
      },
    ),
    dpo_label_smoothing: add(
      smoothing,
      0,
      "label smoothing of stage dpo, with pref_loss sigmoid, robust or exo_pair (which needs it)",
    ),
    iopo_label_smoothing: add(
      smoothing,
      0,
      "label smoothing of stage iopo, with pref_loss sigmoid or robust (a key of the authors' IOPO code)",
    ),
    ld_alpha: add(
      orNull(num({ min: 0, max: 1 })),
      null,
      "stage dpo: length desensitising (LD-DPO): weight of the longer answer's tokens past the shorter one's length in the policy's sums, as in " +
        "LLaMA-Factory and TRL",
    ),
    use_dft_loss: add(
      bool(),
      false,
      "stage sft: dynamic fine-tuning (DFT): each token's loss is weighed by its probability, which the gradient takes as a constant; " +
        "evaluations' losses too, as in LLaMA-Factory",
    ),
    kto_chosen_weight: add(num({ above: 0 }), 1, "stage kto: weight of desirable rows"),
    kto_rejected_weight: add(num({ above: 0 }), 1, "stage kto: weight of undesirable rows"),
    simpo_gamma: add(num(), 0.5, "target margin of pref_loss simpo"),
    disable_shuffling: add(bool(), false, "keep the order of the training rows"),
    early_stopping_steps: add(orNull(int(1)), null, "evaluations without a gain before stopping"),
    compute_accuracy: add(
      bool(),
      false,
      "stage sft: evaluations give eval_accuracy, the share of an answer's tokens that the model finds likeliest, as a mean over examples",
    ),
    plot_loss: add(bool(), false, "write pictures of the loss curves (SVG and PNG)"),
  };
}

function generating() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("generating", ...rest);
  return {
    do_sample: add(bool(), true, "do_predict: draw the tokens, by seed; false: the likeliest ones"),
    temperature: add(
      num({ min: 0 }),
      0.95,
      "do_predict: temperature of the drawing; 0: the likeliest tokens",
    ),
    top_p: add(
      num({ above: 0, max: 1 }),
      0.7,
      "do_predict: draw among the likeliest tokens that together have this probability",
    ),
    top_k: add(int(0), 50, "do_predict: draw among the likeliest so many tokens; 0: all"),
    num_beams: add(int(1), 1, "do_predict: only 1, there is no beam search here"),
    max_new_tokens: add(int(1), 1024, "do_predict: tokens of an answer at most"),
    repetition_penalty: add(
      num({ above: 0 }),
      1,
      "do_predict: above 1 tokens that prompt or answer have already are less likely",
    ),
    skip_special_tokens: add(
      bool(),
      true,
      "do_predict: leave special tokens out of predict and label in generated_predictions.jsonl",
    ),
  };
}

function own() {
  const add = <T>(...rest: Tail<Parameters<typeof row<T>>>) => row<T>("own", ...rest);
  return {
    iopo_variant: add(
      oneOf(["full", "without_output_preference", "without_input_preference", "first_group_only"]),
      "full",
      "stage iopo: all of the loss, or one of the ablations of its paper",
    ),
    loss: add(orNull(text()), null, "loss plugin instead of the one that stage and pref_loss name"),
    loss_options: add(map(), {}, "options of loss"),
    template_options: add(map(), {}, "options of template that have no key of their own"),
    trainer: add(text(), "local", "trainer plugin"),
    trainer_options: add(map(), {}, "options of trainer"),
    plugins: add(
      {
        kind: "list",
        words: "a list of paths",
        schema: z.union([z.string().transform((path) => [path]), z.array(z.string())]),
      },
      [],
      "modules with plugins of your own, relative to the YAML file",
    ),
    truncation: add(
      oneOf(["llama_factory", "keep_template", "drop"]),
      "llama_factory",
      "what happens to a sequence longer than cutoff_len: cut as LLaMA-Factory does, cut but never the assistant header, or left out; always counted",
    ),
    backend: add(
      oneOf(["auto", "onnx", "webgpu", "reference"]),
      "auto",
      "what runs the kernels; auto: webgpu where a GPU passes its self-test, else onnx",
    ),
    provider: add(
      oneOf(["cpu", "cuda", "webgpu"]),
      "cpu",
      "execution provider of the onnx backend; a missing one is an error; what cuda needs is in docs/cuda.md",
    ),
    cuda_tensors: add(
      oneOf(["host", "device"]),
      "host",
      "provider cuda: host makes all blocks one program that holds the weights, device keeps every tensor there and runs block by block " +
        "(docs/cuda.md)",
    ),
    threads: add(orNull(int(1)), null, "threads of one matrix product", {
      derived: "the variable OMP_NUM_THREADS, or the number of processors",
    }),
    micro_batch_tokens: add(
      orNull(int(1)),
      null,
      "most tokens that go through the model at once: bounds memory, doesn't change what is learnt",
      { derived: "1024; on a GPU what fits its memory, up to 8192" },
    ),
    step_mean: add(
      oneOf(["micro_batches", "examples"]),
      "micro_batches",
      "preference stages: the loss of a step is the mean of its micro-batches' means, as in transformers, or of its examples; " +
        "they differ where an epoch's last micro-batch isn't full",
    ),
    data_cache_dir: add(orNull(text()), null, "folder of encoded data", {
      derived: "dinotune in the user's cache folder",
    }),
    llamafactory_version: add(
      orNull(oneOf(["0.9.5"])),
      null,
      "repeat a run of that version where it did something else than its keys say: 0.9.5 trains pref_loss hinge with the " +
        "sigmoid, ipo with the sigmoid of log-ratios per token",
    ),
    allow_changes: add(
      bool(),
      false,
      "continue although data or configuration changed since the checkpoint or run.yaml was written",
    ),
  };
}

type Tail<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;
