import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "./mod.ts";
import { keyTable } from "./key_table.ts";
import { BASE_YAML, faultOfYaml, faultWith, resolvedConfig } from "./_resolved.ts";

Deno.test("10,000 unknown keys are one short error within the time of one pass", () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `kk${i}: 1\n`).join("");
  const { message } = assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError);
  assertStringIncludes(message, 't.yaml:1:1: Cannot use the unknown key "kk0"');
  assert(/\nand 9\d{3} more$/.test(message), message);
});

Deno.test("values are typed: lists with commas, unquoted yes and no, numbers", () => {
  const { config: c } = resolvedConfig(
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
  assertEquals(resolvedConfig("report_to: [tensorboard, csv]\n").config.report_to, ["tensorboard", "csv"]);
  assertEquals(resolvedConfig("eval_strategy: no\n").config.eval_strategy, "no");
  assert(Object.isFrozen(c));
});

Deno.test("overrides win, are typed as YAML, and an error names the argument", () => {
  const { config: c } = resolvedConfig(
    "seed: 1\n",
    "seed=2",
    "learning_rate=5e-6",
    "plugins=./x.ts",
    "loss_options={beta: 1}",
    "loss=x",
  );
  assertEquals([c.seed, c.learning_rate, c.loss_options], [2, 5e-6, { beta: 1 }]);
  const dotted = resolvedConfig(
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
      // 2^53 - 1, beyond which JavaScript has gaps between whole numbers
      [
        "cutoff_len=1e30",
        "Cannot read cutoff_len as a whole number >= 1 is needed: current value is 1e+30; the largest is 9007199254740991",
      ],
      [
        "loss_optoins.beta=3",
        'the argument loss_optoins.beta=3: Cannot use the unknown key "loss_optoins" - did you mean "loss_options"?',
      ],
    ] as const
  ) assertStringIncludes(faultWith("", argument), expected);
  assert(faultWith("", "cutoff_len=0").endsWith("is needed: current value is 0"));
  assertStringIncludes(
    faultWith("lora_rank: 8\n", "lora_rank.x=3"),
    "Cannot use the argument lora_rank.x=3 as lora_rank isn't a map: current value is 8",
  );
  assertStringIncludes(
    faultWith("", "seed=abc"),
    "the argument seed=abc: Cannot read seed as a whole number from 0",
  );
  assertStringIncludes(faultWith("", "lora_rnak=3"), 'did you mean "lora_rank"');
  assertStringIncludes(faultWith("", "verbose"), "key=value is needed");
});

// The rows of LLaMA-Factory's errors.md that concern its configuration
Deno.test("an unknown key is refused with file, line and the nearest known name", () => {
  assertEquals(
    faultWith("# x\nlora_rnak: 8\n"),
    't.yaml:7:1: Cannot use the unknown key "lora_rnak" - did you mean "lora_rank"?',
  );
  assertStringIncludes(faultWith("learning-rate: 1\n"), 'did you mean "learning_rate"');
  assertStringIncludes(faultWith("evaluation_strategy: steps\n"), "it is called eval_strategy here");
  assertStringIncludes(faultWith("zzzzzz: 1\n"), "--help lists every key");
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
    const found = faultWith(`${line}\n`);
    assertStringIncludes(found, text, line);
    assertStringIncludes(found, "t.yaml:6:1: ", line);
  }
});

Deno.test("what a list names twice is taken once, and none stands alone", () => {
  const { config: c, notes } = resolvedConfig(
    "lora_target: q_proj,v_proj,q_proj\nreport_to: csv,csv\n",
    "dataset=a,b,a",
  );
  assertEquals([c.dataset, c.lora_target, c.report_to], [["a", "b"], ["q_proj", "v_proj"], ["csv"]]);
  const told = notes.filter((note) => note.includes("more than once"));
  assertEquals(told.length, 1);
  assertStringIncludes(told[0]!, "dataset: a is named more than once and taken once, as in LLaMA-Factory");
  assertEquals(resolvedConfig("eval_dataset: [e, e]\ndo_eval: true\n").config.eval_dataset, ["e"]);
  assertStringIncludes(
    faultWith("interleave_probs: 0.5,0.5\nmix_strategy: interleave_over\n", "dataset=a,a"),
    "Cannot mix 1 sets with 2 interleave_probs",
  );
  assertStringIncludes(
    faultWith("report_to: [csv, none]\n"),
    "t.yaml:6:1: Cannot read report_to as none, tensorboard, csv, all, or a list of them (none stands alone) is needed: " +
      'current value is ["csv", "none"]',
  );
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
    const found = faultWith(`${line}\n`);
    assert(found.endsWith(`${JSON.stringify(line.split(": ")[1]!.replaceAll("'", ""))}${hint}`), found);
  }
  // YAML 1.1's words, where true or false is meant and nowhere else
  const { config: c } = resolvedConfig(
    "resume_from_checkpoint: on\ninclude_num_input_tokens_seen: yes\nrun_name: yes\n",
  );
  assertEquals([c.resume_from_checkpoint, c.include_num_input_tokens_seen, c.run_name], [true, true, "yes"]);
});

