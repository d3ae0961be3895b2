import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import {
  absolutePaths,
  absoluteSteps,
  diffConfigs,
  diffProvenance,
  lossName,
  type Provenance,
  readTrainConfig,
  type ResolvedConfig,
  resolveTrainConfig,
  runYaml,
} from "./mod.ts";
import { keyTable } from "./key_table.ts";
import { otherNames } from "./other_names.ts";

const goldens = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url);
const BASE = "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n";

function config(more = "", ...overrides: string[]): ResolvedConfig {
  return resolveTrainConfig(parseYaml(BASE + more, "t.yaml"), overrides);
}

function message(more: string, ...overrides: string[]): string {
  return assertThrows(() => config(more, ...overrides), RangeError).message;
}

function messageOf(text: string): string {
  return assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError).message;
}

interface GoldenKey {
  key: string;
  group: string;
  default: unknown;
}

const golden: GoldenKey[] = JSON.parse(Deno.readTextFileSync(new URL("config_keys.json", goldens))).keys;

Deno.test("keyTable() knows every key of LLaMA-Factory, in one state, with its default", () => {
  const table = keyTable();
  assertEquals(golden.length, 365);
  // written differently (a list for text with commas), or better on purpose: described in the table
  const differs: Record<string, unknown> = {
    adapter_name_or_path: [],
    dataset: [],
    eval_dataset: [],
    lora_target: ["all"],
    report_to: [],
    split_special_tokens: true,
  };
  for (const { key, group, default: standard } of golden) {
    const spec = table.get(key);
    assert(spec, `${key} is not in the table`);
    assertEquals(spec.group, group, key);
    if (typeof spec.default === "symbol") assertEquals(standard, null, key);
    else assertEquals(spec.default, key in differs ? differs[key] : standard, key);
  }
});

/** Keys that training can't do without, whose default is that they are missing. */
const NEEDED: readonly string[] = ["model_name_or_path", "output_dir", "template", "dataset", "do_train"];

Deno.test("no key is refused at its documented default: LLaMA-Factory's, ours, and all of them in one file", () => {
  const accept = (values: Record<string, unknown>) =>
    resolveTrainConfig(parseYaml(JSON.stringify({ ...BASE_VALUES, ...values }), "t.json")).config;
  const theirs = golden.filter(({ key }) => !NEEDED.includes(key));
  for (const { key, default: standard } of theirs) accept({ [key]: standard });
  const ours = [...keyTable()].filter(([key]) => !NEEDED.includes(key));
  for (const [key, spec] of ours) accept({ [key]: spec.default });
  const all = Object.fromEntries(theirs.map(({ key, default: standard }) => [key, standard]));
  for (const stage of ["sft", "dpo", "kto", "iopo"]) {
    assertEquals(accept({ ...all, stage }), accept({ stage, split_special_tokens: false }));
  }
});

const BASE_VALUES = {
  model_name_or_path: "m",
  output_dir: "o",
  do_train: true,
  dataset: "d",
  template: "qwen",
};

Deno.test("configurations of LLaMA-Factory runs are read as they stand", () => {
  const file = (name: string) => readTrainConfig(new URL(`runs/${name}/config.yaml`, goldens).pathname);
  const dpo = file("dpo_fixed_ftx");
  assertEquals(dpo.config.learning_rate, 0.01);
  assertEquals(dpo.config.adapter_name_or_path, ["adapter"]);
  assertEquals(lossName(dpo.config), {
    name: "dpo",
    options: { beta: 0.1, loss_type: "sigmoid", label_smoothing: 0.1, pref_ftx: 0.5 },
  });
  assert(dpo.notes.some((note) => note.startsWith("use_cpu: not used, as the CPU is used unless")));
  assertEquals(lossName(file("dpo_fixed_simpo").config).name, "simpo");
  assertEquals(file("sft_fixed_epochs").config.num_train_epochs, 1.5);
  assertEquals(file("sft_fixed").config.do_eval, true);
});

Deno.test("defaults that depend on other keys are LLaMA-Factory's and transformers'", () => {
  const { config: c } = config();
  assertEquals([c.learning_rate, c.num_train_epochs, c.logging_steps, c.save_steps, c.seed], [
    5e-5,
    3,
    500,
    500,
    42,
  ]);
  assertEquals([c.lora_rank, c.lora_alpha, c.cutoff_len, c.packing, c.do_eval], [8, 16, 2048, false, false]);
  assertEquals([c.eval_steps, c.data_seed, c.metric_for_best_model, c.greater_is_better], [
    500,
    42,
    null,
    false,
  ]);
  assertEquals(c.truncation, "llama_factory");
  assertEquals(config("lora_rank: 4\n").config.lora_alpha, 8);
  assertEquals(config("stage: pt\n").config.packing, true);
  assertEquals(config("neat_packing: true\n").config.packing, true);
  const evaluated =
    config("val_size: 0.1\neval_strategy: steps\nlogging_steps: 7\nearly_stopping_steps: 2\n").config;
  assertEquals([evaluated.do_eval, evaluated.eval_steps, evaluated.metric_for_best_model], [
    true,
    7,
    "eval_loss",
  ]);
  const metric = config(
    "val_size: 3\neval_strategy: epoch\nsave_strategy: best\nmetric_for_best_model: rewards/accuracies\n",
  );
  assertEquals(metric.config.metric_for_best_model, "eval_rewards/accuracies");
  assertEquals(metric.config.greater_is_better, true);
});

