/**
 * README.md of a trained model: the card that PEFT and transformers write, filled from the run itself.
 * @module
 */
import { stringify } from "yaml";

import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { hyperparameters, type ModelCardKeys, type SavedRun, wholeModules } from "./card_settings.ts";

/** Content of {@linkcode modelCard}. */
export interface ModelCard extends SavedRun {
  /** Base model as the user wrote it: hub id or path. */
  baseModel: string;
  /** Last part of the output directory. */
  name: string;
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
    ...(isLora || config.stage === "rm" ? [`## How to use\n\n${uses(card)}`] : []),
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
function uses(card: ModelCard): string {
  const { name, baseModel, config, adapter } = card;
  if (config.stage === "rm") return rewardUse(card);
  const peft = `With peft:\n\n\`\`\`python\n${peftLines(card)}\n\`\`\``;
  const whole = wholeModules(adapter);
  const unplaced = [
    ...(adapter?.use_dora === true ? ["DoRA's lengths of rows"] : []),
    ...(whole.length > 0 ? [`modules that are trained whole (${whole.join(", ")})`] : []),
  ];
  if (unplaced.length > 0) {
    return `${peft}

With vLLM and llama.cpp, whose adapters have no place for ${
      unplaced.join(" and ")
    }, merged (\`export_format=gguf\` for llama.cpp):

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

/** Python that rewards an answer: the value head reads the last hidden state of the conversation's last token. */
function rewardUse(card: ModelCard): string {
  const { name, config } = card;
  const load = config.finetuning_type === "lora"
    ? peftLines(card)
    : `from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("${name}")`;
  return `This is a reward model: it gives an answer to a prompt a number, by which answers to the same prompt are compared. Numbers have no scale of their own.

\`\`\`python
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer
${load}
head = load_file("${name}/value_head.safetensors")
tokenizer = AutoTokenizer.from_pretrained("${name}")

@torch.no_grad()
def reward(messages):
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    state = model.eval()(ids, output_hidden_states=True).hidden_states[-1][0, -1].float()
    return (head["v_head.summary.weight"][0] @ state + head["v_head.summary.bias"][0]).item()
\`\`\``;
}

/** Python that loads the adapter: a larger vocabulary's rows come in multiples of 64, which PEFT doesn't know. */
function peftLines({ name, baseModel, config }: ModelCard): string {
  if (!config.resize_vocab && config.add_tokens.length + config.add_special_tokens.length === 0) {
    return `from peft import AutoPeftModelForCausalLM
model = AutoPeftModelForCausalLM.from_pretrained("${name}")`;
  }
  return `from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("${name}")
base = AutoModelForCausalLM.from_pretrained("${baseModel}")
if len(tokenizer) > base.get_input_embeddings().num_embeddings:
    base.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64)
model = PeftModel.from_pretrained(base, "${name}")`;
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
