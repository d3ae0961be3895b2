/**
 * README.md of a trained model: the card that PEFT and transformers write, filled from the run itself.
 * @module
 */
import { stringify } from "yaml";

import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { keyTable } from "../config/key_table.ts";

/** Keys that say where others work. */
type Where = Pick<
  TrainConfig,
  "stage" | "loss" | "pref_loss" | "finetuning_type" | "adapter_name_or_path" | "create_new_adapter"
>;

/** Keys that change what is learnt and are shown where they differ from their default, which most runs leave them; by where they work. */
const DEPARTURES = [
  {
    works: () => true,
    keys: [
      ...["max_grad_norm", "lr_scheduler_kwargs", "neftune_noise_alpha", "label_smoothing_factor"] as const,
      ...["train_on_prompt", "mask_history", "neat_packing", "quantization_bit", "rope_scaling"] as const,
      ...["mix_strategy", "interleave_probs", "truncation", "disable_shuffling"] as const,
    ],
  },
  {
    // a loss plugin has options of its own
    works: ({ loss }) => loss === null,
    keys: [
      ...["use_dft_loss", "ld_alpha", "dpo_label_smoothing", "iopo_label_smoothing", "iopo_variant"] as const,
      ...["llamafactory_version"] as const,
    ],
  },
  { works: ({ stage }) => stage !== "pt" && stage !== "sft", keys: ["step_mean"] as const },
  { works: ({ stage }) => stage !== "pt", keys: ["packing"] as const },
  {
    works: ({ stage, loss }) => stage === "kto" && loss === null,
    keys: ["kto_chosen_weight", "kto_rejected_weight"] as const,
  },
  {
    works: ({ stage, loss, pref_loss }) => stage === "dpo" && loss === null && pref_loss === "simpo",
    keys: ["simpo_gamma"] as const,
  },
  {
    works: (of) => of.finetuning_type === "lora" && !isContinued(of),
    keys: ["use_rslora", "use_dora", "pissa_init"] as const,
  },
  { works: ({ finetuning_type }) => finetuning_type === "lora", keys: ["loraplus_lr_ratio"] as const },
] satisfies { works(of: Where): boolean; keys: unknown }[];

/** True if an adapter is trained on, which has its own settings. */
function isContinued({ adapter_name_or_path, create_new_adapter }: Where): boolean {
  return adapter_name_or_path.length > 0 && !create_new_adapter;
}

/** Keys of a configuration that a model card shows. */
export type ModelCardKeys = Pick<
  TrainConfig,
  | "stage"
  | "finetuning_type"
  | "dataset"
  | "eval_dataset"
  | "eval_on_each_dataset"
  | "template"
  | "train_from_scratch"
  | "cutoff_len"
  | "seed"
  | "per_device_train_batch_size"
  | "per_device_eval_batch_size"
  | "gradient_accumulation_steps"
  | "learning_rate"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "weight_decay"
  | "lr_scheduler_type"
  | "warmup_steps"
  | "warmup_ratio"
  | "max_steps"
  | "num_train_epochs"
  | "freeze_trainable_layers"
  | "freeze_trainable_modules"
  | "freeze_extra_modules"
  | "use_llama_pro"
  | "lora_rank"
  | "lora_alpha"
  | "lora_dropout"
  | "lora_target"
  | "adapter_name_or_path"
  | "create_new_adapter"
  | "loss"
  | "loss_options"
  | "pref_beta"
  | "pref_loss"
  | "pref_ftx"
  | "ref_model"
  | "ref_model_adapters"
  | "ref_model_quantization_bit"
  | typeof DEPARTURES[number]["keys"][number]
>;