Deno.test("10,000 unknown keys are one short error within the time of one pass", () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `kk${i}: 1\n`).join("");
  const { message } = assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError);
  assertStringIncludes(message, 't.yaml:1:1: Cannot use the unknown key "kk0"');
  assert(/\nand 9\d{3} more$/.test(message), message);
});

Deno.test("values are typed: lists with commas, unquoted yes and no, numbers", () => {
  const { config: c } = config(
    "lora_target: [q_proj, v_proj]\ninterleave_probs: 0.3,0.7\nmix_strategy: interleave_under\nplot_loss: yes\n" +
      "report_to: none\nlearning_rate: 5e-6\nlr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1}\n",
    "dataset=a, b",
  );
  assertEquals([c.dataset, c.lora_target, c.interleave_probs], [["a", "b"], ["q_proj", "v_proj"], [
    0.3,
    0.7,
  ]]);
  assertEquals([c.plot_loss, c.report_to, c.learning_rate], [true, [], 5e-6]);
  assertEquals(c.lr_scheduler_kwargs, { min_lr_rate: 0.1 });
  assertEquals(config("report_to: [tensorboard, csv]\n").config.report_to, ["tensorboard", "csv"]);
  assertEquals(config("eval_strategy: no\n").config.eval_strategy, "no");
  assert(Object.isFrozen(c));
});

Deno.test("overrides win, are typed as YAML, and an error names the argument", () => {
  const { config: c } = config(
    "seed: 1\n",
    "seed=2",
    "learning_rate=5e-6",
    "plugins=./x.ts",
    "loss_options={beta: 1}",
    "loss=x",
  );
  assertEquals([c.seed, c.learning_rate, c.loss_options], [2, 5e-6, { beta: 1 }]);
  const dotted = config(
    "loss: iopo\nloss_options: {beta: 1, variant: full}\nlr_scheduler_type: cosine_with_min_lr\n",
    "loss_options.beta=2",
    "lr_scheduler_kwargs.min_lr_rate=0.5",
  ).config;
  assertEquals([dotted.loss_options, dotted.lr_scheduler_kwargs], [{ beta: 2, variant: "full" }, {
    min_lr_rate: 0.5,
  }]);
  for (
    const [argument, expected] of [
      ["lora_rank.x=3", "the argument lora_rank.x=3: Cannot read lora_rank as a whole number"],
      [
        "loss_optoins.beta=3",
        'the argument loss_optoins.beta=3: Cannot use the unknown key "loss_optoins" - did you mean "loss_options"?',
      ],
    ] as const
  ) assertStringIncludes(message("", argument), expected);
  assertStringIncludes(
    message("lora_rank: 8\n", "lora_rank.x=3"),
    "Cannot use the argument lora_rank.x=3 as lora_rank isn't a map: current value is 8",
  );
  assertStringIncludes(
    message("", "seed=abc"),
    "the argument seed=abc: Cannot read seed as a whole number from 0",
  );
  assertStringIncludes(message("", "lora_rnak=3"), 'did you mean "lora_rank"');
  assertStringIncludes(message("", "verbose"), "key=value is needed");
});

// The rows of LLaMA-Factory's errors.md that concern its configuration
Deno.test("an unknown key is refused with file, line and the nearest known name", () => {
  assertEquals(
    message("# x\nlora_rnak: 8\n"),
    't.yaml:7:1: Cannot use the unknown key "lora_rnak" - did you mean "lora_rank"?',
  );
  assertStringIncludes(message("learning-rate: 1\n"), 'did you mean "learning_rate"');
  assertStringIncludes(message("evaluation_strategy: steps\n"), "it is called eval_strategy here");
  assertStringIncludes(message("zzzzzz: 1\n"), "--help lists every key");
});

