/** A run that continues on other data has the reference of the rows that it has now. */
import { join } from "@std/path";

import { assert, assertEquals, assertRejects } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { silentProgress } from "../../../tasks/train/outputs/mod.ts";
import { train } from "../../../tasks/train.ts";
import { listCheckpoints } from "./checkpoint_directory.ts";

const golden = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** Trains to the end, or until a step is logged. */
async function run(folder: string, keys: readonly string[], until = Infinity): Promise<void> {
  const controller = new AbortController();
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [...places, "adapter_name_or_path=[]", "plot_loss=false", "eval_strategy=no", "do_eval=false"];
  await train(join(golden, "runs/dpo_fixed/config.yaml"), [...all, ...keys], {
    signal: controller.signal,
    say: () => {},
    progress: { ...silentProgress(), log: ({ entry }) => entry.step === until && controller.abort() },
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

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
