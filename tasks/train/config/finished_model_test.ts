/** do_eval and do_predict of a finished model: LLaMA-Factory's files, and what is refused. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "./mod.ts";
import { BASE_YAML, faultWith } from "./_resolved.ts";

Deno.test("do_eval without do_train evaluates a finished model, and refuses what it has no loss of", () => {
  const yaml = BASE_YAML.replace("do_train: true\n", "").replace("dataset: d\n", "");
  const file = (more: string) =>
    resolveTrainConfig(parseYaml(yaml + "do_eval: true\neval_dataset: e\n" + more, "t.yaml"));
  assertEquals([file("").config.do_eval, file("stage: pt\n").config.stage], [true, "pt"]);
  assertEquals(file("stage: dpo\npref_loss: simpo\n").config.pref_loss, "simpo");
  assertEquals(file("stage: kto\nref_model: m\n").config.ref_model, "m");
  for (
    const [more, text] of [
      [
        "stage: dpo",
        "with stage: dpo without ref_model as its loss is relative to the model before training",
      ],
      ["stage: kto", "name that one as ref_model"],
      ["train_from_scratch: true\nfinetuning_type: full", "Cannot evaluate random weights"],
      ["rope_scaling: linear\nfinetuning_type: full", "Cannot evaluate with rope_scaling"],
      [
        "stage: dpo\nref_model: m\npref_bco_weight: 1",
        "Cannot evaluate a finished model with pref_bco_weight",
      ],
      ["use_asft_loss: true", "Cannot evaluate a finished model with use_asft_loss"],
      ["streaming: true\nmax_steps: 1", "Cannot evaluate a finished model on a stream"],
    ] as const
  ) assertStringIncludes(assertThrows(() => file(more + "\n"), RangeError).message, text);
});

Deno.test("do_predict takes LLaMA-Factory's prediction file, and refuses what it can't predict with", () => {
  const lines = "do_train: false\ndo_predict: true\npredict_with_generate: true\neval_dataset: e\n";
  const yaml = BASE_YAML.replace("do_train: true\n", "").replace("dataset: d\n", "");
  const file = (more: string) => resolveTrainConfig(parseYaml(yaml + lines + more, "t.yaml"));
  const { config, notes } = file("temperature: 0.5\n");
  assertEquals([config.do_predict, config.top_k, config.max_new_tokens], [true, 50, 1024]);
  assertEquals(notes.filter((note) => /temperature|eval_dataset/.test(note)), []);
  assert(
    file("do_sample: false\ntemperature: 0.5\n").notes.includes(
      "temperature: not used, as do_sample: false takes the likeliest tokens",
    ),
  );
  for (
    const [more, text] of [
      ["stage: dpo", "set stage: sft"],
      ["num_beams: 4", "Cannot search with num_beams: 4 beams"],
      ["compute_accuracy: true", "Cannot use compute_accuracy with predict_with_generate"],
      ["eval_on_each_dataset: true", "Cannot predict for each data set by itself"],
      ["adapter_name_or_path: a,b", "merge them with deno task export"],
      ["streaming: true\nmax_steps: 1", "Cannot predict from a stream"],
      ["loss: dpo", "Cannot predict with a loss"],
      ["max_new_tokens: 0", "a whole number >= 1"],
      ["top_p: 0", "a number > 0 and <= 1"],
    ] as const
  ) assertStringIncludes(assertThrows(() => file(more + "\n"), RangeError).message, text);
  for (
    const [more, text] of [
      [
        "do_predict: true\npredict_with_generate: true\neval_dataset: e\nadapter_name_or_path: a\ncreate_new_adapter: true",
        "Cannot predict with several adapters",
      ],
      ["predict_with_generate: true\neval_dataset: e", "Cannot train with predict_with_generate"],
      ["do_predict: true\neval_dataset: e", "set predict_with_generate: true"],
    ] as const
  ) assertStringIncludes(faultWith(more + "\n"), text);
});

Deno.test("do_predict of stage rm generates nothing: keys about answers are told as not used, as LLaMA-Factory passes them over", () => {
  const yaml = BASE_YAML.replace("do_train: true\n", "").replace("dataset: d\n", "") +
    "stage: rm\ndo_predict: true\neval_dataset: e\nnum_beams: 4\ncompute_accuracy: true\n";
  const { notes } = resolveTrainConfig(parseYaml(yaml, "t.yaml"));
  assert(notes.includes("num_beams: not used, as stage rm generates no text"), notes.join("\n"));
  assert(notes.includes("compute_accuracy: not used, as stage is rm"), notes.join("\n"));
});
