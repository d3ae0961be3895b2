/**
 * Training files with damaged keys, values, arguments or text, taken as far as a run goes before it trains.
 * @module
 */
import { dirname, join } from "@std/path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";

import { exists } from "../../formats/exists.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { registryOf } from "../../tasks/common/config/config_file.ts";
import { keyTable } from "../../tasks/train/config/key_table.ts";
import { resolveTrainConfig } from "../../tasks/train/config/resolve.ts";
import { prepare } from "../../tasks/train/prepare.ts";
import { encode } from "../../tasks/train/prepare/encode.ts";
import type { Chooser } from "./chooser.ts";

const goldens = fileURLToPath(new URL("../../fixtures/goldens/llamafactory", import.meta.url));
const BASE = {
  model_name_or_path: join(goldens, "model"),
  adapter_name_or_path: join(goldens, "adapter"),
  dataset_dir: join(goldens, "data"),
  dataset: "toy_sft",
  output_dir: "out",
  do_train: true,
  template: "qwen",
  stage: "sft",
  cutoff_len: 64,
  max_samples: 4,
  learning_rate: 0.01,
  overwrite_cache: true,
};
const keys = [...keyTable().keys()];

/** Makes a file and reads it; where it is taken, model and data too. */
export async function damagedTraining(choose: Chooser, file: string): Promise<void> {
  let settings: Record<string, unknown> = { ...BASE };
  if (choose.chance(0.3)) {
    Object.assign(settings, { stage: choose.of(["dpo", "kto", "pt", "iopo"]), dataset: "toy_dpo" });
  }
  for (let n = choose.below(4); n > 0; n--) settings[choose.of(keys)] = valueOf(choose);
  if (choose.chance(0.3)) settings = choose.mutated(settings) as Record<string, unknown>;
  if (choose.chance(0.05)) settings[choose.damaged(choose.of(keys))] = choose.hostile();
  let text = choose.chance(0.2) ? JSON.stringify(settings) : stringify(settings);
  if (choose.chance(0.3)) text = choose.damaged(text);
  const overrides = Array.from({ length: choose.chance(0.3) ? 1 + choose.below(2) : 0 }, () => {
    const argument = `${choose.of(keys)}=${String(JSON.stringify(valueOf(choose)))}`;
    return choose.chance(0.3) ? choose.damaged(argument) : argument;
  });
  const { config, placeOf } = resolveTrainConfig(parseYaml(text, file), overrides);
  const isLocal = exists(config.model_name_or_path) && config.plugins.length === 0 &&
    ![...config.dataset, ...config.eval_dataset].some((name) => name.includes("/"));
  if (!isLocal) return; // nothing is downloaded, no code of others runs
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const ready = await prepare(config, registry, () => {}, placeOf);
  ready.model.weights.close();
  await encode({ ...config, data_cache_dir: join(dirname(file), "cache") }, { registry, ready });
}

function valueOf(choose: Chooser): unknown {
  return choose.chance(0.5) ? choose.hostile() : choose.of([
    1,
    2,
    0.5,
    1e-4,
    100,
    true,
    false,
    "no",
    "steps",
    "auto",
    "all",
    "none",
    "cosine",
    "a,b",
    "adamw_torch",
    "adafactor",
  ]);
}