Deno.test("a value of the wrong type is refused with key, place, what is needed and what stands there", () => {
  for (
    const [line, text] of [
      [
        "learning_rate: '1e-4'",
        'as a number >= 0 is needed: current value is "1e-4"; write it without quotes',
      ],
      ["learning_rate: fast", 'as a number >= 0 is needed: current value is "fast"'],
      ["learning_rate: -1", "as a number >= 0 is needed: current value is -1"],
      ["lora_rank: abc", 'Cannot read lora_rank as a whole number >= 1 is needed: current value is "abc"'],
      ["lora_rank: 0", "current value is 0"],
      ["lora_rank: 2.5", "current value is 2.5"],
      ["plot_loss: 'yes'", 'as true or false is needed: current value is "yes"; write it without quotes'],
      ["cutoff_len: 0", "as a whole number >= 1 is needed"],
      ["per_device_train_batch_size: 0", "Cannot read per_device_train_batch_size"],
      ["num_train_epochs: 0", "as a number > 0 is needed: current value is 0"],
      ["learning_rate: .nan", "as a number"],
      ["learning_rate:", "current value is nothing"],
      ["lr_scheduler_type: cosin", 'did you mean "cosine"'],
      ["seed: [1]", "current value is [1]"],
      ["val_size: -0.1", "current value is -0.1"],
      ["loss_options: 3", "as a map is needed"],
    ] as const
  ) {
    const found = message(`${line}\n`);
    assertStringIncludes(found, text, line);
    assertStringIncludes(found, "t.yaml:6:1: ", line);
  }
});

Deno.test("what a list names twice is taken once, and none stands alone", () => {
  const { config: c, notes } = config(
    "lora_target: q_proj,v_proj,q_proj\nreport_to: csv,csv\n",
    "dataset=a,b,a",
  );
  assertEquals([c.dataset, c.lora_target, c.report_to], [["a", "b"], ["q_proj", "v_proj"], ["csv"]]);
  const told = notes.filter((note) => note.includes("more than once"));
  assertEquals(told.length, 1);
  assertStringIncludes(told[0]!, "dataset: a is named more than once and taken once, as in LLaMA-Factory");
  assertEquals(config("eval_dataset: [e, e]\ndo_eval: true\n").config.eval_dataset, ["e"]);
  assertStringIncludes(
    message("interleave_probs: 0.5,0.5\nmix_strategy: interleave_over\n", "dataset=a,a"),
    "Cannot mix 1 sets with 2 interleave_probs",
  );
  assertStringIncludes(
    message("report_to: [csv, none]\n"),
    "t.yaml:6:1: Cannot read report_to as none, tensorboard, csv, all, or a list of them (none stands alone) is needed: " +
      'current value is ["csv", "none"]',
  );
});

Deno.test("steps between two times are whole from 1 on, as transformers wants them; a rate of 0 is told", () => {
  for (const key of ["logging_steps", "eval_steps", "save_steps"]) {
    assertStringIncludes(
      message(`${key}: 1.5\n`),
      `t.yaml:6:1: Cannot use ${key}: 1.5 as a whole number is needed from 1 on, or a share of all steps below 1`,
    );
    assertEquals(config(`${key}: 0.5\n`).config[key as "save_steps"], 0.5);
  }
  const { notes } = config("learning_rate: 0\n");
  assert(
    notes.includes("learning_rate: 0 changes no weight: the run computes and saves, and learns nothing"),
  );
});

Deno.test("a stage, service or loss that isn't there is refused with what to use instead", () => {
  assertStringIncludes(message("stage: ppo\n"), "use dpo, kto or iopo");
  assertStringIncludes(message("stage: iop\n"), 'did you mean "iopo"');
  assertStringIncludes(message("report_to: wandb\n"), "use tensorboard or csv");
  assertStringIncludes(message("report_to: [csv, tensorbord]\n"), "none, tensorboard, csv");
  assertStringIncludes(message("report_to: tensorbord\n"), 'did you mean "tensorboard"');
  assertStringIncludes(message("stage: dpo\npref_loss: kto_pair\n"), "use stage: kto");
  assertStringIncludes(
    message("quantization_bit: 5\n"),
    "as 4 or 8, or nothing is needed: current value is 5",
  );
  for (
    const [other, why] of [
      ["finetuning_type: full", "weights that are trained are float32"],
      ["backend: webgpu", "it needs backend: onnx and provider: cpu"],
      ["backend: onnx\nprovider: cuda", "it needs backend: onnx and provider: cpu"],
      ["trainer: torch", "quantization: 4bit among its trainer_options"],
    ] as const
  ) assertStringIncludes(message(`quantization_bit: 4\n${other}\n`), why);
  assertStringIncludes(message("pure_bf16: true\n"), "use bf16");
  assertStringIncludes(message("optim: lion_8bit\n"), "use adamw_torch");
  assertStringIncludes(message("use_dora: true\n"), "Cannot use use_dora: true");
});