Deno.test("missing keys are named", () => {
  const found = faultOfYaml("do_train: true\n");
  assertStringIncludes(found, "model_name_or_path is needed");
  assertStringIncludes(found, "output_dir is needed");
  assertStringIncludes(
    faultOfYaml(BASE_YAML.replace("dataset: d\n", "")),
    "Cannot train as dataset is needed",
  );
  assertStringIncludes(faultOfYaml(BASE_YAML.replace("template: qwen\n", "")), "template is needed");
  assertStringIncludes(faultOfYaml(BASE_YAML.replace("do_train: true\n", "")), "set do_train: true");
  assertStringIncludes(faultOfYaml(""), "t.yaml is empty");
  assertStringIncludes(faultOfYaml("- a\n"), "must be a map");
});

Deno.test("all faults of a file are reported at once", () => {
  const lines = faultWith("lora_rank: x\nlora_rnak: 1\nuse_galore: true\n").split("\n");
  assertEquals(lines.map((line) => line.split(" ")[0]), ["t.yaml:6:1:", "t.yaml:7:1:", "t.yaml:8:1:"]);
});

Deno.test("a text that a loader or a shell would have filled in is refused", () => {
  for (const value of ["${oc.env:HOME}/x", "out/${stage}", "~/out", "$HOME/out", "~"]) {
    assertThrows(
      () => resolvedConfig(`logging_dir: ${JSON.stringify(value)}\n`),
      RangeError,
      "nothing is put in for",
    );
  }
  assertThrows(
    () => resolvedConfig("lora_target: ['a', '${x}']\n"),
    RangeError,
    "nothing is put in for ${…} here",
  );
  assertEquals(resolvedConfig("default_system: ~/x costs $5\n").config.default_system, "~/x costs $5");
});

Deno.test("a hint names a word that is taken, or says why the one that was meant isn't", () => {
  assert(faultWith("optim: adam_w\n").endsWith('current value is "adam_w" - did you mean "adamw_torch"?'));
  assert(faultWith("optim: adamw_hf\n").endsWith(' - did you mean "adamw_torch"?'));
  assert(faultWith("quantization_bit: int4\n").endsWith(' - did you mean "4"?'));
  assertStringIncludes(
    faultWith("use_galor: true\n"),
    "unknown key \"use_galor\"; use_galore can't be used either, as GaLore isn't there: leave it out",
  );
  // transformers' own form of report_to
  assertStringIncludes(
    faultWith("report_to: [wandb]\n"),
    "Cannot use report_to: wandb as no service gets data",
  );
  assertStringIncludes(faultWith("report_to: [tensorbord]\n"), ' - did you mean "tensorboard"?');
  let hints = 0;
  const check = (line: string, name: string, taken: readonly string[], isRefused: boolean) => {
    const said = /- did you mean "([^"]+)"\?$/.exec(faultWith(line))?.[1];
    assert(said === undefined || taken.includes(said), `${line} is told ${said}`);
    if (isRefused && said === undefined) {
      assertStringIncludes(faultWith(line), `; ${name} can't be used either`);
    }
    hints++;
  };
  const table = [...keyTable()],
    usable = table.flatMap(([key, { state }]) => state === "refused" ? [] : [key]);
  for (const [key, spec] of table) {
    check(`${key}q: 1\n`, key, usable, spec.state === "refused");
    if (spec.state !== "works") continue;
    const { values = [] } = spec.type, refused = Object.keys(spec.refused ?? {});
    for (const word of [...values, ...refused]) {
      // a path may stand there too
      if (!spec.type.schema.safeParse(`${word}q`).success) {
        check(`${key}: ${word}q\n`, word, values, refused.includes(word));
      }
    }
  }
  assert(hints > 300, `${hints} hints`);
});
