import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { type EvalConfig, readEvalConfig, resolveEvalConfig } from "./config.ts";

const EXAMPLE =
  new URL("../../../examples/eval/config/evaluator-trace-gpt-gpt.yaml", import.meta.url).pathname;
const MINIMAL = "evaluator:\n  type: ifeval\n  model:\n    type: openai\n    args: {name: m}\n";

function resolved(
  text: string,
  overrides: readonly string[] = [],
  files: Record<string, string> = {},
): EvalConfig {
  const read = (path: string) => {
    const name = path.split("/").at(-1)!;
    if (files[name] === undefined) throw new RangeError("no such file");
    return files[name]!;
  };
  return resolveEvalConfig(parseYaml(text, "/configs/eval.yaml", { read }), overrides).config;
}

Deno.test("readEvalConfig() reads the released evaluator file with its includes", () => {
  const { config } = readEvalConfig(EXAMPLE, ["out_dir=/tmp/elsewhere", "model.run_args.temperature=0.5"]);
  assertEquals([
    config.type,
    config.out_dir,
    config.metric_type,
    config.infer_processes,
    config.eval_processes,
  ], [
    "trace",
    "/tmp/elsewhere",
    "metric_trace",
    1,
    2,
  ]);
  assertEquals(config.model.type, "vllm");
  assertEquals([config.model.run_args.temperature, config.model.run_args.top_p], [0.5, 1]);
  assertEquals(config.evaluator_llm, {
    type: "alibaba-remote-llm",
    args: { name: "gpt-4o" },
    run_args: { temperature: 0, top_p: 0.8 },
  });
  assert(config.dataset!.args.url.endsWith("/fixtures/trace/trace_eval.jsonl.gz"));
  assert(Deno.statSync(config.dataset!.args.url).isFile);
});

