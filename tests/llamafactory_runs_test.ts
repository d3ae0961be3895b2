import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";

import { readJsonFile } from "../formats/hf_model/json.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train, type TrainOptions } from "../tasks/train.ts";
import {
  assertFactoryRun,
  FACTORY,
  factoryArguments,
  referenceKeys,
  repeatFactoryRun,
  rewardKeys,
  secondAdapter,
} from "./_llamafactory_run.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

// dpo_fixed_odd, kto_fixed_odd and kto_fixed_ftx: 24 examples in micro-batches of 5, 5, 5, 5 and 4, all of one step, and evaluation batches of
// 4 and 2. With step_mean: examples the first loss of dpo_fixed_odd would be 0.7581 instead of 0.7622.

/**
 * Runs that differ from dpo_fixed or kto_fixed_odd in the formula of their loss alone. `deno task test` leaves them to `test:all`: their
 * formulas are held against PyTorch's values and gradients, and hand derivations, by plugins/losses/losses_test.ts.
 */
const OTHER_FORMULAS: readonly string[] = [
  "dpo_fixed_ftx",
  "dpo_fixed_hinge",
  "dpo_fixed_ipo",
  "dpo_fixed_orpo",
  "dpo_fixed_simpo",
  "kto_fixed_ftx",
];

/** Runs whose loss wasn't the one that their keys name: see the README of the goldens. */
const AS_VERSION: readonly string[] = ["dpo_fixed_hinge", "dpo_fixed_ipo"];

/** Arguments that a run's keys become here, as its folders lie elsewhere. */
const MORE: Readonly<Record<string, (adapter2: string, folder: string) => string[]>> = {
  rm_fixed: (_, folder) => rewardKeys(folder, true),
  rm_fixed_odd: (_, folder) => rewardKeys(folder, true),
  rm_freeze_last: (_, folder) => rewardKeys(folder, false),
  rm_full: (_, folder) => rewardKeys(folder, false),
  dpo_fixed_ref: () => referenceKeys(join(FACTORY, "adapter")),
  dpo_fixed_ref_two: (adapter2) => referenceKeys(adapter2, join(FACTORY, "adapter")),
  kto_fixed_ref: () => referenceKeys(join(FACTORY, "adapter")),
  dpo_freeze_last: () => ["adapter_name_or_path=[]"],
  sft_fixed_asft_full: () => ["adapter_name_or_path=[]"],
  sft_fixed_eaft_full: () => ["adapter_name_or_path=[]"],
  sft_full_adafactor: () => ["adapter_name_or_path=[]"],
  sft_freeze_last: () => ["adapter_name_or_path=[]"],
  sft_freeze_mlp_norm: () => ["adapter_name_or_path=[]"],
  dpo_full_ref: () => ["adapter_name_or_path=[]", ...referenceKeys(join(FACTORY, "adapter"))],
  dpo_fixed_whole: () => [`adapter_name_or_path=${join(FACTORY, "adapter_whole")}`],
  sft_fixed_whole: () => [`adapter_name_or_path=${join(FACTORY, "adapter_whole")}`],
  sft_fixed_merged: (adapter2) => [`adapter_name_or_path=${adapter2},${join(FACTORY, "adapter")}`],
};

/** Stage pt: `eval_perplexity` is among the results, and in no line of the log. */
function assertPerplexity(name: string, ours: string): void {
  const key = "eval_perplexity";
  const of = (folder: string, file: string) => readJsonFile(join(folder, file)) as Record<string, number>;
  const expected = of(join(FACTORY, "runs", name), "eval_results.json")[key]!;
  for (const file of ["eval_results.json", "all_results.json"]) {
    assertAlmostEquals(of(ours, file)[key]!, expected, 1e-4 * expected, file);
  }
  assertEquals(Deno.readTextFileSync(join(ours, "trainer_state.json")).includes(key), false);
}