Deno.test("every refused key is refused, with its reason, unless its value means what happens here anyway", () => {
  for (const [key, spec] of keyTable()) {
    if (spec.state !== "refused") continue;
    const text = JSON.stringify({ ...BASE_VALUES, [key]: "zz" });
    assertStringIncludes(messageOf(text), `Cannot use ${key}: "zz" as ${spec.reason}: ${spec.instead}`);
    for (const value of spec.accepted) {
      resolveTrainConfig(parseYaml(JSON.stringify({ ...BASE_VALUES, [key]: value }), "t.json"));
    }
  }
});

Deno.test("every ignored key is named in the notes with its reason", () => {
  for (const [key, spec] of keyTable()) {
    if (spec.state !== "ignored") continue;
    const { notes } = resolveTrainConfig(
      parseYaml(JSON.stringify({ ...BASE_VALUES, [key]: spec.default }), "t.json"),
    );
    assert(notes.includes(`${key}: not used, as ${spec.reason}`), key);
  }
});

Deno.test("a reason never calls refused what is trained: QLoRA's file of LLaMA-Factory's", () => {
  const { notes, config: c } = config(
    "quantization_bit: 4\nquantization_method: bnb\ndouble_quantization: false\nquantization_type: nf4\n",
  );
  assertEquals(c.quantization_bit, 4);
  const told = notes.filter((note) => note.includes("quantization_"));
  assertEquals(told, [
    "quantization_method, double_quantization, quantization_type: not used, as frozen weights have one form for each number " +
    "of bits, which quantization_bit (with trainer: torch its trainer_options) says",
  ]);
});

Deno.test("a hint follows from the kind of value, not from the words that describe it", () => {
  for (
    const [line, hint] of [
      ["plot_loss: 'true'", "; write it without quotes"],
      ["plot_loss: ture", ""],
      ["packing: 'no'", "; write it without quotes"],
      ["warmup_ratio: '0.1'", "; write it without quotes"],
      ["lora_alpha: '16'", "; write it without quotes"],
      ["lora_alpha: ''", ""],
      ["backend: webgqu", ' - did you mean "webgpu"?'],
      ["include_num_input_tokens_seen: non_paddin", ' - did you mean "non_padding"?'],
      ["stage: rn", ' - did you mean "rm"?'],
    ] as const
  ) {
    const found = message(`${line}\n`);
    assert(found.endsWith(`${JSON.stringify(line.split(": ")[1]!.replaceAll("'", ""))}${hint}`), found);
  }
  // YAML 1.1's words, where true or false is meant and nowhere else
  const { config: c } = config(
    "resume_from_checkpoint: on\ninclude_num_input_tokens_seen: yes\nrun_name: yes\n",
  );
  assertEquals([c.resume_from_checkpoint, c.include_num_input_tokens_seen, c.run_name], [true, true, "yes"]);
});

Deno.test("keys of axolotl, TRL and Unsloth get the key that is meant, or what to do instead", () => {
  const table = keyTable();
  for (const [from, to] of otherNames()) {
    assert(!table.has(from), `${from} is a key of its own`);
    if (to !== null) assertEquals(table.get(to)?.state, "works", `${from} → ${to}`);
    const found = message(`${from}: 1\n`);
    assert(!found.includes("did you mean") && !found.includes("--help"), found);
  }
  for (
    const [key, hint] of [
      ["kto_beta", "it is called pref_beta here"], // LLaMA-Factory of before
      ["ray_run_name", "(docs/scale.md)"],
      ["sequence_parallel", "(docs/scale.md)"],
      ["image_resolution", "models here are text alone"],
      ["task", "deno task eval has others"],
      ["sequence_len", "it is called cutoff_len here"], // axolotl
      ["micro_batch_size", "it is called per_device_train_batch_size here"],
      ["adapter", "finetuning_type: lora"],
      ["datasets", "dataset names sets"],
      ["rl", "use stage: dpo"],
      ["beta", "it is called pref_beta here"], // TRL
      ["dataset_num_proc", "it is called preprocessing_num_workers here"],
      ["max_prompt_length", "cutoff_len bounds"],
      ["undesirable_weight", "it is called kto_rejected_weight here"],
      ["load_in_4bit", "quantization_bit"], // Unsloth
      ["max_seq_length", "it is called cutoff_len here"],
      ["random_state", "it is called seed here"],
      ["r", "it is called lora_rank here"],
      ["relora_steps", "ReLoRA isn't there"], // near another key's name
      ["eos_token", "a template brings its own"],
      ["ref_model_init_kwargs", "adapters off"],
    ] as const
  ) assertStringIncludes(message(`${key}: 1\n`), hint);
  // a key of LLaMA-Factory's about generation, and of TRL's about rows
  assertStringIncludes(config("max_length: 512\n").notes.join(), "cutoff_len (which TRL calls max_length)");
});

