/** A run that continues on other data has the reference of the rows that it has now. */
import { join } from "@std/path";

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { silentProgress } from "../../../../tasks/train/outputs/mod.ts";
import { train } from "../../../../tasks/train.ts";
import { listCheckpoints } from "./checkpoint_directory.ts";

const golden = new URL("../../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** Trains to the end, or until a step is logged or a phase shows itself. */
async function run(
  folder: string,
  keys: readonly string[],
  until: number | string = Infinity,
): Promise<void> {
  const controller = new AbortController();
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [...places, "adapter_name_or_path=[]", "plot_loss=false", "eval_strategy=no", "do_eval=false"];
  await train(join(golden, "runs/dpo_fixed/config.yaml"), [...all, ...keys], {
    signal: controller.signal,
    say: () => {},
    progress: {
      ...silentProgress(),
      log: ({ entry }) => entry.step === until && controller.abort(),
      phase: (name) => name === until && controller.abort(),
    },
  });
}

const GOING_ON = ["overwrite_output_dir=false", "resume_from_checkpoint=true", "allow_changes=true"];

Deno.test("a run that continues on other rows takes no reference of the rows that had their numbers", async () => {
  const [fresh, torn] = ["fresh", "torn"].map((name) => join(temporaryFolder(), name)) as [string, string];
  const rows = (folder: string): Record<string, unknown> =>
    JSON.parse(
      Deno.readTextFileSync(join(listCheckpoints(folder).at(-1)?.path ?? "", "reference_logps.json")),
    );
  await run(torn, ["val_size=6"], 3);
  const before = rows(torn);
  await run(torn, ["val_size=9", ...GOING_ON]);
  await run(fresh, ["val_size=9"]);
  const expected = rows(fresh), found = Object.entries(rows(torn));
  assert(found.length > 0);
  // the numbers mean other rows now, or this would show nothing
  assert(Object.entries(before).some(([key, sums]) => key in expected && !equal(sums, expected[key])));
  assertEquals(found, found.map(([key]) => [key, expected[key]]));
});

Deno.test("full tuning doesn't continue on other rows: the model that their reference is of is gone", async () => {
  const folder = join(temporaryFolder(), "out");
  await run(folder, ["val_size=6", "finetuning_type=full", "learning_rate=1e-4"], 3);
  await assertRejects(
    () => run(folder, ["val_size=6", "seed=43", "finetuning_type=full", "learning_rate=1e-4", ...GOING_ON]),
    RangeError,
    "the checkpoint lacks reference log-probabilities of some rows",
  );
});

Deno.test("a run that continues trains what its checkpoint holds: another form of it is refused before any work", async () => {
  const lora = join(temporaryFolder(), "lora"), full = join(temporaryFolder(), "full");
  await run(lora, ["lora_rank=8", "lora_target=q_proj,v_proj"], 1);
  await run(full, ["finetuning_type=full"], 1);
  const same = ["lora_rank=8", "lora_target=q_proj,v_proj"], tensor = 'tensor "model.layers.0.self_attn.';
  for (
    const [folder, keys, fault, change] of [
      [
        lora,
        ["lora_rank=4", "lora_target=q_proj,v_proj"],
        `${tensor}q_proj.lora_A.weight", there `,
        "lora_rank: 8 → 4",
      ],
      [lora, ["lora_rank=8", "lora_target=q_proj"], `${tensor}v_proj.lora_A.weight", there `, '→ ["q_proj"]'],
      [
        lora,
        ["lora_rank=8", "lora_target=all"],
        `${tensor}k_proj.lora_A.weight", there missing`,
        '→ ["all"]',
      ],
      [
        lora,
        [...same, "use_dora=true"],
        'lora_magnitude_vector", there missing: current value is ',
        "use_dora: false → true",
      ],
      [
        lora,
        ["finetuning_type=full"],
        "current value is finetuning_type full, of an adapter",
        '"lora" → "full"',
      ],
      [full, same, "current value is finetuning_type lora, of a whole model", '"full" → "lora"'],
    ] as const
  ) {
    const error = await assertRejects(() => run(folder, [...keys, ...GOING_ON]), RangeError, fault);
    assert(error.message.includes(change), error.message);
    assert(error.message.includes("which allow_changes can't change"), error.message);
    assert(error.message.endsWith("or start in another output_dir"), error.message);
  }
  // what changes no tensor goes on
  await run(lora, [...same, "learning_rate=1e-5", ...GOING_ON], 2);
  // its files would be of more steps than its run.yaml says
  const shorter = await assertRejects(() => run(lora, [...same, "max_steps=1", ...GOING_ON]), RangeError);
  assertStringIncludes(
    shorter.message,
    "checkpoint-2 as the run ends before it: it has 1 step in all, the checkpoint is of step 2. Raise max_steps",
  );
});

Deno.test("full tuning that is stopped while references are made keeps those that there are, and ends as one that never was", async () => {
  const [torn, whole] = ["torn", "whole"].map((name) => join(temporaryFolder(), name)) as [string, string];
  const keys = ["finetuning_type=full", "max_steps=2", "val_size=6", "micro_batch_tokens=256"];
  const references = (folder: string) =>
    Object.keys(
      JSON.parse(
        Deno.readTextFileSync(join(listCheckpoints(folder).at(-1)?.path ?? "", "reference_logps.json")),
      ),
    ).length;
  await run(torn, keys, "reference log-probabilities");
  assertEquals(listCheckpoints(torn).map(({ step }) => step), [0]);
  const kept = references(torn);
  await run(torn, [...keys, "overwrite_output_dir=false", "resume_from_checkpoint=true"]);
  await run(whole, keys);
  assert(kept > 0 && kept < references(torn), `${kept} of ${references(torn)}`);
  const model = (folder: string) => Deno.readFileSync(join(folder, "model.safetensors"));
  assertEquals(model(torn), model(whole));
});

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

Deno.test("a base whose config.json was changed is told; with allow_changes all reference rows are made anew", async () => {
  const [folder, fresh, copy] = ["out", "fresh", "base"].map((name) => join(temporaryFolder(), name)) as [
    string,
    string,
    string,
  ];
  Deno.mkdirSync(copy);
  for (const { name } of Deno.readDirSync(`${golden}model`)) {
    Deno.copyFileSync(join(golden, "model", name), join(copy, name));
  }
  const base = [`model_name_or_path=${copy}`, "save_steps=1"], path = join(copy, "config.json");
  await run(folder, base, 2);
  const config = JSON.parse(Deno.readTextFileSync(path));
  // who wrote it doesn't count
  Deno.writeTextFileSync(path, JSON.stringify({ transformers_version: "9", ...config }));
  await run(folder, [...base, ...GOING_ON.slice(0, 2)], 3);
  Deno.writeTextFileSync(path, JSON.stringify({ ...config, rope_theta: 500 }));
  await assertRejects(
    () => run(folder, [...base, ...GOING_ON.slice(0, 2)]),
    RangeError,
    "model's configuration (config.json): changed",
  );
  await run(folder, [...base, ...GOING_ON]);
  await run(fresh, base);
  const rows = (of: string): Record<string, Record<string, number>> =>
    JSON.parse(Deno.readTextFileSync(join(listCheckpoints(of).at(-1)?.path ?? "", "reference_logps.json")));
  const expected = rows(fresh);
  for (const [key, sums] of Object.entries(rows(folder))) {
    for (const [name, sum] of Object.entries(sums)) {
      assertAlmostEquals(sum, expected[key]![name]!, 1e-3, `${key} ${name}`);
    }
  }
});
