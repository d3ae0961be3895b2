/**
 * The configuration of a replication: YAML under the key `replicate`, and `key=value` arguments over it.
 * @module
 */
import { z } from "zod";

import { readYaml } from "../../formats/yaml/yaml.ts";
import type { PlaceOf } from "../../plugins/kinds/place.ts";
import { openSettings, parseSettings } from "../common/config/settings.ts";

const count = z.int().positive();
const rates = z.array(z.number().positive()).min(1).refine(
  (list) => new Set(list).size === list.length,
  "must have no rate twice",
);

/** Keys under `replicate`. */
export const ReplicateOptions = z.strictObject({
  model: z.string().min(1).describe("the model that every method starts from: folder, GGUF file or hub id"),
  template: z.string().min(1).default("auto").describe("chat template; auto: the model's own"),
  records: z.string().min(1).describe(
    "quadruples with their constraints and rules, JSON lines: synth's dataset/records.jsonl",
  ),
  test: z.string().min(1).describe(
    "instructions to evaluate on, JSON lines as the benchmark constraints reads",
  ),
  held_out: z.array(z.string().min(1)).min(1).describe(
    "ids of rules that no method is trained on; the other distribution",
  ),
  out_dir: z.string().min(1).describe("directory of the replication"),
  train_items: count.optional().describe(
    "quadruples to train on, at most; default: all but the validation's",
  ),
  validation_items: count.default(24).describe(
    "quadruples that are kept for tuning learning rates, at least",
  ),
  test_items: count.optional().describe("test instructions of each distribution, at most; default: all"),
  steps: count.describe("optimizer steps of every training"),
  quads: count.default(4).describe(
    "quadruples a step of IOPO; DPO gets twice as many pairs and SFT four times as many answers",
  ),
  seeds: z.array(z.int().min(0)).min(1).refine(
    (list) => new Set(list).size === list.length,
    "must have no seed twice",
  ).default([0]).describe("a training each; the first one is tuned"),
  learning_rates: z.strictObject({ sft: rates, preference: rates }).describe(
    "rates that are tried, rising: of SFT, and of each preference method",
  ),
  beta: z.number().positive().default(0.1).describe("beta of DPO and IOPO"),
  takes: z.string().min(1).optional().describe(
    "how long all of it takes and on what, in words: said before it begins",
  ),
  train: z.record(z.string(), z.unknown()).default({}).describe("further keys of every training"),
  endpoint: z.record(z.string(), z.unknown()).default({}).describe(
    "options of the endpoint local that answers",
  ),
  max_tokens: count.default(96).describe("tokens of an answer, at most; a cut answer is judged as it is"),
  resamples: z.int().min(100).default(2000).describe("of the bootstrap"),
  seed: z.int().min(0).default(0).describe("of the bootstrap, and of the split into training and validation"),
});

/** Values of the keys under `replicate`, defaults filled in. */
export type ReplicateConfig = z.output<typeof ReplicateOptions>;

/** A configuration and where it is from. */
export interface ResolvedReplicate {
  /** Every default filled in. */
  config: ReplicateConfig;
  /** Where a key was written. */
  placeOf: PlaceOf;
}

/** Keys that a replication sets itself. */
const OWN_KEYS: readonly string[] = [
  ...["model_name_or_path", "template", "stage", "dataset", "dataset_dir", "output_dir", "max_steps"],
  ...["learning_rate", "seed", "data_seed", "pref_beta", "iopo_variant", "per_device_train_batch_size"],
  ...["gradient_accumulation_steps", "do_train", "resume_from_checkpoint", "overwrite_output_dir"],
];

/**
 * Reads a file and applies arguments.
 * @throws {SyntaxError} If a file isn't YAML
 * @throws {RangeError} If a key or value is wrong
 */
export function readReplicateConfig(path: string, overrides: readonly string[] = []): ResolvedReplicate {
  const shape = {
    top: "replicate",
    verb: "replicate",
    paths: new Set(["model", "records", "test"]),
    files: [],
    example: "steps=20",
  };
  const keys = { data: "records", model: "model" };
  const settings = openSettings(readYaml(path, { keys }), overrides, shape);
  const config = parseSettings(ReplicateOptions, settings, shape.top);
  const taken = OWN_KEYS.find((key) => Object.hasOwn(config.train, key));
  if (taken !== undefined) {
    throw new RangeError(
      `${settings.placeOf("train", taken)}: Cannot set ${taken} under train as the comparison sets it: ` +
        "leave it out; the keys of replicate are listed by --help",
    );
  }
  return { config, placeOf: settings.placeOf };
}