Deno.test("axolotl's base_model without model_name_or_path gets the name used here", () => {
  const text = "base_model: owner/name\ndo_train: true\ndataset: d\ntemplate: qwen\noutput_dir: o\n";
  const { message } = assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError);
  assertStringIncludes(message, "Cannot train as model_name_or_path is needed");
  assertStringIncludes(message, "base_model is only the name that the adapter carries");
});

Deno.test("a file that isn't for training is named for what it is", () => {
  const files = {
    "deno task eval takes it": "evaluator:\n  type: constraints\n",
    "merging an adapter (llamafactory-cli export): deno task export takes it":
      "model_name_or_path: m\nadapter_name_or_path: a\ntemplate: llama3\ntrust_remote_code: true\n" +
      "export_dir: out\nexport_size: 5\nexport_device: cpu\nexport_legacy_format: false\n",
    "llamafactory-cli eval":
      "model_name_or_path: m\ntask: mmlu_test\ntemplate: fewshot\nlang: en\nn_shot: 5\nsave_dir: s\n",
    "chatting or serving":
      "model_name_or_path: m\nadapter_name_or_path: a\ntemplate: llama3\ninfer_backend: huggingface\n" +
      "trust_remote_code: true\n",
    "chatting or serving (llamafactory-cli chat": "model_name_or_path: m\ntemplate: llama3\n",
  };
  for (const [text, yaml] of Object.entries(files)) {
    const found = messageOf(yaml);
    assertStringIncludes(found, text);
    assert(!found.includes("output_dir is needed") && !found.includes("\n"), found);
  }
  assertStringIncludes(messageOf("model_name_or_path: m\ndataset: d\n"), "output_dir is needed");
});

Deno.test("packing in stage sft is said to keep examples apart, which LLaMA-Factory does only with neat_packing", () => {
  const said = (more: string) =>
    config(more).notes.some((note) => note.startsWith("packing: examples that share"));
  assert(said("packing: true\n"));
  assert(!said("") && !said("neat_packing: true\n") && !said("packing: true\nneat_packing: true\n"));
  assert(!said("stage: pt\n"));
});

Deno.test("keys of this project's own devices are said to do nothing with trainer: torch", () => {
  const { notes } = config("trainer: torch\nbackend: onnx\nprovider: cpu\nfp16: true\n");
  for (const key of ["backend", "provider", "fp16"]) {
    assertEquals(notes.filter((note) => note.startsWith(`${key}: `)).length, 1, key);
    assert(notes.some((note) => note.startsWith(`${key}: not used with trainer: torch`)), key);
  }
  assert(!config("trainer: torch\n").notes.some((note) => note.includes("not used with trainer: torch")));
  assert(!config("backend: onnx\n").notes.some((note) => note.includes("trainer: torch")));
});

Deno.test("disable_gradient_checkpointing is said to do nothing where a pass is one program", () => {
  const notes = (more: string) =>
    resolveTrainConfig(parseYaml(`${BASE}disable_gradient_checkpointing: true\n${more}`, "t.yaml")).notes;
  const said = (more: string) =>
    notes(more).some((note) => note.startsWith("disable_gradient_checkpointing"));
  assert(said("provider: cuda\n") && !said("provider: cuda\ncuda_tensors: device\n"));
  assert(said("backend: onnx\nprovider: webgpu\n"));
  assert(!said("") && !said("backend: onnx\n") && !said("backend: webgpu\n"));
});

Deno.test("number types are of provider: cuda, and say where they do nothing", () => {
  const of = (more: string) => {
    const { config: { bf16, fp16, tf32 }, notes } = config(more);
    return {
      values: [bf16, fp16, tf32],
      notes: notes.filter((note) => /^(bf16|fp16|tf32|cuda_tensors):/.test(note)),
    };
  };
  const cuda = "backend: onnx\nprovider: cuda\n",
    why = "not used, as float32 is used throughout, which this number type only approximates";
  assertEquals(of(`${cuda}bf16: true\ntf32: true\ncuda_tensors: device\n`), {
    values: [true, false, true],
    notes: [],
  });
  assertEquals(of(`provider: cuda\nfp16: true\ntf32: false\n`), { values: [false, true, false], notes: [] });
  // A file of LLaMA-Factory's says bf16; on a CPU that is no difference to an earlier run.
  assertEquals(of("bf16: true\ntf32: true\n"), {
    values: [false, false, null],
    notes: [`bf16: ${why}`, `tf32: ${why}`],
  });
  assertEquals(of("backend: webgpu\nbf16: true\n").notes, [`bf16: ${why}`]);
  assertEquals(of("cuda_tensors: device\n").notes, [
    "cuda_tensors: not used, as it is of provider: cuda alone",
  ]);
  assertStringIncludes(
    of(`${cuda}finetuning_type: full\nbf16: true\n`).notes.join(),
    "bf16: not used with finetuning_type: full",
  );
  assertStringIncludes(
    of("trainer: torch\nbf16: true\nfp16: true\n").notes.join(),
    "fp16: not used with trainer: torch",
  );
  assertStringIncludes(
    message(`${cuda}bf16: true\nfp16: true\n`),
    "Cannot use fp16: true with bf16: true: frozen matrices have one form; remove one of them",
  );
  assertEquals(config("bf16: true\nfp16: true\nbackend: webgpu\n").config.fp16, true);
  assertStringIncludes(message(`${cuda}cuda_tensors: gpu\n`), "cuda_tensors");
});

