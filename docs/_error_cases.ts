/**
 * Bad input of docs/errors.md, with what LLaMA-Factory 0.9.5 says of it.
 * @module
 */
import { join } from "@std/path";

import { lockDirectory } from "../formats/directory_lock.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";

/** LLaMA-Factory's tiny model and data. */
export const GOLDEN_FOLDER: string = new URL("../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** A fault, and what it gets there. */
export interface ErrorCase {
  /** The faulty input, in words. */
  input: string;
  /** Message or behaviour of LLaMA-Factory 0.9.5. */
  theirs: string;
  /** Keys to set in the file; undefined takes a key out. */
  keys?: Record<string, unknown>;
  /** The whole file, instead of `keys`. */
  text?: (usual: string) => string;
  /** Files in the data folder, by name. */
  data?: Record<string, string>;
  /** Done in the folder before; undone at the end. */
  before?: () => Promise<Disposable>;
}

const ROWS = JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, "data/toy_sft.json"))) as Record<
  string,
  unknown
>[];
const info = (set: Record<string, unknown>) =>
  JSON.stringify({
    toy_sft: { file_name: "toy_sft.json" },
    toy_dpo: JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, "data/dataset_info.json"))).toy_dpo,
    bad: set,
  });
const bad = (name: string, text: string, set: Record<string, unknown> = {}) => ({
  keys: { dataset: "bad" },
  data: { [name]: text, "dataset_info.json": info({ file_name: name, ...set }) },
});

