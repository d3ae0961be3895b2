import { assert, assertEquals, assertThrows } from "@std/assert";
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
  resolveTrainConfig,
  runYaml,
} from "./mod.ts";
import { resolvedConfig } from "./_resolved.ts";

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
    const { name, options } = lossName(resolvedConfig(lines + "\n").config);
    const resolved = registry.options("loss", name, options);
    for (const key of Object.keys(options)) assertEquals(resolved[key], options[key], `${name} ${key}`);
  }
  assertEquals(lossName(resolvedConfig("loss: mine\nloss_options: {a: 1}\n").config), {
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
  const first = resolvedConfig(
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
  const a = resolvedConfig().config;
  const b = resolvedConfig(
    "learning_rate: 1e-3\nlogging_steps: 1\nsave_steps: 3\noutput_dir: p\n".replace("output_dir: p\n", ""),
  ).config;
  assertEquals(diffConfigs(a, b).map(({ key }) => key), ["learning_rate"]);
  assertEquals(diffConfigs(a, a), []);
  // A checkpoint of a version that didn't have the key yet.
  const { fp16: _, ...old } = a;
  assertEquals(diffConfigs(old, a), []);
  assertEquals(diffConfigs(old, { ...a, fp16: true }), [{ key: "fp16", before: undefined, after: true }]);
  // all of transformers' AdamWs are one here, also to a checkpoint that doesn't know the key
  const { optim: __, ...before } = a;
  for (const earlier of [a, before]) {
    assertEquals(diffConfigs(earlier, { ...a, optim: "adamw_torch" }), []);
    assertEquals(diffConfigs(earlier, { ...a, optim: "sgd" }).map(({ key }) => key), ["optim"]);
  }
});

Deno.test("absoluteSteps() takes a value below 1 for a share, rounded up as transformers does", () => {
  assertEquals([absoluteSteps(0.1, 25), absoluteSteps(5, 25), absoluteSteps(1, 25)], [3, 5, 1]);
  assertThrows(() => absoluteSteps(0, 5), RangeError);
});