for (
  const { name } of [...Deno.readDirSync(join(FACTORY, "runs"))].sort((a, b) => a.name < b.name ? -1 : 1)
) {
  const ignore = OTHER_FORMULAS.includes(name) && !Deno.env.has("TEST_ALL");
  const why = ignore ? " (ignored: TEST_ALL isn't set, and another run has all but the formula)" : "";
  const title =
    `LLaMA-Factory's run ${name} is repeated: logged losses, metrics, gradient norms, final adapter${why}`;
  Deno.test({ name: title, ignore }, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const output = join(folder, "out");
      const more = MORE[name]?.(secondAdapter(folder), folder) ?? [];
      if (AS_VERSION.includes(name)) more.push("llamafactory_version=0.9.5");
      await repeatFactoryRun(name, output, more);
      assertFactoryRun(name, output);
      if (name === "pt_fixed") assertPerplexity(name, output);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a run of Adafactor continues to the same bytes, and no other optimizer goes on from its checkpoint", async () => {
  const folder = temporaryFolder(), [straight, stopped] = [join(folder, "straight"), join(folder, "stopped")];
  const name = "sft_fixed_adafactor", going = "resume_from_checkpoint=true";
  await repeatFactoryRun(name, straight, []);
  await repeatFactoryRun(name, stopped, [], 3);
  for (const optim of ["sgd", "adamw_torch"]) {
    await assertRejects(
      () => repeatFactoryRun(name, stopped, [going, `optim=${optim}`, "allow_changes=true"]),
      RangeError,
      `with optim: ${optim} as it holds the numbers that optim: adafactor keeps, which allow_changes can't change`,
    );
  }
  await repeatFactoryRun(name, stopped, [going]);
  const adapter = (of: string) => Deno.readFileSync(join(of, "adapter_model.safetensors"));
  assertEquals(adapter(stopped), adapter(straight));
  assertStringIncludes(Deno.readTextFileSync(join(stopped, "run.yaml")), "optim: adafactor\n");
});

Deno.test("the running mean of pref_bco_weight is kept over an interruption, and evaluations move it not at all", async () => {
  const folder = temporaryFolder(), [straight, stopped] = [join(folder, "straight"), join(folder, "stopped")];
  const evaluated = ["eval_strategy=steps", "eval_steps=1", "per_device_eval_batch_size=2"];
  await repeatFactoryRun("dpo_fixed_bco", straight, []);
  await repeatFactoryRun("dpo_fixed_bco", stopped, evaluated, 3);
  await repeatFactoryRun("dpo_fixed_bco", stopped, [...evaluated, "resume_from_checkpoint=true"]);
  const adapter = (of: string) => Deno.readFileSync(join(of, "adapter_model.safetensors"));
  assertEquals(adapter(stopped), adapter(straight));
  const { carried } = readJsonFile(join(stopped, "checkpoint-6", "dinotune_state.json")) as {
    carried: Record<string, number>;
  };
  // six steps of two micro-batches
  assertEquals(carried.batches, 12);
});

Deno.test("use_asft_loss of full tuning: an interrupted run goes on from the model before training, to the same bytes", async () => {
  const folder = temporaryFolder(), [straight, stopped] = [join(folder, "straight"), join(folder, "stopped")];
  // LLaMA-Factory can't evaluate with it
  const more = ["adapter_name_or_path=[]", "val_size=6", "eval_strategy=steps", "eval_steps=3"];
  await repeatFactoryRun("sft_fixed_asft_full", straight, more);
  await repeatFactoryRun("sft_fixed_asft_full", stopped, more, 3);
  await repeatFactoryRun("sft_fixed_asft_full", stopped, [...more, "resume_from_checkpoint=true"]);
  const model = (of: string) => Deno.readFileSync(join(of, "model.safetensors"));
  assertEquals(model(stopped), model(straight));
  const evaluated = (of: string) =>
    (readJsonFile(join(of, "trainer_state.json")) as { log_history: Record<string, number>[] }).log_history
      .flatMap(({ eval_loss }) => eval_loss ?? []);
  assertEquals(evaluated(stopped), evaluated(straight));
  assertEquals(evaluated(straight).length, 2);
});