Deno.test("timescale is said to do nothing, as in transformers", () => {
  const { notes } = config("lr_scheduler_type: inverse_sqrt\nlr_scheduler_kwargs: {timescale: 5}\n");
  assert(notes.some((note) => note.startsWith("lr_scheduler_kwargs timescale: not used")));
});

Deno.test("missing keys are named", () => {
  const found = messageOf("do_train: true\n");
  assertStringIncludes(found, "model_name_or_path is needed");
  assertStringIncludes(found, "output_dir is needed");
  assertStringIncludes(messageOf(BASE.replace("dataset: d\n", "")), "Cannot train as dataset is needed");
  assertStringIncludes(messageOf(BASE.replace("template: qwen\n", "")), "template is needed");
  assertStringIncludes(messageOf(BASE.replace("do_train: true\n", "")), "set do_train: true");
  assertStringIncludes(messageOf(""), "t.yaml is empty");
  assertStringIncludes(messageOf("- a\n"), "must be a map");
});

Deno.test("keys that contradict each other are refused", () => {
  for (
    const [lines, text] of [
      ["eval_strategy: steps", "give eval_dataset or val_size"],
      ["do_eval: true", "give eval_dataset or val_size"],
      ["val_size: 0.1\neval_dataset: x", "with eval_dataset"],
      ["val_size: 1.5", "whole number"],
      ["streaming: true", "set max_steps"],
      ["streaming: true\nmax_steps: 5\nmax_samples: 3", "max_samples with streaming"],
      ["streaming: true\nmax_steps: 5\nval_size: 0.1", "a number of rows"],
      ["train_on_prompt: true\nmask_history: true", "remove one of them"],
      ["stage: dpo\ntrain_on_prompt: true", "it is for sft"],
      ["stage: dpo\nneat_packing: true", "it is for sft"],
      ["interleave_probs: [1]", "mix_strategy: concat"],
      ["interleave_probs: [0.5, 0.5]\nmix_strategy: interleave_over", "give one a set"],
      ["lr_scheduler_kwargs: {power: 2}", "lr_scheduler_kwargs power with lr_scheduler_type: linear"],
      ["lr_scheduler_type: cosine_with_min_lr", "without its floor"],
      [
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1, min_lr: 1e-6}",
        "t.yaml:7:1: Cannot use lr_scheduler_kwargs min_lr with min_lr_rate",
      ],
      // of a peak of 0 it is no share: 0 * (min_lr / 0) is NaN
      [
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1e-6}\nlearning_rate: 0",
        "t.yaml:7:1: Cannot use lr_scheduler_kwargs min_lr with learning_rate: 0",
      ],
      ["lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 2}", "min_lr_rate: 2 as"],
      ["lr_scheduler_type: cosine\nlr_scheduler_kwargs: {num_cycles: -1}", "num_cycles: -1 as"],
      ["lr_scheduler_type: polynomial\nlr_scheduler_kwargs: {lr_end: 1}", "below learning_rate 0.00005"],
      ["lr_scheduler_type: polynomial\nlearning_rate: 0", "below learning_rate 0: current value is 1e-7"],
      ["load_best_model_at_end: true", "eval_strategy: no"],
      [
        "early_stopping_steps: 2",
        "Cannot use early_stopping_steps with eval_strategy: no as nothing is evaluated that tells when to stop",
      ],
      ["val_size: 2\neval_strategy: epoch\nload_best_model_at_end: true", "make them equal"],
      [
        "val_size: 2\neval_strategy: steps\neval_steps: 3\nsave_steps: 5\nload_best_model_at_end: true",
        "a multiple",
      ],
      ["finetuning_type: full\nadapter_name_or_path: a", "merge it first"],
      ["adapter_name_or_path: a,b", "2 adapters"],
      ["stage: iopo\npref_loss: orpo", "it takes sigmoid, hinge and robust"],
      ["stage: iopo\ndpo_label_smoothing: 0.1", "use iopo_label_smoothing"],
      ["stage: dpo\npref_loss: ipo\ndpo_label_smoothing: 0.1", "it is for sigmoid and robust"],
      ["stage: dpo\niopo_variant: first_group_only", "it is for iopo"],
      ["loss_options: {a: 1}", "without loss"],
      ["use_cpu: true\nprovider: cuda", "use_cpu: true"],
      [
        "backend: webgpu\nprovider: cuda",
        "Cannot use provider: cuda with backend: webgpu: providers are ONNX Runtime's",
      ],
      ["backend: reference\nprovider: webgpu", "leave provider out, or use backend: onnx"],
    ] as const
  ) assertStringIncludes(message(lines + "\n"), text, lines);
  assertStringIncludes(message("stage: pt\ntemplate_options: {a: 1}\n", "template=null"), "without template");
});

