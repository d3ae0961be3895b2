/** Whole runs that train some of a model's own tensors: interrupted, continued, counted, described. What they learn is LLaMA-Factory's: tests/llamafactory_runs_test.ts. */
import { join } from "@std/path";

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { readTensors } from "../../../../tests/helpers/tiny_model.ts";
import { dryRun } from "../../../../tasks/train/dry_run.ts";
import { silentProgress } from "../../../../tasks/train/outputs/mod.ts";
import { train } from "../../../../tasks/train.ts";

const golden = new URL("../../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const GOING_ON = ["overwrite_output_dir=false", "resume_from_checkpoint=true", "allow_changes=true"];

function given(folder: string, keys: readonly string[]): [string, string[]] {
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [...places, "plot_loss=false", "eval_strategy=no", "do_eval=false"];
  return [join(golden, "runs/dpo_freeze_last/config.yaml"), [...all, ...keys]];
}

/** Trains to the end, or until a step is logged. */
async function run(folder: string, keys: readonly string[], until = Infinity): Promise<void> {
  const controller = new AbortController();
  await train(...given(folder, keys), {
    signal: controller.signal,
    say: () => {},
    progress: { ...silentProgress(), log: ({ entry }) => entry.step === until && controller.abort() },
  });
}

const folderOf = (name: string) => join(temporaryFolder(), name);

Deno.test("a preference run of one layer continues to the same bytes, and its card says what was trained", async () => {
  const [straight, stopped] = [folderOf("straight"), folderOf("stopped")];
  await run(straight, []);
  await run(stopped, [], 3);
  await run(stopped, ["overwrite_output_dir=false", "resume_from_checkpoint=true"]);
  const weights = (folder: string) => Deno.readFileSync(join(folder, "model.safetensors"));
  assertEquals(weights(stopped), weights(straight));
  const card = Deno.readTextFileSync(join(straight, "README.md"));
  assertStringIncludes(card, "- freeze_trainable_layers: 1\n- freeze_trainable_modules: all\n");
  assertStringIncludes(card, "base_model:finetune:");
});

Deno.test("a run doesn't continue with other layers than its checkpoint trained", async () => {
  // SGD keeps no numbers whose names would tell
  for (const optim of ["optim=adamw_torch", "optim=sgd"]) {
    const folder = folderOf(optim);
    await run(folder, [optim, "freeze_trainable_modules=mlp,self_attn"], 3);
    for (
      const [keys, fault] of [
        [
          ["freeze_trainable_layers=-1"],
          'tensor "model.layers.0.input_layernorm.weight", which wasn\'t trained there',
        ],
        [["freeze_trainable_modules=mlp"], 'q_proj.weight", which was trained there'],
        [["freeze_trainable_modules=self_attn"], 'gate_proj.weight", which was trained there'],
        [["finetuning_type=full"], 'tensor "model.embed_tokens.weight", which wasn\'t trained there'],
      ] as const
    ) {
      const error = await assertRejects(() => run(folder, [optim, ...keys, ...GOING_ON]), RangeError, fault);
      assertStringIncludes(error.message, "which allow_changes can't change");
    }
  }
});

Deno.test("--dry-run counts what freeze trains, its memory, and no way back below the lowest trained layer", async () => {
  const of = async (keys: readonly string[]) => {
    const { estimate } = await dryRun(...given(folderOf("dry"), keys), () => {});
    assert(estimate);
    return estimate;
  };
  const weights = readTensors(join(golden, "model", "model.safetensors"));
  const count = (trains: (name: string) => boolean) =>
    Object.entries(weights).filter(([name]) => trains(name)).reduce((sum, [, { length }]) => sum + length, 0);
  const [last, first, full] = [
    await of([]),
    await of(["freeze_trainable_layers=-1"]),
    await of(["finetuning_type=full"]),
  ];
  const ofLast = count((name) => name.startsWith("model.layers.1."));
  assertEquals([last.trained, last.parameters], [ofLast, full.parameters]);
  assertEquals(first.trained, ofLast);
  assertEquals(full.trained, count(() => true));
  // gradient, its next value and two moments, float32
  assertEquals(last.memory.trained, 16 * ofLast);
  // of each layer forward 2, gradients of its weights 2 and, down to the lowest trained one, gradients of activations 2 and once more forward 2
  const both = await of(["freeze_trainable_layers=2"]);
  assertAlmostEquals(
    (first.flopsPerStep - last.flopsPerStep) / (both.flopsPerStep - first.flopsPerStep),
    2,
    1e-9,
  );
  assert(last.flopsPerStep < first.flopsPerStep && first.flopsPerStep < full.flopsPerStep);
});

Deno.test("freeze's modules are refused with the place of the key where the model has none of that name", async () => {
  await assertRejects(
    () => run(folderOf("wrong"), ["freeze_extra_modules=lm_head"]),
    RangeError,
    'freeze_extra_modules=lm_head: Cannot train module "lm_head": beside its layers the model has embed_tokens, norm',
  );
});