Deno.test("overrides put whole files in and never touch the person's", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "m.yaml"), "type: vllm\nargs:\n  name: other\n");
    const before = await Deno.readTextFile(EXAMPLE);
    const { config } = readEvalConfig(EXAMPLE, [`model=${join(folder, "m.yaml")}`, "model.run_args.seed=7"]);
    assertEquals([config.model.args, config.model.run_args.seed, config.model.run_args.temperature], [
      { name: "other" },
      7,
      0,
    ]);
    assertEquals(await Deno.readTextFile(EXAMPLE), before);
    await Deno.writeTextFile(join(folder, "m.yaml"), "type: vllm\nrun_args:\n  temprature: 1\n");
    assertThrows(
      () => readEvalConfig(EXAMPLE, [`model=${join(folder, "m.yaml")}`]),
      RangeError,
      `${
        join(folder, "m.yaml")
      }:3:3: Cannot use the unknown key "model.run_args.temprature" - did you mean "temperature"?`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("out_dir has a default of benchmark and model; cifeval is trace", () => {
  assertEquals(resolved(MINIMAL).out_dir, "saves/eval/ifeval-m");
  assertEquals(resolved(MINIMAL.replace("ifeval", "cifeval")).type, "trace");
});

const bad: [name: string, text: string, message: string][] = [
  [
    "an unknown key",
    MINIMAL + "  concurency: 3\n",
    '/configs/eval.yaml:6:3: Cannot use the unknown key "concurency" - did you mean "concurrency"?',
  ],
  [
    "lm-evaluation-harness's name",
    MINIMAL + "  limit: 3\n",
    'the unknown key "limit" - did you mean "max_samples"?',
  ],
  ["inspect's name", MINIMAL + "  max_connections: 3\n", '"max_connections" - did you mean "concurrency"?'],
  [
    "an unknown key at the top",
    MINIMAL + "evaluater: 1\n",
    '/configs/eval.yaml:6:1: Cannot use the unknown key "evaluater" - did you mean "evaluator"?',
  ],
  ["an unknown nested key", MINIMAL + "  budget: {token: 3}\n", '"budget.token" - did you mean "tokens"?'],
  ["no evaluator", "evaluation:\n  type: x\n", "needs a map under the key evaluator"],
  [
    "a training file",
    "stage: sft\n",
    "Cannot evaluate with this file as it is a file for training: deno task train",
  ],
  ["another task's file", "synth: {}\n", "as it is a file of the synth task: deno task synth takes it"],
  ["an empty file", "", "needs a map under the key evaluator: current value is missing"],
  ["a list under evaluator", "evaluator: [1]\n", "needs a map under the key evaluator: current value is [1]"],
  [
    "no model",
    "evaluator:\n  type: ifeval\n",
    "/configs/eval.yaml:1:1: Cannot read evaluator as model is needed, a map with type",
  ],
  ["a number in quotes", MINIMAL + '  concurrency: "8"\n', "write it without quotes"],
  [
    "an age without a unit that is known",
    MINIMAL + "  cache: {max_age: 7x}\n",
    "or a number with s, m, h, d or w",
  ],
  ["an age of nothing", MINIMAL + "  cache: {max_age: 0s}\n", "or a number with s, m, h, d or w"],
  [
    "a threshold that is a list",
    MINIMAL + "  threshold: [0.5]\n",
    "a number such as 0.7, or limits by the names",
  ],
  [
    "a threshold without a limit, which would always be reached",
    MINIMAL + "  threshold: {}\n",
    "a number such as 0.7, or limits by the names",
  ],
  ["half a thing", MINIMAL + "  max_unscored: 2.5\n", "a whole number of things, or a share below 1"],
  ["a number out of range", MINIMAL + "  resamples: 3\n", "/configs/eval.yaml:6:3: Cannot read resamples"],
  [
    "more resamples than memory has place for",
    MINIMAL + "  resamples: 1000000000\n",
    "Cannot read resamples",
  ],
  ["another metric", MINIMAL + "  metric_type: metric_trace\n", "it is metric_ifeval"],
  [
    "judge and evaluator_llm",
    MINIMAL + "  judge: {type: rules}\n  evaluator_llm: {type: vllm}\n",
    "give one of them",
  ],
  [
    "a sampling key of its judge",
    MINIMAL + "  judge: {type: rules, argz: {}}\n",
    '"judge.argz" - did you mean "args"?',
  ],
  [
    "a missing include",
    MINIMAL + "  judge: !include nowhere.yaml\n",
    "Cannot include nowhere.yaml at /configs/eval.yaml:6:19 as there is no file",
  ],
  [
    "an include outside of the folder",
    MINIMAL + "  judge: !include ../secret.yaml\n",
    "outside of the folder",
  ],
];
for (const [name, text, message] of bad) {
  Deno.test(`resolveEvalConfig() refuses ${name} with file and line`, () => {
    assertThrows(() => resolved(text), RangeError, message);
  });
}

Deno.test("resolveEvalConfig() refuses includes that run in a circle", () => {
  assertThrows(
    () =>
      resolved(MINIMAL + "  judge: !include a.yaml\n", [], { "a.yaml": "type: x\nargs: !include a.yaml\n" }),
    RangeError,
    "includes itself",
  );
});

Deno.test("an argument that names another judge replaces the file's", () => {
  const text = MINIMAL + "  evaluator_llm: {type: vllm, args: {name: j}}\n";
  const { judge, evaluator_llm } = resolved(text, ["judge={type: rules}"]);
  assertEquals([judge?.type, evaluator_llm], ["rules", undefined]);
  assertThrows(
    () => resolved(text, ["judge={type: rules}", "evaluator_llm={type: vllm}"]),
    RangeError,
    "one of them",
  );
});

Deno.test("resolveEvalConfig() tells all faults at once, and those of arguments with the argument", () => {
  const error = assertThrows(
    () => resolved(MINIMAL + "  sed: 1\n", ["budget.mony=3", "seed=x"]),
    RangeError,
  ) as Error;
  assertEquals(error.message.split("\n").length, 3);
  assert(
    error.message.includes(
      'the argument budget.mony=3: Cannot use the unknown key "budget.mony" - did you mean "money"?',
    ),
  );
  assert(error.message.includes("the argument seed=x: Cannot read seed"));
});