Deno.test("a run that ends with its best checkpoint is evaluated with the running mean of that one", async () => {
  const output = join(temporaryFolder(), "out");
  // the loss rises, so that a step before the last is the best
  await repeatFactoryRun("dpo_fixed_bco", output, [
    ...["eval_strategy=steps", "eval_steps=1", "save_steps=1", "do_eval=true"],
    ...["load_best_model_at_end=true"],
  ]);
  const { best_global_step: best, log_history } = readJsonFile(join(output, "trainer_state.json")) as {
    best_global_step: number;
    log_history: Record<string, number>[];
  };
  assert(best < 6, `${best}`);
  const atBest = log_history.find((entry) => entry.step === best && "eval_loss" in entry)!;
  const { eval_loss } = readJsonFile(join(output, "eval_results.json")) as Record<string, number>;
  assertEquals(eval_loss, atBest.eval_loss);
});

Deno.test("a smoothed run whose sets are evaluated each by itself continues to the same bytes", async () => {
  const folder = temporaryFolder(), more = ["label_smoothing_factor=0.1", "eval_on_start=true"];
  const [straight, stopped] = [join(folder, "straight"), join(folder, "stopped")];
  await repeatFactoryRun("sft_fixed_each", straight, more);
  await repeatFactoryRun("sft_fixed_each", stopped, more, 3);
  await repeatFactoryRun("sft_fixed_each", stopped, [...more, "resume_from_checkpoint=true"]);
  const adapter = (of: string) => Deno.readFileSync(join(of, "adapter_model.safetensors"));
  assertEquals(adapter(stopped), adapter(straight));
  const logged = (of: string) =>
    (readJsonFile(join(of, "trainer_state.json")) as { log_history: Record<string, number>[] }).log_history
      .map((entry) => Object.entries(entry).filter(([key]) => /loss|accuracy|^step$/.test(key)));
  assertEquals(logged(stopped), logged(straight));
});

Deno.test("a run that goes on from another folder's checkpoint, twice, ends with the best weights before it too", async () => {
  const folder = temporaryFolder(),
    [straight, elsewhere] = [join(folder, "straight"), join(folder, "elsewhere")];
  // the higher loss counts as the better one, so that step 2 is the best
  const more = ["eval_steps=2", "save_steps=2", "load_best_model_at_end=true", "greater_is_better=true"];
  const from = (checkpoint: string) => [...more, `resume_from_checkpoint=${checkpoint}`];
  await repeatFactoryRun("sft_fixed", straight, more);
  await repeatFactoryRun("sft_fixed", elsewhere, from(join(straight, "checkpoint-4")), 5);
  const runYaml = () => Deno.readTextFileSync(join(elsewhere, "run.yaml"));
  const begun = runYaml();
  assert(begun.includes(`began: ${join(straight, "checkpoint-4")}\n`), begun);
  await repeatFactoryRun("sft_fixed", elsewhere, from("true"));
  assertEquals(runYaml(), begun);
  const adapter = (of: string) => Deno.readFileSync(join(of, "adapter_model.safetensors"));
  assertEquals(adapter(straight), adapter(join(straight, "checkpoint-2")));
  assertEquals(adapter(elsewhere), adapter(straight));
});

