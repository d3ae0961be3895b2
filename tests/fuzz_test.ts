/**
 * Made inputs by the thousand: every one is taken, or refused by a message that a person can use. A fiftieth runs with the
 * suite; `DINOTUNE_FUZZ=full` runs all, `DINOTUNE_FUZZ_ONLY=17` one of each kind (with `DINOTUNE_DEBUG=1` its stack).
 */
import { assertEquals } from "@std/assert";

import { join } from "@std/path";

import type { Chooser } from "./_fuzz/chooser.ts";
import { damagedEvaluation } from "./_fuzz/eval_yaml.ts";
import { fuzz, share } from "./_fuzz/fuzz.ts";
import { damagedModel } from "./_fuzz/model_files.ts";
import { damagedRow } from "./_fuzz/rows.ts";
import { damagedTraining } from "./_fuzz/train_yaml.ts";

/** Runs inputs, each with a folder of its own. */
async function inFolders(
  kind: string,
  all: number,
  work: (choose: Chooser, folder: string) => Promise<void>,
  named = false,
): Promise<void> {
  let folder = "";
  const tally = await fuzz(kind, share(all), async (choose) => {
    folder = Deno.makeTempDirSync({ prefix: "fuzz" });
    try {
      await work(choose, folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }, () => named ? folder : undefined);
  console.log(`${tally.taken} taken, ${tally.refused} refused, ${tally.bad.length} bad`);
  assertEquals(tally.bad.slice(0, 40), []);
}

Deno.test("3,000 damaged model files are read, or refused with their names", () =>
  inFolders("model", 3000, damagedModel, true));

Deno.test("3,000 damaged rows are used, dropped with a reason, or refused", () =>
  inFolders("row", 3000, damagedRow));

Deno.test("2,000 damaged training files are read, or refused", () =>
  inFolders("train", 2000, (choose, folder) => damagedTraining(choose, join(folder, "train.yaml"))));

Deno.test("1,000 damaged evaluation files are read, or refused", () =>
  inFolders("eval", 1000, damagedEvaluation));
