import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse } from "yaml";

import { parseYaml } from "../../../../formats/yaml/yaml.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import { resolveTrainConfig } from "../../config/resolve.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { fakeStepReport, goldenJson, logAt, outputsGolden } from "../../../../tests/helpers/fake_reports.ts";
import { tokenizerFiles, writeRunOutputs } from "./finish.ts";
import { type ModelCard, modelCard } from "./model_card.ts";
import { createReporters } from "../reporters/reporters.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

function config(more: string): TrainConfig {
  const base =
    "model_name_or_path: model\ndo_train: true\ndataset: toy_dpo\ntemplate: qwen\noutput_dir: out_dpo\n";
  return resolveTrainConfig(parseYaml(base + more, "t.yaml")).config;
}

/** The keys of the recorded dpo run that its card shows. */
const DPO =
  "stage: dpo\nlearning_rate: 0.01\nper_device_train_batch_size: 2\nper_device_eval_batch_size: 2\n" +
  "gradient_accumulation_steps: 2\nlr_scheduler_type: cosine\nwarmup_ratio: 0.1\nmax_steps: 6\nlora_rank: 4\nval_size: 6\n";

function card(changes: Partial<ModelCard> = {}): string {
  return modelCard({
    config: config(DPO),
    baseModel: "model",
    name: "out_dpo",
    adapter: null,
    totalSteps: 6,
    history: goldenJson("dpo_trainer_state.json").log_history,
    evaluation: goldenJson("dpo_eval_results.json"),
    pictures: ["training_loss.svg", "training_loss.png"],
    versions: { Dinotune: "0.1.0" },
    ...changes,
  });
}

const front = (text: string) => parse(text.split("---\n")[1]!);
const listed = (text: string) =>
  Object.fromEntries([...text.matchAll(/^- ([\w/ ]+): (.*)$/gm)].map(([, key, value]) => [key!, value!]));

/** A tokenizer of which only the files are looked at. */
function tokenizer(files: Record<string, string | Uint8Array>): Tokenizer {
  return { files: () => files } as unknown as Tokenizer;
}

Deno.test("the model card says what LLaMA-Factory's says of the same run", () => {
  const [ours, theirs] = [card(), Deno.readTextFileSync(outputsGolden("dpo_card.md"))];
  const [a, b] = [front(ours), front(theirs)];
  assertEquals({ ...a, tags: null }, { ...b, tags: null });
  const tags = b.tags.filter((tag: string) => tag !== "llama-factory");
  assertEquals(tags.filter((tag: string) => !a.tags.includes(tag)), []);
  assert(a.tags.includes("dinotune"));
  const [items, reference] = [listed(ours), listed(theirs)];
  const other = [
    "optimizer",
    "PEFT",
    "Transformers",
    "Pytorch",
    "Datasets",
    "Tokenizers",
    "Num Input Tokens Seen",
  ];
  for (const [key, value] of Object.entries(reference)) {
    if (!other.includes(key)) assertEquals(Number(items[key]) || items[key], Number(value) || value, key);
  }
  assertEquals(Object.keys(reference).length > 20, true);
  assertStringIncludes(ours, "![training loss](training_loss.png)");
  assertStringIncludes(ours, "| 0.6744 | 0.5000 | 3 | 0.6676 |\n| 0.8195 | 1.0000 | 6 | 0.7215 |");
});

Deno.test("a card of full tuning is a transformers card, a hub id a link, a path none", () => {
  const full = card({
    config: config("stage: sft\nfinetuning_type: full\n"),
    evaluation: null,
    pictures: [],
  });
  assertEquals(front(full).library_name, "transformers");
  assertEquals(front(full).tags[0], "base_model:finetune:model");
  assertEquals(full.includes("lora_rank") || full.includes("!["), false);
  assertStringIncludes(full, "`model`");
  assertStringIncludes(
    card({ baseModel: "Qwen/Qwen2-7B" }),
    "[Qwen/Qwen2-7B](https://huggingface.co/Qwen/Qwen2-7B)",
  );
  assertEquals(front(card({ baseModel: "a: [b" })).base_model, "a: [b");
});

