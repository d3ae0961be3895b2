/** Losses beside the stage that they are for. */
import { assertEquals, assertThrows } from "@std/assert";

import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { resolveTrainConfig } from "../config/mod.ts";
import { prepareLoss } from "./loss.ts";
import { UsedPlugins } from "./used_plugins.ts";

const made = (lines: string) => {
  const base = "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n";
  const { config, placeOf } = resolveTrainConfig(parseYaml(base + lines, "t.yaml"));
  return prepareLoss(config, new UsedPlugins(builtinRegistry()), placeOf);
};

Deno.test("a loss of values is of stage rm, and stage rm has no other", () => {
  const { name, loss } = made("stage: rm");
  assertEquals([name, loss.measure], ["rm", "value"]);
  assertEquals(made("stage: rm\nloss: rm").name, "rm");
  assertThrows(
    () => made("stage: dpo\nloss: rm"),
    RangeError,
    "t.yaml:7:1: Cannot use loss rm in stage dpo as it takes values of a value head: use stage: rm",
  );
  assertThrows(
    () => made("stage: rm\nloss: simpo"),
    RangeError,
    "t.yaml:7:1: Cannot use loss simpo in stage rm as it takes log-probabilities",
  );
});

Deno.test("an anchored loss has no reference with pissa_init, whose base lacks the leading parts", () => {
  assertEquals(
    made("pissa_init: true\npissa_convert: true\nuse_eaft_loss: true").loss.labelMeasure,
    "top_entropy",
  );
  assertEquals(
    made("pissa_init: true\npissa_convert: true\nfinetuning_type: full\nuse_asft_loss: true").name,
    "sft",
  );
  for (const lines of ["use_asft_loss: true", "loss: sft\nloss_options: {asft_alpha: 0.1}"]) {
    assertThrows(
      () => made(`${lines}\npissa_init: true\npissa_convert: true`),
      RangeError,
      "Cannot use pissa_init: true with loss sft as its reference is the model with adapters off",
    );
  }
});