Deno.test("ways to mix sets that can't be are refused with their place, before data are read", () => {
  for (const probs of ["0.7, 0.7", "1, 0", "1.5, -0.5"]) {
    assertStringIncludes(
      message(`interleave_probs: [${probs}]\nmix_strategy: interleave_over\n`, "dataset=a,b"),
      "t.yaml:6:1: Cannot use interleave_probs: positive numbers that sum to 1 are needed: " +
        `current value is ${probs} (sum `,
    );
  }
  assertStringIncludes(
    message("streaming: true\nmax_steps: 2\nmix_strategy: interleave_over\n", "dataset=a,b"),
    "t.yaml:8:1: Cannot stream 2 sets with mix_strategy: interleave_over: use concat, or leave streaming out",
  );
});

Deno.test("all faults of a file are reported at once", () => {
  const lines = message("lora_rank: x\nlora_rnak: 1\nuse_dora: true\n").split("\n");
  assertEquals(lines.map((line) => line.split(" ")[0]), ["t.yaml:6:1:", "t.yaml:7:1:", "t.yaml:8:1:"]);
});

Deno.test("lossName() names plugins that exist and options that they take", () => {
  const registry = builtinRegistry();
  for (
    const lines of [
      "stage: pt",
      "stage: sft",
      ...["sigmoid", "hinge", "ipo", "robust", "orpo", "simpo"].map((name) =>
        `stage: dpo\npref_loss: ${name}`
      ),
      "stage: kto",
      ...["full", "without_output_preference", "without_input_preference", "first_group_only"].map((
        variant,
      ) => `stage: iopo\niopo_variant: ${variant}`),
      "stage: iopo\npref_loss: hinge",
    ]
  ) {
    const { name, options } = lossName(config(lines + "\n").config);
    const resolved = registry.options("loss", name, options);
    for (const key of Object.keys(options)) assertEquals(resolved[key], options[key], `${name} ${key}`);
  }
  assertEquals(lossName(config("loss: mine\nloss_options: {a: 1}\n").config), {
    name: "mine",
    options: { a: 1 },
  });
});

const PROVENANCE: Provenance = {
  dinotune: "0.1.0",
  plugins: [{ kind: "loss", name: "iopo", version: "1", options: { beta: 0.1 } }],
  data: "aa",
  model: "bb",
  tokenizer: "cc",
};

Deno.test("run.yaml reads back as the same configuration and provenance, without the token", () => {
  const first = config(
    "stage: iopo\nhf_hub_token: secret\nlearning_rate: 5e-6\nloss: x\nplugins: [./a.ts]\n",
    "resume_from_checkpoint=true",
  );
  const text = runYaml(first.config, PROVENANCE);
  assert(!text.includes("secret"));
  const again = resolveTrainConfig(parseYaml(text, "o/run.yaml"));
  assertEquals({ ...again.config }, {
    ...absolutePaths(first.config),
    hf_hub_token: null,
    resume_from_checkpoint: null,
  });
  assertEquals(again.config.output_dir, join(Deno.cwd(), "o"));
  assertEquals(again.provenance, PROVENANCE);
  assertThrows(
    () => resolveTrainConfig(parseYaml(text.replace("data: aa", "date: aa"), "o/run.yaml")),
    RangeError,
    "provenance",
  );
});

Deno.test("diffProvenance() and diffConfigs() name what changed, and nothing harmless", () => {
  const changed = { ...PROVENANCE, data: "zz", plugins: [{ ...PROVENANCE.plugins[0]!, version: "2" }] };
  assertEquals(diffProvenance(PROVENANCE, PROVENANCE), []);
  assertEquals(diffProvenance(PROVENANCE, changed).map((line) => line.split(":")[0]), ["data", "loss/iopo"]);
  const a = config().config;
  const b = config(
    "learning_rate: 1e-3\nlogging_steps: 1\nsave_steps: 3\noutput_dir: p\n".replace("output_dir: p\n", ""),
  ).config;
  assertEquals(diffConfigs(a, b).map(({ key }) => key), ["learning_rate"]);
  assertEquals(diffConfigs(a, a), []);
  // A checkpoint of a version that didn't have the key yet.
  const { fp16: _, ...old } = a;
  assertEquals(diffConfigs(old, a), []);
  assertEquals(diffConfigs(old, { ...a, fp16: true }), [{ key: "fp16", before: undefined, after: true }]);
});