/** Content of {@linkcode modelCard}. */
export interface ModelCard {
  /** Of the run. */
  config: ModelCardKeys;
  /** Base model as the user wrote it: hub id or path. */
  baseModel: string;
  /** Last part of the output directory. */
  name: string;
  /** Fields of the adapter_config.json that is saved; null: none is. */
  adapter: Readonly<Record<string, unknown>> | null;
  /** Optimizer steps done. */
  totalSteps: number;
  /** `log_history`. */
  history: readonly Readonly<Record<string, number>>[];
  /** As in eval_results.json; null without evaluation. */
  evaluation: Readonly<Record<string, number>> | null;
  /** Pictures in the directory. */
  pictures: readonly string[];
  /** By name of the program. */
  versions: Readonly<Record<string, string>>;
}

/** The text of the model card. */
export function modelCard(card: ModelCard): string {
  const { config, baseModel, name, evaluation, pictures, versions } = card;
  const isLora = config.finetuning_type === "lora", isFresh = config.train_from_scratch;
  const front = stringify({
    library_name: isLora ? "peft" : "transformers",
    license: "other",
    ...(!isFresh && { base_model: baseModel }),
    tags: [
      ...isFresh ? [] : [isLora ? `base_model:adapter:${baseModel}` : `base_model:finetune:${baseModel}`],
      "dinotune",
      config.finetuning_type,
      config.stage,
      "transformers",
    ],
    pipeline_tag: "text-generation",
    "model-index": [{ name, results: [] }],
  }, { lineWidth: 0, indentSeq: false });
  const link = linkOf(baseModel),
    reference = config.ref_model === null ? "" : ` against ${referenceText(config)}`;
  const data = config.dataset.length === 1
    ? `the ${config.dataset[0]} dataset`
    : `${config.dataset.join(", ")}`;
  const trained = isFresh
    ? `trained from random weights, with configuration and tokenizer of ${link},`
    : isLora
    ? `a LoRA adapter for ${link}, trained`
    : `a fine-tuned version of ${link}, trained`;
  const sections = [
    `---\n${front}---`,
    "<!-- Written by Dinotune from what it knows of the run. Proofread and complete it, then remove this comment. -->",
    `# ${name}`,
    `This model is ${trained} on ${data} with stage \`${config.stage}\`${reference}.`,
    ...(evaluation === null ? [] : [`Results on the evaluation set:\n\n${resultList(evaluation)}`]),
    ...pictures.filter((file) => file.endsWith(".png")).map((file) => `![${pictureTitle(file)}](${file})`),
    ...(isLora ? [`## How to use\n\n${uses(card)}`] : []),
    "## Model description\n\nMore information needed",
    "## Intended uses & limitations\n\nMore information needed",
    "## Training and evaluation data\n\nMore information needed",
    `## Training procedure\n\n### Training hyperparameters\n\n${list(hyperparameters(card))}`,
    ...resultsTable(card.history, setsOf(card.config)),
    `### Framework versions\n\n${list(versions)}`,
  ];
  return sections.join("\n\n") + "\n";
}

function linkOf(model: string): string {
  return isHubId(model) ? `[${model}](https://huggingface.co/${model})` : `\`${model}\``;
}

/** The reference model with its adapters, in words. */
function referenceText({ ref_model, ref_model_adapters: adapters }: ModelCardKeys): string {
  const merged = adapters.length === 0 ? "" : ` with ${adapters.map(linkOf).join(", ")} merged in`;
  return `the reference model ${linkOf(ref_model ?? "")}${merged}`;
}

/** Lines for the programs that load an adapter; `name` is the adapter's folder. */
function uses({ name, baseModel, config, adapter }: ModelCard): string {
  const peft = `With peft:

\`\`\`python
from peft import AutoPeftModelForCausalLM
model = AutoPeftModelForCausalLM.from_pretrained("${name}")
\`\`\``;
  if (adapter?.use_dora === true) {
    return `${peft}

With vLLM and llama.cpp, whose adapters have no place for DoRA's lengths of rows, merged (\`export_format=gguf\` for llama.cpp):

\`\`\`sh
deno task export model_name_or_path=${baseModel} adapter_name_or_path=${name} export_dir=${name}-merged
\`\`\``;
  }
  return `${peft}

With vLLM:

\`\`\`sh
vllm serve ${baseModel} --enable-lora --max-lora-rank ${
    vllmRank(largestRank(config, adapter))
  } --lora-modules ${name}=${name}
\`\`\`

With llama.cpp (\`base.gguf\` is the base model as a GGUF file):

\`\`\`sh
python convert_lora_to_gguf.py ${
    isHubId(baseModel) ? `--base-model-id ${baseModel} ` : "--base BASE_FOLDER "
  }${name} --outfile ${name}.gguf
llama-cli -m base.gguf --lora ${name}.gguf
\`\`\``;
}

