import { assertEquals } from "@std/assert";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "./config/mod.ts";
import { unreachedRateNotes } from "./unreached_rate.ts";

Deno.test("a run that ends within its warm-up is told its highest learning rate; one that gets there isn't", () => {
  const base =
    "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\nlearning_rate: 0.001\n" +
    "per_device_train_batch_size: 1\ngradient_accumulation_steps: 1\n";
  const of = (lines: string, examples = 8) =>
    unreachedRateNotes(resolveTrainConfig(parseYaml(base + lines, "t.yaml")).config, examples);
  const said = (how: string) => [
    `learning_rate: 0.001 is never reached, as the run still warms up in ${how}; set a shorter warm-up, or more steps`,
  ];
  // step k of 8, from 0, has k / w of the rate: 7 / 100, 7 / 8
  const ofHundred = said("the last of 8 steps (warmup_steps: 100): it is 0.00007 at most");
  assertEquals(of("num_train_epochs: 1\nwarmup_steps: 100\n"), ofHundred);
  assertEquals(
    of("max_steps: 8\nwarmup_ratio: 1\n", 3),
    said("the last of 8 steps (warmup_ratio: 1): it is 0.000875 at most"),
  );
  // a tenth of one step is rounded up to it, as transformers does
  assertEquals(
    of("max_steps: 1\nwarmup_ratio: 0.1\n"),
    said("the only step (warmup_ratio: 0.1): it is 0, so nothing is learnt"),
  );
  for (
    const lines of [
      "max_steps: 8\nwarmup_steps: 7\n",
      "max_steps: 8\n",
      "max_steps: 8\nwarmup_steps: 100\nlr_scheduler_type: constant\n",
      "max_steps: 8\nwarmup_steps: 100\nlr_scheduler_type: warmup_stable_decay\nlr_scheduler_kwargs: {min_lr_ratio: 1}\n",
    ]
  ) assertEquals(of(lines), [], lines);
});