Deno.test("absoluteSteps() takes a value below 1 for a share, rounded up as transformers does", () => {
  assertEquals([absoluteSteps(0.1, 25), absoluteSteps(5, 25), absoluteSteps(1, 25)], [3, 5, 1]);
  assertThrows(() => absoluteSteps(0, 5), RangeError);
});

Deno.test("keys that do nothing beside the others are told, with what makes them idle; defaults aren't", () => {
  const idle = (more: string) =>
    config(more).notes.filter((note) => / not used, as (?!float32|it only|how)/.test(note));
  const cases: [string, string][] = [
    [
      "max_steps: 5\nnum_train_epochs: 2\n",
      "num_train_epochs: not used, as max_steps: 5 says how long the run is",
    ],
    [
      "warmup_steps: 5\nwarmup_ratio: 0.1\n",
      "warmup_ratio: not used, as warmup_steps: 5 says how long it warms up",
    ],
    ["eval_dataset: d\n", "eval_dataset: not used, as eval_strategy is no and do_eval isn't true"],
    ["eval_steps: 7\n", "eval_steps: not used, as eval_strategy is no"],
    ["save_strategy: epoch\nsave_steps: 7\n", "save_steps: not used, as save_strategy is epoch"],
    [
      "finetuning_type: full\nlora_rank: 4\nlora_target: q_proj\n",
      "lora_rank, lora_target: not used, as finetuning_type: full has no adapters",
    ],
    [
      "adapter_name_or_path: a\nlora_rank: 4\nlora_target: q_proj\n",
      "lora_rank, lora_target: not used, as the adapter of adapter_name_or_path has its own",
    ],
    ["pref_beta: 0.2\npref_loss: ipo\n", "pref_beta: not used, as stage is sft"],
    ["stage: dpo\nsimpo_gamma: 1\n", "simpo_gamma: not used, as only pref_loss: simpo has a margin"],
    ["stage: dpo\nkto_chosen_weight: 2\n", "kto_chosen_weight: not used, as stage is dpo"],
    [
      "packing: false\nneat_packing: true\n",
      "packing: false is not used, as neat_packing: true packs, as in LLaMA-Factory",
    ],
  ];
  for (const [more, note] of cases) assert(idle(more).includes(note), `${more}${idle(more).join("\n")}`);
  const defaults =
    "max_steps: 5\nnum_train_epochs: 3.0\nwarmup_steps: 5\nwarmup_ratio: 0\npref_beta: 0.1\npref_loss: sigmoid\n" +
    "finetuning_type: full\nlora_rank: 8\nlora_alpha: 16\nlora_target: all\nsave_strategy: epoch\nsave_steps: 500\n";
  assertEquals(idle(defaults), []);
});

Deno.test("rows that are held out for an evaluation that never comes are told; warm-up is whole steps or a share", () => {
  const only = /^val_size: .* only keeps rows from training, as eval_strategy is no and do_eval isn't true$/;
  const told = (more: string) => config(more).notes.some((note) => only.test(note));
  assertEquals(["val_size: 0.1\n", "val_size: 5\n", "val_size: 0\n"].map(told), [true, true, false]);
  assertEquals(["do_eval: true\n", "eval_strategy: epoch\n"].map((more) => told(`val_size: 5\n${more}`)), [
    false,
    false,
  ]);
  for (const steps of [0, 0.03, 1, 20]) {
    assertEquals(config(`warmup_steps: ${steps}\n`).config.warmup_steps, steps);
  }
  assertEquals(
    message("warmup_steps: 2.5\n"),
    "t.yaml:6:1: Cannot warm up for 2.5 steps as a whole number is needed from 1 on, or a share of all steps below 1",
  );
});

Deno.test("a text that a loader or a shell would have filled in is refused", () => {
  for (const value of ["${oc.env:HOME}/x", "out/${stage}", "~/out", "$HOME/out", "~"]) {
    assertThrows(
      () => config(`logging_dir: ${JSON.stringify(value)}\n`),
      RangeError,
      "nothing is put in for",
    );
  }
  assertThrows(() => config("lora_target: ['a', '${x}']\n"), RangeError, "nothing is put in for ${…} here");
  assertEquals(config("default_system: ~/x costs $5\n").config.default_system, "~/x costs $5");
});
