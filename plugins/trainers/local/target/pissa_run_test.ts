/** Whole runs with PiSSA: an interrupted one ends with the bytes of one that wasn't, and losses with a reference are refused. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { silentProgress } from "../../../../tasks/train/outputs/mod.ts";
import { train } from "../../../../tasks/train.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

const golden = new URL("../../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

async function run(
  folder: string,
  keys: readonly string[],
  { until = Infinity, of = "sft_fixed" } = {},
): Promise<void> {
  const controller = new AbortController();
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [...places, "adapter_name_or_path=[]", "plot_loss=false", "eval_strategy=no", "do_eval=false"];
  const pissa = ["pissa_init=true", "pissa_convert=true", "pissa_iter=2", "max_steps=4", "use_rslora=true"];
  await train(join(golden, `runs/${of}/config.yaml`), [...all, ...pissa, ...keys], {
    signal: controller.signal,
    say: () => {},
    progress: { ...silentProgress(), log: ({ entry }) => entry.step === until && controller.abort() },
  });
}

Deno.test("a run with pissa_init that is interrupted ends with the bytes of one that wasn't, a plain adapter of twice the rank", async () => {
  const [whole, stopped] = [temporaryFolder(), temporaryFolder()].map((folder) => join(folder, "out"));
  await run(whole!, []);
  await run(stopped!, [], { until: 2 });
  await run(stopped!, ["overwrite_output_dir=false", "resume_from_checkpoint=true"]);
  const files = [whole!, stopped!].map((folder) =>
    Deno.readFileSync(join(folder, "adapter_model.safetensors"))
  );
  assertEquals(files[1], files[0]);
  const { r, lora_alpha, init_lora_weights } = JSON.parse(
    Deno.readTextFileSync(join(whole!, "adapter_config.json")),
  );
  // of lora_rank 4 and lora_alpha 8, at the same scale 8 / √4 = 8 √2 / √8
  assertEquals([r, lora_alpha, init_lora_weights], [8, 8 * Math.SQRT2, true]);
});

Deno.test("pissa_init is refused for a loss whose reference is the model with adapters off", async () => {
  await assertRejects(
    () => run(join(temporaryFolder(), "out"), [], { of: "dpo_fixed" }),
    RangeError,
    "Cannot use pissa_init: true with loss dpo as its reference is the model with adapters off",
  );
});