Deno.test("a run from another folder's checkpoint, killed before its first own one, goes on from that one, not from the best before it", async () => {
  const folder = temporaryFolder(),
    [straight, elsewhere] = [join(folder, "straight"), join(folder, "elsewhere")];
  const more = ["eval_steps=2", "save_steps=2", "load_best_model_at_end=true", "greater_is_better=true"];
  const start = (checkpoint: string, options: TrainOptions, output = elsewhere, last: string[] = []) => {
    const all = [...more, `resume_from_checkpoint=${checkpoint}`, ...last];
    const [config, ...overrides] = factoryArguments("sft_fixed", output, all);
    return train(config, overrides, { say: () => {}, progress: silentProgress(), ...options });
  };
  await repeatFactoryRun("sft_fixed", straight, more);
  const step = () => {
    throw new Error("killed");
  };
  await assertRejects(
    () => start(join(straight, "checkpoint-4"), { progress: { ...silentProgress(), step } }),
    Error,
    "killed\ncheckpoint-4 is kept",
  );
  const said: string[] = [];
  await start("true", { say: (line) => said.push(line) });
  assertEquals(said.filter((line) => line.startsWith("Resuming")), [
    `Resuming from ${join(elsewhere, "checkpoint-4")}`,
  ]);
  const adapter = (of: string) => Deno.readFileSync(join(of, "adapter_model.safetensors"));
  assertEquals(adapter(elsewhere), adapter(join(straight, "checkpoint-2")));
  // where the best isn't needed nothing is copied, and the same start goes on from the same checkpoint again
  const asIs = ["load_best_model_at_end=false", "allow_changes=true"],
    checkpoint = join(straight, "checkpoint-4");
  for (const _ of [1, 2]) {
    await assertRejects(
      () => start(checkpoint, { progress: { ...silentProgress(), step } }, join(folder, "as_is"), asIs),
      Error,
      `run.yaml resume_from_checkpoint=${checkpoint}`,
    );
  }
  // a kill leaves no time to say that: auto knows from run.yaml where the run began, once more, too
  for (const _ of [1, 2]) {
    const said: string[] = [];
    await assertRejects(
      () =>
        start(
          "auto",
          { progress: { ...silentProgress(), step }, say: (line) => said.push(line) },
          join(folder, "as_is"),
          asIs,
        ),
      Error,
      `run.yaml resume_from_checkpoint=${checkpoint}`,
    );
    assert(said.includes(`Resuming from ${checkpoint}`));
  }
  await start("auto", {}, join(folder, "as_is"), asIs);
  assertEquals(
    adapter(join(folder, "as_is")),
    Deno.readFileSync(join(straight, "checkpoint-6", "adapter_model.safetensors")),
  );
  // finished, it is no longer continued, and repeating it begins where it began
  const repeated: string[] = [];
  await train(join(folder, "as_is", "run.yaml"), [], {
    say: (line) => repeated.push(line),
    progress: silentProgress(),
  });
  assert(repeated.includes(`Resuming from ${checkpoint}`), repeated.join("\n"));
  assertEquals(adapter(join(folder, "as_is-again")), adapter(join(folder, "as_is")));
  const gone = join(folder, "gone");
  await assertRejects(() => start(checkpoint, { progress: { ...silentProgress(), step } }, gone, asIs));
  Deno.renameSync(checkpoint, join(straight, "moved"));
  await assertRejects(
    () => start("auto", {}, gone, asIs),
    Error,
    `as it began at ${checkpoint}, which isn't there any more`,
  );
});

Deno.test("a run with noise on its embeddings (NEFTune) continues to the same bytes, and none is in its evaluations", async () => {
  const folder = temporaryFolder(), more = ["neftune_noise_alpha=5", "eval_on_start=true", "max_steps=2"];
  const of = (name: string) => join(folder, name);
  await repeatFactoryRun("dpo_fixed", of("straight"), more);
  await repeatFactoryRun("dpo_fixed", of("stopped"), more, 1);
  await repeatFactoryRun("dpo_fixed", of("stopped"), [...more, "resume_from_checkpoint=true"]);
  await repeatFactoryRun("dpo_fixed", of("none"), ["eval_on_start=true", "max_steps=1"]);
  const adapter = (name: string) => Deno.readFileSync(join(of(name), "adapter_model.safetensors"));
  assertEquals(adapter("stopped"), adapter("straight"));
  const logged = (name: string) =>
    (readJsonFile(join(of(name), "trainer_state.json")) as { log_history: Record<string, number>[] })
      .log_history;
  const [start, first] = logged("straight"), [plainStart, plainFirst] = logged("none");
  assertEquals([start!.step, first!.step], [0, 1]);
  assertEquals(start!.eval_loss, plainStart!.eval_loss);
  assertNotEquals(first!.loss, plainFirst!.loss);
});