Deno.test("a card lists what changes the learning and isn't the default, and nothing of it where all is", () => {
  const items = (keys: string) => listed(card({ config: config(keys) }));
  const has = (keys: string, more: Record<string, string>) => {
    const found = items(keys);
    for (const [key, value] of Object.entries(more)) assertEquals(found[key], value, key);
  };
  has(
    "stage: sft\nuse_dft_loss: true\nmax_grad_norm: 0\npacking: true\nuse_rslora: true\nloraplus_lr_ratio: 16\n",
    {
      use_dft_loss: "true",
      max_grad_norm: "0",
      packing: "true",
      use_rslora: "true",
      loraplus_lr_ratio: "16",
    },
  );
  has("stage: sft\nlabel_smoothing_factor: 0.1\nmask_history: true\n", {
    label_smoothing_factor: "0.1",
    mask_history: "true",
  });
  has("stage: dpo\nld_alpha: 0\npref_loss: simpo\nsimpo_gamma: 0\n", { ld_alpha: "0", simpo_gamma: "0" });
  has("stage: iopo\niopo_variant: first_group_only\niopo_label_smoothing: 0.1\n", {
    iopo_variant: "first_group_only",
    iopo_label_smoothing: "0.1",
  });
  has("stage: kto\nkto_chosen_weight: 1.3\n", { kto_chosen_weight: "1.3" });
  has('stage: sft\nlr_scheduler_type: polynomial\nlr_scheduler_kwargs: {"power": 2}\n', {
    lr_scheduler_kwargs: '{"power":2}',
  });
  has("stage: dpo\npref_loss: hinge\nllamafactory_version: 0.9.5\nstep_mean: examples\n", {
    pref_loss: "hinge",
    llamafactory_version: "0.9.5",
    step_mean: "examples",
  });
  has(
    "stage: sft\nmix_strategy: interleave_under\ntruncation: drop\ndisable_shuffling: true\n",
    {
      mix_strategy: "interleave_under",
      truncation: "drop",
      disable_shuffling: "true",
    },
  );
  const mixed = { ...config("stage: sft\n"), dataset: ["a", "b"], interleave_probs: [0.5, 0.25] };
  assertEquals(listed(card({ config: mixed })).interleave_probs, "[0.5,0.25]");
  has("stage: sft\nfinetuning_type: full\nrope_scaling: linear\n", { rope_scaling: "linear" });
  // kto has one loss
  assertEquals("pref_loss" in items("stage: kto\n"), false);
  for (const stage of ["sft", "pt", "dpo", "kto", "iopo"]) {
    const plain = Object.keys(items(`stage: ${stage}\n`)).join();
    assertEquals(
      /smoothing|dft|alpha(?<!lora_alpha)|norm|gamma|packing|variant|weight|kwargs|mean|mix|probs|trunc|shuff|rope|version/
        .test(plain),
      false,
      plain,
    );
  }
});

Deno.test("the model card names the optimizer, with AdamW's moments where they are AdamW's", () => {
  const of = (more: string) =>
    listed(card({ config: config(`stage: sft\nweight_decay: 0.1\nadam_beta2: 0.95\n${more}`) })).optimizer;
  const adamw = "AdamW with betas=(0.9,0.95), epsilon=1e-8 and weight_decay=0.1";
  assertEquals([of(""), of("optim: adamw_torch\n"), of("optim: adamw_apex_fused\n")], [adamw, adamw, adamw]);
  assertEquals(
    of("optim: adafactor\n"),
    "Adafactor with scale_parameter=False, relative_step=False and weight_decay=0.1",
  );
  assertEquals(of("optim: sgd\n"), "SGD with weight_decay=0.1");
  assertEquals(of("optim: adagrad\n"), "Adagrad with weight_decay=0.1");
  assertEquals(of("optim: rmsprop\n"), "RMSprop with weight_decay=0.1");
});

Deno.test("the chat template stands in chat_template.jinja and in tokenizer_config.json, and nothing else changes", () => {
  const files = { "tokenizer.json": "{}", "tokenizer_config.json": '{"a": 1, "chat_template": "old"}' };
  const written = tokenizerFiles(tokenizer(files), "new {{ x }}");
  assertEquals(written["tokenizer.json"], "{}");
  assertEquals(JSON.parse(written["tokenizer_config.json"] as string), {
    a: 1,
    chat_template: "new {{ x }}",
  });
  assertEquals(written["chat_template.jinja"], "new {{ x }}");
  assertEquals(tokenizerFiles(tokenizer(files), null), files);
  assertEquals(files["tokenizer_config.json"].includes("old"), true);
});

