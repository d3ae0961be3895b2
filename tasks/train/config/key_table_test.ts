import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { lossName, readTrainConfig, resolveTrainConfig } from "./mod.ts";
import { keyTable } from "./key_table.ts";
import { faultOfYaml, resolvedConfig } from "./_resolved.ts";

const goldens = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url);

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
    add_special_tokens: [],
    add_tokens: [],
    additional_target: [],
    dataset: [],
    eval_dataset: [],
    freeze_extra_modules: [],
    freeze_trainable_modules: ["all"],
    lora_target: ["all"],
    ref_model_adapters: [],
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

Deno.test("use_dft_loss and ld_alpha are options of the losses that they weigh, left out where they aren't set", () => {
  const named = (lines: string) => lossName(resolvedConfig(lines).config);
  assertEquals(named("use_dft_loss: true\n"), { name: "sft", options: { dft: true } });
  assertEquals(named("use_dft_loss: false\n"), { name: "sft", options: {} });
  assertEquals(named("use_eaft_loss: true\n"), { name: "sft", options: { eaft_alpha: 1 } });
  assertEquals(named("use_asft_loss: true\nasft_alpha: 0.05\n"), {
    name: "sft",
    options: { asft_alpha: 0.05 },
  });
  assertEquals(named("asft_alpha: 0.05\n"), { name: "sft", options: {} });
  for (const [pref_loss, name] of [["ipo", "dpo"], ["orpo", "orpo"], ["simpo", "simpo"]] as const) {
    const lines = `stage: dpo\npref_loss: ${pref_loss}\n`;
    assertEquals(named(`${lines}ld_alpha: 0\n`), { name, options: { ...named(lines).options, ld_alpha: 0 } });
    assertEquals(named(lines).options.ld_alpha, undefined);
  }
});

Deno.test("defaults that depend on other keys are LLaMA-Factory's and transformers'", () => {
  const { config: c } = resolvedConfig();
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
  assertEquals(resolvedConfig("lora_rank: 4\n").config.lora_alpha, 8);
  assertEquals(resolvedConfig("stage: pt\n").config.packing, true);
  assertEquals(resolvedConfig("neat_packing: true\n").config.packing, true);
  const evaluated =
    resolvedConfig("val_size: 0.1\neval_strategy: steps\nlogging_steps: 7\nearly_stopping_steps: 2\n").config;
  assertEquals([evaluated.do_eval, evaluated.eval_steps, evaluated.metric_for_best_model], [
    true,
    7,
    "eval_loss",
  ]);
  const metric = resolvedConfig(
    "val_size: 3\neval_strategy: epoch\nsave_strategy: best\nmetric_for_best_model: rewards/accuracies\n",
  );
  assertEquals(metric.config.metric_for_best_model, "eval_rewards/accuracies");
  assertEquals(metric.config.greater_is_better, true);
});

Deno.test("every refused key is refused, with its reason, unless its value means what happens here anyway", () => {
  for (const [key, spec] of keyTable()) {
    if (spec.state !== "refused") continue;
    const text = JSON.stringify({ ...BASE_VALUES, [key]: "zz" });
    assertStringIncludes(faultOfYaml(text), `Cannot use ${key}: "zz" as ${spec.reason}: ${spec.instead}`);
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
  const { notes, config: c } = resolvedConfig(
    "quantization_bit: 4\nquantization_method: bnb\ndouble_quantization: false\nquantization_type: nf4\n",
  );
  assertEquals(c.quantization_bit, 4);
  const told = notes.filter((note) => note.includes("quantization_"));
  assertEquals(told, [
    "quantization_method, double_quantization, quantization_type: not used, as frozen weights have one form for each number " +
    "of bits, which quantization_bit (with trainer: torch its trainer_options) says",
  ]);
});