/** Of the adapter's modules; the run's is another where PiSSA's is converted, or an adapter is trained on. */
function largestRank({ lora_rank }: ModelCardKeys, adapter: ModelCard["adapter"]): number {
  const ranks = adapter === null ? [] : [adapter.r, ...Object.values(adapter.rank_pattern ?? {})];
  const known = ranks.filter((rank) => typeof rank === "number");
  return known.length === 0 ? lora_rank : Math.max(...known);
}

/** vLLM takes a few ranks only; the next larger one does. */
function vllmRank(rank: number): number {
  return [1, 8, 16, 32, 64, 128, 256, 320, 512].find((limit) => limit >= rank) ?? rank;
}

function hyperparameters({ config, totalSteps, adapter }: ModelCard): Record<string, string | number | null> {
  const preference = ["dpo", "iopo", "kto"].includes(config.stage);
  const batch = config.per_device_train_batch_size;
  return {
    learning_rate: config.learning_rate,
    train_batch_size: batch,
    eval_batch_size: config.per_device_eval_batch_size,
    seed: config.seed,
    gradient_accumulation_steps: config.gradient_accumulation_steps,
    total_train_batch_size: batch * config.gradient_accumulation_steps,
    optimizer:
      `AdamW with betas=(${config.adam_beta1},${config.adam_beta2}), epsilon=${config.adam_epsilon} and weight_decay=${config.weight_decay}`,
    lr_scheduler_type: config.lr_scheduler_type,
    ...(config.warmup_steps > 0
      ? { lr_scheduler_warmup_steps: config.warmup_steps }
      : config.warmup_ratio > 0 && { lr_scheduler_warmup_ratio: config.warmup_ratio }),
    ...(config.max_steps <= 0 && { num_epochs: config.num_train_epochs }),
    training_steps: totalSteps,
    ...departures(config),
    cutoff_len: config.cutoff_len,
    ...(config.template !== null && { template: config.template }),
    ...(config.finetuning_type === "lora" && adapterSettings(config, adapter)),
    ...(config.finetuning_type === "freeze" && {
      freeze_trainable_layers: config.freeze_trainable_layers,
      freeze_trainable_modules: config.freeze_trainable_modules.join(","),
      ...(config.freeze_extra_modules.length > 0 &&
        { freeze_extra_modules: config.freeze_extra_modules.join(",") }),
      ...(config.use_llama_pro && { use_llama_pro: "true" }),
    }),
    ...(preference && config.loss === null &&
      {
        pref_beta: config.pref_beta,
        ...(config.stage !== "kto" && { pref_loss: config.pref_loss }),
        pref_ftx: config.pref_ftx,
      }),
    ...(config.ref_model !== null && {
      ref_model: config.ref_model,
      ...(config.ref_model_adapters.length > 0 &&
        { ref_model_adapters: config.ref_model_adapters.join(",") }),
      ...(config.ref_model_quantization_bit !== null &&
        { ref_model_quantization_bit: config.ref_model_quantization_bit }),
    }),
    ...(config.loss !== null && {
      loss: config.loss,
      ...(Object.keys(config.loss_options).length > 0 && { loss_options: asText(config.loss_options) }),
    }),
  };
}