Deno.test("writeRunOutputs() leaves LLaMA-Factory's files, an interrupted run only its log", async () => {
  const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  const run = async (finished: boolean, hasWeights = true) => {
    const directory = join(temporaryFolder(), "out_dpo");
    const staging = join(directory, ".staging");
    Deno.mkdirSync(staging, { recursive: true });
    const settings = { ...config(DPO + "plot_loss: true\nreport_to: csv\n"), output_dir: directory };
    const { log } = logAt({}, { outputDir: directory, reporters: createReporters(settings) });
    log.step(fakeStepReport(1, { metrics: { "rewards/accuracies": 1, "rewards/margins": 0.5 } }));
    log.evaluation(1, 1, { eval_loss: 0.6 });
    const files = await writeRunOutputs({
      baseModel: settings.model_name_or_path,
      config: settings,
      log,
      staging,
      finished,
      hasWeights,
    });
    for (const name of names(staging)) Deno.renameSync(join(staging, name), join(directory, name));
    Deno.removeSync(staging);
    assertEquals(files.every(({ what }) => what.length > 0), true);
    return { written: files.map(({ name }) => name).sort(), there: names(directory), directory };
  };
  const done = await run(true);
  const theirs = (goldenJson("dpo_files.json") as [string, number][]).map(([name]) => name)
    .filter((name) =>
      !name.includes("/") && !/^adapter|\.bin$|^special_tokens_map|^tokenizer|^chat_template/.test(name)
    );
  for (const name of theirs) assert(done.there.includes(name), `${name} is missing`);
  assertEquals(done.there, [...done.written, "metrics.csv"].sort());
  const readme = Deno.readTextFileSync(join(done.directory, "README.md"));
  assertStringIncludes(readme, "# out_dpo\n");
  assertStringIncludes(readme, "- Loss: 0.6\n");
  const untrained = await run(true, false);
  assertEquals(untrained.there, done.there.filter((name) => name !== "README.md"));
  assertEquals((await run(false)).there, ["metrics.csv", "trainer_log.jsonl", "trainer_state.json"]);
});

Deno.test("the card of an adapter shows how peft, vLLM and llama.cpp load it, with the base model that it names", () => {
  const text = card({ baseModel: "owner/base", config: config("stage: sft\nlora_rank: 12\n") });
  for (
    const line of [
      'model = AutoPeftModelForCausalLM.from_pretrained("out_dpo")',
      "vllm serve owner/base --enable-lora --max-lora-rank 16 --lora-modules out_dpo=out_dpo",
      "python convert_lora_to_gguf.py --base-model-id owner/base out_dpo --outfile out_dpo.gguf",
      "llama-cli -m base.gguf --lora out_dpo.gguf",
    ]
  ) assertStringIncludes(text, line);
  assertStringIncludes(card({ baseModel: "./m" }), "--base BASE_FOLDER out_dpo");
  assertEquals(card({ config: config("stage: sft\nfinetuning_type: full\n") }).includes("How to use"), false);
  const lengths = card({
    baseModel: "owner/base",
    config: config("stage: sft\nuse_dora: true\n"),
    adapter: { r: 8, use_dora: true },
  });
  assertStringIncludes(
    lengths,
    "deno task export model_name_or_path=owner/base adapter_name_or_path=out_dpo export_dir=out_dpo-merged",
  );
  assert(!lengths.includes("--enable-lora") && !lengths.includes("convert_lora"));
});

Deno.test("the card of a reward model shows how an answer is rewarded, and no program that would talk with it", () => {
  const adapter = card({ baseModel: "owner/base", config: config("stage: rm\n") });
  // with this text transformers 5.17 and peft 0.21 gave the rewards of six rows that do_predict wrote
  for (
    const line of [
      'model = AutoPeftModelForCausalLM.from_pretrained("out_dpo")',
      'head = load_file("out_dpo/value_head.safetensors")',
      "state = model.eval()(ids, output_hidden_states=True).hidden_states[-1][0, -1].float()",
    ]
  ) assertStringIncludes(adapter, line);
  const whole = card({ config: config("stage: rm\nfinetuning_type: full\n") });
  assertStringIncludes(whole, 'model = AutoModelForCausalLM.from_pretrained("out_dpo")');
  for (const text of [adapter, whole]) assert(!text.includes("vllm serve") && !text.includes("llama-cli"));
});