Deno.test("create_new_adapter merges every adapter and trains one of the configuration's own rank", async () => {
  const folder = temporaryFolder(), output = join(folder, "out");
  await repeatFactoryRun("sft_fixed", output, [
    `adapter_name_or_path=${secondAdapter(folder)},${join(FACTORY, "adapter")}`,
    ...["create_new_adapter=true", "eval_on_start=true", "max_steps=1", "lora_rank=2", "lora_alpha=null"],
  ]);
  const [start] = (readJsonFile(join(output, "trainer_state.json")) as {
    log_history: Record<string, number>[];
  }).log_history;
  // LLaMA-Factory 0.9.5's eval_loss before the first step, with these keys on a CPU.
  assertEquals(start!.step, 0);
  assertAlmostEquals(start!.eval_loss!, 6.52960205078125, 1e-4);
  const { r, lora_alpha } = readJsonFile(join(output, "adapter_config.json"));
  assertEquals([r, lora_alpha], [2, 4]);
});

const HEAD = "value_head.safetensors";

Deno.test("a reward model's run continues to the same bytes, what its head drops included, and ends with its best weights", async () => {
  const folder = temporaryFolder();
  const of = (name: string) => join(folder, name);
  // the golden's adapter has no value head, so one is drawn; config.json says nothing of dropout, so a tenth is dropped
  const more = ["save_steps=2", "eval_steps=2", "micro_batch_tokens=300", "load_best_model_at_end=true"];
  await repeatFactoryRun("rm_fixed", of("straight"), more);
  await repeatFactoryRun("rm_fixed", of("stopped"), more, 3);
  await repeatFactoryRun("rm_fixed", of("stopped"), [...more, "resume_from_checkpoint=true"]);
  const files = [
    "adapter_model.safetensors",
    HEAD,
    "checkpoint-6/adapter_model.safetensors",
    `checkpoint-6/${HEAD}`,
  ];
  for (const file of files) {
    assertEquals(
      Deno.readFileSync(join(of("stopped"), file)),
      Deno.readFileSync(join(of("straight"), file)),
      file,
    );
  }
  const { best_global_step: best } = readJsonFile(join(of("straight"), "trainer_state.json"));
  assertEquals(
    Deno.readFileSync(join(of("straight"), HEAD)),
    Deno.readFileSync(join(of("straight"), `checkpoint-${best}`, HEAD)),
  );
  // nothing dropped is another run
  const [model = ""] = rewardKeys(folder, false).filter((key) => key.startsWith("model_name_or_path"));
  await repeatFactoryRun("rm_fixed", of("undropped"), [...more, model]);
  assertNotEquals(
    Deno.readFileSync(join(of("undropped"), HEAD)),
    Deno.readFileSync(join(of("straight"), HEAD)),
  );
});

Deno.test("a reward model isn't continued from a checkpoint without a value head, nor evaluated without one", async () => {
  const folder = temporaryFolder(), output = join(folder, "out");
  await repeatFactoryRun("rm_fixed", output, ["save_steps=2"], 3);
  const checkpoint = join(output, "checkpoint-3");
  Deno.removeSync(join(checkpoint, HEAD));
  await assertRejects(
    () => repeatFactoryRun("rm_fixed", output, ["save_steps=2", `resume_from_checkpoint=${checkpoint}`]),
    Error,
    HEAD,
  );
  const [config, ...overrides] = factoryArguments("rm_fixed", join(folder, "evaluated"), [
    "do_train=false",
    "do_eval=true",
  ]);
  await assertRejects(
    () => train(config, overrides, { say: () => {}, progress: silentProgress() }),
    RangeError,
    `as a reward model as it needs a value head: it has no ${HEAD}`,
  );
});