/** Settings of the adapter: those of the run, or its own where it was trained on. */
function adapterSettings(
  config: ModelCardKeys,
  adapter: ModelCard["adapter"],
): Record<string, string | number> {
  if (adapter === null || !isContinued(config)) {
    return {
      lora_rank: config.lora_rank,
      lora_alpha: config.lora_alpha,
      lora_dropout: config.lora_dropout,
      lora_target: config.lora_target.join(","),
    };
  }
  return {
    lora_rank: asText(adapter.r),
    lora_alpha: asText(adapter.lora_alpha),
    lora_dropout: asText(adapter.lora_dropout ?? 0),
    lora_target: [adapter.target_modules].flat().join(","),
    ...(adapter.use_rslora === true && { use_rslora: "true" }),
    ...(adapter.use_dora === true && { use_dora: "true" }),
  };
}

/** Values of {@linkcode DEPARTURES} that aren't the default. */
function departures(config: ModelCardKeys): Record<string, string> {
  const chosen = DEPARTURES.filter(({ works }) => works(config)).flatMap(({ keys }) => [...keys])
    .map((key): [string, string] => [key, asText(config[key])])
    .filter(([key, value]) => {
      const spec = keyTable().get(key);
      return spec?.state === "works" && ![asText(spec.default), NOTHING].includes(value);
    });
  return Object.fromEntries(chosen);
}

/** What a key holds that may be left out. */
const NOTHING = "";

function asText(value: unknown): string {
  const none = value === null || value === false || JSON.stringify(value) === "{}";
  return none ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Sets that are evaluated each by itself; none where they are evaluated together. */
export function setsOf(
  { eval_on_each_dataset, eval_dataset }: Pick<TrainConfig, "eval_on_each_dataset" | "eval_dataset">,
): readonly string[] {
  return eval_on_each_dataset ? eval_dataset : [];
}

/** One row an evaluation, with the last training loss before it, as transformers has it; a column a set that is evaluated by itself. */
function resultsTable(history: ModelCard["history"], sets: readonly string[]): string[] {
  const columns = sets.length > 0
    ? sets.map((set) => [`eval_${set}_loss`, `Validation Loss (${set})`] as const)
    : [["eval_loss", "Validation Loss"] as const];
  const rows: string[] = [];
  let loss: number | null = null;
  for (const entry of history) {
    if (entry.loss !== undefined) loss = entry.loss;
    const losses = columns.flatMap(([key]) => entry[key] ?? []);
    if (losses.length < columns.length) continue;
    const training = loss === null ? "No log" : loss.toFixed(4);
    rows.push(
      `| ${training} | ${(entry.epoch ?? 0).toFixed(4)} | ${entry.step} | ${
        losses.map((value) => value.toFixed(4)).join(" | ")
      } |`,
    );
  }
  if (rows.length === 0) return [];
  const head = `| Training Loss | Epoch | Step | ${
    columns.map(([, title]) => title).join(" | ")
  } |\n|:---:|:---:|:---:${"|:---:".repeat(columns.length)}|`;
  return [`### Training results\n\n${head}\n${rows.join("\n")}`];
}

function resultList(evaluation: Readonly<Record<string, number>>): string {
  const clock = /^eval_(runtime|samples_per_second|steps_per_second)$/;
  const shown = Object.entries(evaluation).filter(([key]) => key.startsWith("eval_") && !clock.test(key))
    .sort(([a], [b]) => Number(b === "eval_loss") - Number(a === "eval_loss"))
    .map(([key, value]) => [capital(key.slice("eval_".length)), String(Number(value.toFixed(4)))]);
  return list(Object.fromEntries(shown));
}

function list(items: Readonly<Record<string, string | number | null>>): string {
  return Object.entries(items).map(([key, value]) => `- ${key}: ${value}`).join("\n");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function pictureTitle(file: string): string {
  return file.replace(/\.png$/, "").replaceAll("_", " ");
}

/** `organisation/name`; a path on a disk has no place in a link. */
function isHubId(text: string): boolean {
  if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text)) return false;
  try {
    Deno.statSync(text);
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
