/**
 * Writes docs/errors.md: what bad input gets here, beside what LLaMA-Factory 0.9.5 said to the same.
 * `deno run -A docs/make_errors.ts` (`--print`: to standard output). It changes the current folder. A test says when the page is out of date, so every message on it is a real one.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";

import { lockDirectory } from "../formats/directory_lock.ts";
import openaiPlugin, { openaiEndpoint } from "../plugins/endpoints/openai.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";

const golden = new URL("../fixtures/goldens/llamafactory/", import.meta.url).pathname;

interface Case {
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

const ROWS = JSON.parse(Deno.readTextFileSync(join(golden, "data/toy_sft.json"))) as Record<
  string,
  unknown
>[];
const info = (set: Record<string, unknown>) =>
  JSON.stringify({
    toy_sft: { file_name: "toy_sft.json" },
    toy_dpo: JSON.parse(Deno.readTextFileSync(join(golden, "data/dataset_info.json"))).toy_dpo,
    bad: set,
  });
const bad = (name: string, text: string, set: Record<string, unknown> = {}) => ({
  keys: { dataset: "bad" },
  data: { [name]: text, "dataset_info.json": info({ file_name: name, ...set }) },
});

const CASES: readonly Case[] = [
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

/** Replies of a server, and what is said to them. */
const REPLIES: readonly [what: string, reply: () => Response][] = [
  [
    "a redirect (301 to 308)",
    () => new Response(null, { status: 307, headers: { location: "https://elsewhere.example/v1/chat" } }),
  ],
  [
    "400 MB in a stream (32 MiB are read)",
    () => new Response(manyBytes(400e6), { headers: { "content-type": "text/event-stream" } }),
  ],
  [
    "400 MB in one piece of JSON",
    () => new Response(manyBytes(400e6), { headers: { "content-type": "application/json" } }),
  ],
];

function manyBytes(count: number): ReadableStream<Uint8Array> {
  const content = "a".repeat(1000);
  const piece = new TextEncoder().encode(
    `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`.repeat(90),
  );
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= piece.length;
      controller.enqueue(piece);
    },
  });
}

async function said(reply: () => Response): Promise<string> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, reply);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  try {
    const endpoint = openaiEndpoint(
      openaiPlugin.options.parse({ name: "m", api_base: `${origin}/v1`, key: "none" }),
    );
    const request = {
      messages: [{ role: "user" as const, content: "hello" }],
      temperature: 0,
      top_p: 1,
      max_tokens: 64,
    };
    const { error } = await endpoint.complete(request, new AbortController().signal);
    await endpoint.close();
    return (error ?? "no error").replaceAll(origin, "http://127.0.0.1:8000");
  } finally {
    await server.shutdown();
  }
}

/** Text of docs/errors.md. */
export async function errorsPage(): Promise<string> {
  const rows: string[] = [];
  for (const one of CASES) {
    const cells = [one.input, one.theirs, await outcome(one)].map((cell) =>
      cell.replaceAll("|", "\\|").replaceAll("\n", "<br>")
    );
    rows.push(`| ${cells.join(" | ")} |`);
  }
  const replies: string[] = [];
  for (const [what, reply] of REPLIES) replies.push(`| ${what} | ${await said(reply)} |`);
  return `# What bad input gets

<!-- Made by docs/make_errors.ts: don't edit. -->

Theirs: LLaMA-Factory 0.9.5, the last line of what it printed (20 to 240 lines before it, mostly a Python stack trace). Ours: all of what is
printed; no stack trace unless \`DINOTUNE_DEBUG=1\`, exit code 1, and before any work that the error would waste.

| input | theirs | ours |
| --- | --- | --- |
${rows.join("\n")}

## What a server's reply gets

The message of an item in \`deno task eval\`; none of them is tried again.

| reply | ours |
| --- | --- |
${replies.join("\n")}

## What others do without a word

| tool | what it does | here |
| --- | --- | --- |
| TRL 1.16 | a preference pair whose prompt fills \`max_length\` is dropped and not counted | cut or dropped as \`truncation\` says, and counted either way, the first one shown; above one row in a hundred there is a warning |
| transformers, a \`Trainer\` subclass with a loss of its own | gradients are N times too large under \`gradient_accumulation_steps: N\`, unless the subclass divides | a loss plugin gives one value an example and never divides: the trainer takes the mean over all micro-batches of a step (\`step_mean\` in docs/config.md) |
`;
}

async function outcome({ keys = {}, text, data = {}, before }: Case): Promise<string> {
  const folder = await Deno.makeTempDir();
  const here = Deno.cwd();
  try {
    await Deno.mkdir(join(folder, "data"));
    for (const name of ["dataset_info.json", "toy_sft.json", "toy_dpo.json"]) {
      await Deno.copyFile(join(golden, "data", name), join(folder, "data", name));
    }
    for (const [name, content] of Object.entries(data)) {
      await Deno.writeTextFile(join(folder, "data", name), content);
    }
    await Deno.symlink(join(golden, "model"), join(folder, "model"));
    const values: Record<string, unknown> = {
      model_name_or_path: "model",
      dataset_dir: "data",
      dataset: "toy_sft",
      template: "qwen",
      split_special_tokens: true,
      do_train: true,
      output_dir: "out",
      backend: "onnx", // "auto" says what it found, which differs from machine to machine
      max_steps: 1,
      ...keys,
    };
    const usual = stringify(
      Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    );
    Deno.chdir(folder);
    await Deno.writeTextFile("train.yaml", text?.(usual) ?? usual);
    using _before = await before?.() ?? { [Symbol.dispose]() {} };
    const said: string[] = [];
    const progress = { ...silentProgress(), line: (line: string) => said.push(line) };
    try {
      await train("train.yaml", [], { say: (line) => said.push(line), progress });
      const worth = said.flatMap((line) => line.split("\n")).filter((line) =>
        /^(note|warning|\s+(dropped|cut) )/.test(line) && !/eos is|the adapter names its base/.test(line)
      );
      return ["trains", ...worth.map((line) => line.trim())].join("\n");
    } catch (error) {
      // of a lock: who holds it, and since when
      return (error as Error).message.replaceAll(Deno.cwd(), "/folder").replace(
        /process \d+ \(this one\)/,
        "process 4711",
      )
        .replace(/since \S+:/, "since 2026-11-28T06:00:00.000Z:")
        .replace(
          /begins with \w+: current value is \w+/,
          "begins with 0123456789ab: current value is ba9876543210",
        );
    }
  } finally {
    Deno.chdir(here);
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const page = await errorsPage();
  if (Deno.args.includes("--print")) console.log(page.trimEnd());
  else await Deno.writeTextFile(new URL("errors.md", import.meta.url), page);
  Deno.exit(0);
}