/** In the page's order. */
export const ERROR_CASES: readonly ErrorCase[] = [
  {
    input: "unknown key",
    theirs: "Some keys are not used by the HfArgumentParser: ['lora_rnak']",
    keys: { lora_rnak: 8 },
  },
  {
    input: "key with a hyphen",
    theirs: "Some keys are not used by the HfArgumentParser: ['learning-rate']",
    keys: { "learning-rate": 1e-4 },
  },
  { input: "unknown template", theirs: "Template qwen9 does not exist.", keys: { template: "qwen9" } },
  {
    input: "unknown dataset name",
    theirs: "Undefined dataset toy_sfx in dataset_info.json.",
    keys: { dataset: "toy_sfx" },
  },
  {
    input: "dataset file missing",
    theirs: "File data/not_there.json not found.",
    keys: { dataset: "bad" },
    data: { "dataset_info.json": info({ file_name: "not_there.json" }) },
  },
  {
    input: "dataset_dir missing",
    theirs: "Cannot open nowhere/dataset_info.json due to [Errno 2] No such file or directory",
    keys: { dataset_dir: "nowhere" },
  },
  {
    input: "dataset file is broken JSON",
    theirs: "An error occurred while generating the dataset",
    ...bad("bad.json", '[{"instruction": "a", "output": "b"},\n {"instruction": "c" "output": "d"}]'),
  },
  {
    input: "JSON Lines with one bad line",
    theirs: "An error occurred while generating the dataset",
    ...bad("bad.jsonl", '{"instruction": "a", "output": "b"}\n{"instruction": "c", \n'),
  },
  {
    input: "file type not known",
    theirs: "Allowed file types: arrow,csv,json,jsonl,parquet,txt.",
    ...bad("bad.dat", "x"),
  },
  {
    input: "column named in dataset_info.json is not in the file",
    theirs: "KeyError: 'instructions'",
    ...bad("bad.json", JSON.stringify(ROWS), { columns: { prompt: "instructions", response: "output" } }),
  },
  {
    input: "learning_rate: 5e-6",
    theirs: "trains (OmegaConf has its own rule for floats)",
    text: (usual) => usual + "learning_rate: 5e-6\n",
  },
  {
    input: "learning_rate: '1e-4' in quotes",
    theirs:
      "TypeError: '<=' not supported between instances of 'float' and 'str', after the model was loaded",
    text: (usual) => usual + "learning_rate: '1e-4'\n",
  },
  {
    input: "learning_rate: fast",
    theirs: "TypeError: '<=' not supported between instances of 'float' and 'str'",
    keys: { learning_rate: "fast" },
  },
  { input: "learning_rate: -1", theirs: "Invalid learning rate: -1.0", keys: { learning_rate: -1 } },
  {
    input: "lora_rank: abc",
    theirs: "TypeError: '<=' not supported between instances of 'str' and 'int'",
    keys: { lora_rank: "abc" },
  },
  {
    input: "lora_rank: 0",
    theirs: "`r` should be a positive integer value but the value passed is 0",
    keys: { lora_rank: 0 },
  },
  {
    input: "do_train: 'yes' in quotes",
    theirs: "trains: any text that isn't empty is true, 'no' as well",
    text: (usual) => usual.replace("do_train: true", "do_train: 'yes'"),
  },
  {
    input: "zero valid rows",
    theirs: "Cannot find valid samples, check `data/README.md` for the data format.",
    ...bad("bad.json", JSON.stringify(ROWS.map((row) => ({ ...row, output: null })))),
  },
  {
    input: "empty data file ([])",
    theirs: 'Instruction "train" corresponds to no data!',
    ...bad("bad.json", "[]"),
  },
  {
    input: "some rows not valid",
    theirs: "trains; one warning a row inside the progress bar, no total",
    ...bad("bad.json", JSON.stringify(ROWS.map((row, i) => i % 3 ? row : { ...row, output: null }))),
  },
  {
    input: "cutoff_len: 8",
    theirs: "trains without a word on 8 tokens of each row",
    keys: { cutoff_len: 8 },
  },
  { input: "cutoff_len: 1", theirs: "trains with loss 0.0 on rows without labels", keys: { cutoff_len: 1 } },
  { input: "stage: iopo with SFT data", theirs: "ValueError: Unknown task: iopo.", keys: { stage: "iopo" } },
  {
    input: "stage: dpo with SFT data",
    theirs: "The dataset is not applicable in the current training stage.",
    keys: { stage: "dpo" },
  },
  {
    input: "stage: sft with ranking data",
    theirs: "The dataset is not applicable in the current training stage.",
    keys: { dataset: "toy_dpo" },
  },
  {
    input: "model folder missing",
    theirs: "Repo id must be in the form 'repo_name' or 'namespace/repo_name': 'no/such/model'.",
    keys: { model_name_or_path: "no/such/model" },
  },
  {
    input: "model_name_or_path absent",
    theirs: "Please provide `model_name_or_path`.",
    keys: { model_name_or_path: undefined },
  },
  {
    input: "output_dir absent",
    theirs: "trains and writes into ./trainer_output",
    keys: { output_dir: undefined },
  },
  { input: "dataset absent", theirs: "Please specify dataset for training.", keys: { dataset: undefined } },
  {
    input: "template absent",
    theirs: "trains with the empty template, one line of warning",
    keys: { template: undefined },
  },
  {
    input: "lora_target names no module",
    theirs: "Target modules {'q_project'} not found in the base model.",
    keys: { lora_target: "q_project" },
  },
  {
    input: "template whose tokens the model lacks",
    theirs: "IndexError: index out of range in self",
    keys: { template: "llama3" },
  },
  {
    input: "val_size: 1000 of 30 rows",
    theirs:
      "test_size=1000 should be either positive and smaller than the number of samples 30 or a float in the (0, 1) range",
    keys: { val_size: 1000 },
  },
  {
    input: "eval_strategy without evaluation data",
    theirs: "Please make sure eval_dataset be provided or val_size >1e-6",
    keys: { eval_strategy: "steps" },
  },
  {
    input: "per_device_train_batch_size: 0",
    theirs: "batch_size should be a positive integer value, but got batch_size=0, after the model was loaded",
    keys: { per_device_train_batch_size: 0 },
  },
  {
    input: "val_size: 1.0",
    theirs:
      "test_size=1.0 should be either positive and smaller than the number of samples 30 or a float in the (0, 1) range",
    keys: { val_size: 1.0 },
  },
  {
    input: "num_train_epochs: 0",
    theirs: "ends without a step, exit code 0, an adapter is saved",
    keys: { num_train_epochs: 0, max_steps: undefined },
  },
  {
    input: "duplicate key",
    theirs: "yaml.constructor.ConstructorError: while constructing a mapping",
    text: (usual) => usual + "template: qwen\n",
  },
  {
    input: "tab as indentation",
    theirs: "yaml.scanner.ScannerError: while scanning for the next token",
    text: (usual) => usual + "loss_options:\n\ta: 1\n",
  },
  { input: "empty file", theirs: "Please provide `model_name_or_path`.", text: () => "" },
  {
    input: "pure_bf16: true on a CPU",
    theirs: "This device does not support `pure_bf16`.",
    keys: { pure_bf16: true },
  },
  { input: "bf16: true on a CPU", theirs: "trains", keys: { bf16: true } },
  {
    input: "fp16: true on a CPU",
    theirs: "trains; accepted, but no half precision is used",
    keys: { fp16: true },
  },
  {
    input: "deepspeed: x.json on a CPU",
    theirs: "PackageNotFoundError: deepspeed",
    keys: { deepspeed: "x.json" },
  },
  {
    input: "output_dir not empty",
    theirs: "ValueError: Output directory already exists and is not empty",
    keys: { output_dir: "data" },
  },
  {
    input: "a key of axolotl's",
    theirs: "Some keys are not used by the HfArgumentParser: ['sequence_len']",
    keys: { sequence_len: 512 },
  },
  {
    input: "a file for merging an adapter",
    theirs: "(not tried)",
    text: () => "model_name_or_path: model\nadapter_name_or_path: out\ntemplate: qwen\nexport_dir: merged\n",
  },
  {
    input: "output_dir that another training writes to",
    theirs: "(not tried)",
    before: () => {
      Deno.mkdirSync("out");
      return Promise.resolve(lockDirectory("out", "write to"));
    },
  },
  {
    input: "output_dir of an overwrite that was killed before its first checkpoint",
    theirs: "(not tried)",
    before: async () => {
      const progress = silentProgress();
      await train("train.yaml", ["max_steps=1"], { say: () => {}, progress });
      // what such a run has taken away of the earlier one's files, and left of its own
      for (const { name } of [...Deno.readDirSync("out")]) {
        if (name !== "run.yaml") Deno.removeSync(join("out", name), { recursive: true });
      }
      Deno.writeTextFileSync("out/trainer_log.jsonl", "");
      Deno.mkdirSync("out/.finished.partial");
      return { [Symbol.dispose]() {} };
    },
  },
  {
    input: "a checkpoint with a damaged file",
    theirs: "(not tried)",
    keys: { resume_from_checkpoint: true, save_steps: 1 },
    before: async () => {
      const progress = silentProgress();
      await train("train.yaml", ["resume_from_checkpoint=false", "max_steps=1"], { say: () => {}, progress });
      Deno.removeSync("out/all_results.json"); // as if it had been killed before its end
      Deno.truncateSync("out/checkpoint-1/optimizer.safetensors", 1000);
      return { [Symbol.dispose]() {} };
    },
  },
];
