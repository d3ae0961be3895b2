/** A run that is stopped in an evaluation, or behind its last step, continues as if it never had been. */
import { join } from "@std/path";

import { assertEquals } from "@std/assert";

import { openModel } from "../../../../formats/hf_model/mod.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { silentProgress } from "../../../../tasks/train/outputs/mod.ts";
import { train } from "../../../../tasks/train.ts";
import { listCheckpoints } from "../checkpoints/checkpoint_directory.ts";
import { type CheckpointState, readCheckpoint } from "../checkpoints/checkpoint.ts";
import { type RunConfig, runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";
import { readTrained } from "../target/read_trained.ts";

/** What has been told when the signal comes: `step 3`, `evaluation 3`, `stopped early`; "" is before anything. */
type Moment = string;

const BY_LOSS = { load_best_model_at_end: true, metric_for_best_model: "eval_loss" } as const;
const EVERY = { eval_strategy: "steps", eval_steps: 1 } as const;
const CASES: [name: string, keys: Partial<RunConfig>, at: Moment[]][] = [
  ["an evaluation behind a step", { eval_strategy: "steps", eval_steps: 2, save_steps: 4 }, ["step 2"]],
  ["the same one twice", { ...EVERY, ...BY_LOSS }, ["step 3", ""]],
  ["the best one, which decides what is saved", { ...EVERY, save_strategy: "best" }, ["step 2", "step 5"]],
  ["the last step's", { ...EVERY }, ["step 6"]],
  ["the one before the first step, and behind it", { eval_on_start: true }, ["", "evaluation 0"]],
  ["behind one whose checkpoint lacked it", { eval_strategy: "steps", eval_steps: 2, save_strategy: "no" }, [
    "step 4",
    "evaluation 4",
  ]],
];

/** Runs, or continues from the last checkpoint in `folder`, until the signal or the end. */
function run(keys: Partial<RunConfig>, folder: string | null, at: Moment | null) {
  const told: unknown[] = [], controller = new AbortController();
  const seen = (moment: Moment) => {
    if (moment === at) controller.abort();
  };
  return runTinyLoop(folder === null ? keys : { ...keys, output_dir: folder }, async (result, inputs) => {
    const { log, engine, config, target } = inputs;
    const last = listCheckpoints(config.output_dir).at(-1);
    if (last) {
      const { state, optimizer, references } = readCheckpoint(last.path);
      const weights = async (path: string) => (await openModel(path)).weights;
      await engine.restore(
        await readTrained(last.path, target, tinyModel("qwen2").config, weights),
        optimizer,
      );
      inputs.references.load(references);
      inputs.from = state;
      told.push(...state.log as unknown[]);
    }
    inputs.signal = controller.signal;
    log.state = () => [...told];
    log.step = ({ step, loss }) => {
      told.push({ step, loss });
      seen(`step ${step}`);
    };
    log.evaluation = (step, _epoch, metrics, best) => {
      told.push({ step, loss: metrics.eval_loss, best });
      seen(`evaluation ${step}`);
    };
    log.warn = (text) => void told.push(text);
    seen("");
    const { finished, step, best } = await result();
    const saved: CheckpointState[] = listCheckpoints(config.output_dir).map(({ path }) =>
      readCheckpoint(path).state
    );
    return {
      folder: config.output_dir,
      finished,
      end: { step, best, told, weights: await engine.trained() },
      saved,
    };
  });
}

Deno.test("a run that is stopped in an evaluation does it first when it continues, and ends as one that never was", async () => {
  for (const [name, keys, moments] of CASES) {
    const whole = await run(keys, null, null);
    let folder: string | null = null;
    for (const at of moments) {
      const torn: Awaited<ReturnType<typeof run>> = await run(keys, folder, at);
      assertEquals(torn.finished, false, name);
      ({ folder } = torn);
    }
    const { end, finished } = await run(keys, folder, null);
    assertEquals([finished, end], [true, whole.end], name);
  }
});

Deno.test("a run that has stopped early takes no step more when it continues", async () => {
  const keys = { ...EVERY, ...BY_LOSS, greater_is_better: true, save_steps: 1, early_stopping_steps: 2 };
  const whole = await run(keys, null, null);
  assertEquals(whole.saved.at(-1)?.best?.patience, 2);
  // ended behind its last checkpoint, as in the evaluation of what was trained
  const { end } = await run(keys, whole.folder, null);
  assertEquals(end, whole.end);
});

Deno.test("a run that is stopped in the evaluation of what was trained keeps it, whatever it saves", async () => {
  const folder = join(temporaryFolder(), "out"), controller = new AbortController();
  const golden = new URL("../../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const keys = ["save_strategy=no", "eval_strategy=no", "do_eval=true", "max_steps=2", "plot_loss=false"];
  const overrides = [...places, "adapter_name_or_path=[]", ...keys];
  const { finished } = await train(join(golden, "runs/sft_fixed/config.yaml"), overrides, {
    signal: controller.signal,
    say: () => {},
    progress: { ...silentProgress(), log: ({ entry }) => entry.step === 2 && controller.abort() },
  });
  assertEquals([finished, listCheckpoints(folder).map(({ step }) => step)], [false, [2]]);
});