Deno.test("the card of an adapter with whole modules and new tokens lists them, has PEFT's embedding as large, and no line for programs without a place for them", () => {
  const adapter = { r: 8, modules_to_save: ["embed_tokens", "lm_head"] };
  const grown = card({ config: config("stage: sft\nadd_tokens: zwei\nresize_vocab: true\n"), adapter });
  assert(!grown.includes("--enable-lora") && !grown.includes("convert_lora") && !grown.includes("AutoPeft"));
  assertStringIncludes(grown, "no place for modules that are trained whole (embed_tokens, lm_head), merged");
  assertStringIncludes(grown, "    base.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64)\n");
  const { add_tokens, resize_vocab, additional_target } = listed(grown);
  assertEquals([add_tokens, resize_vocab, additional_target], [
    '["zwei"]',
    "true",
    "embed_tokens,lm_head",
  ]);
  const whole = card({ config: config("stage: sft\nadditional_target: embed_tokens,lm_head\n"), adapter });
  assertStringIncludes(whole, 'AutoPeftModelForCausalLM.from_pretrained("out_dpo")');
  assert(!whole.includes("--enable-lora"));
  assertEquals([listed(whole).add_tokens, listed(whole).additional_target], [
    undefined,
    "embed_tokens,lm_head",
  ]);
  assertEquals(listed(card({ config: config("stage: sft\n") })).additional_target, undefined);
});

Deno.test("the card of an adapter that was trained on has its own settings, and vLLM's rank is that of what is saved", () => {
  const own = {
    r: 4,
    rank_pattern: { "layers.0.self_attn.q_proj": 64 },
    lora_alpha: 12,
    lora_dropout: 0.1,
    target_modules: ["q_proj", "v_proj"],
    use_rslora: true,
  };
  const keys = "stage: sft\nlora_rank: 8\nuse_dora: true\nadapter_name_or_path: a\n";
  const continued = card({ config: config(keys), adapter: own });
  const { lora_rank, lora_alpha, lora_dropout, lora_target, use_rslora, use_dora } = listed(continued);
  assertEquals(
    [lora_rank, lora_alpha, lora_dropout, lora_target, use_rslora, use_dora],
    ["4", "12", "0.1", "q_proj,v_proj", "true", undefined],
  );
  assertStringIncludes(continued, "--max-lora-rank 64 ");
  // a new one upon it is the run's
  const fresh = listed(card({ config: config(`${keys}create_new_adapter: true\n`), adapter: { r: 8 } }));
  assertEquals([fresh.lora_rank, fresh.lora_alpha, fresh.use_dora], ["8", "16", "true"]);
  const expanded = config("stage: sft\nuse_llama_pro: true\nfreeze_trainable_layers: 4\n");
  const inBlocks = listed(card({ config: expanded, adapter: { r: 8 } }));
  assertEquals([inBlocks.lora_target, inBlocks.use_llama_pro, inBlocks.freeze_trainable_layers], [
    "all",
    "true",
    "4",
  ]);
  // PiSSA's is saved with twice the rank
  const pissa = "stage: sft\npissa_init: true\npissa_convert: true\n";
  const saved = card({ config: config(pissa), adapter: { r: 16 } });
  assertEquals(listed(saved).lora_rank, "8");
  assertStringIncludes(saved, "--max-lora-rank 16 ");
});

Deno.test("the card of a run with a loss plugin has its options, and no key that does nothing beside it", () => {
  const keys = "stage: dpo\nloss: mine\nloss_options: { margin: 2 }\ndpo_label_smoothing: 0.1\n";
  const found = listed(card({ config: config(keys) }));
  assertEquals([found.loss, found.loss_options], ["mine", '{"margin":2}']);
  assertEquals(Object.keys(found).filter((key) => /^pref_|smoothing/.test(key)), []);
});
