/** Behaviour of the loop besides arithmetic: best checkpoint, early stopping, faults, interruption. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { tinyAdapter, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { listCheckpoints } from "../checkpoints/checkpoint_directory.ts";
import { CONFIG, ROWS, runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";
import { lossOf } from "../../../../tests/helpers/golden_run.ts";
import { diffConfigs } from "../../../../tasks/train/config/config_differences.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import { checkpointDifferences, readCheckpoint } from "../checkpoints/checkpoint.ts";
import { trainLoop } from "./loop.ts";
import { makeTarget } from "../target/make_target.ts";

Deno.test("trainLoop() saves every save_steps and at the end, and keeps save_total_limit", async () => {
  await runTinyLoop({ save_total_limit: 2 }, async (result, { config }) => {
    const { step, finished } = await result();
    assertEquals([step, finished], [6, true]);
    assertEquals(listCheckpoints(config.output_dir).map((c) => c.step), [4, 6]);
  });
});

Deno.test("trainLoop() starts preference training at ln 2 and gives metrics", async () => {
  await runTinyLoop({}, async (result, { log }) => {
    await result();
    assert(Math.abs(log.steps[0]!.loss - Math.LN2) < 1e-9);
    assertEquals(log.steps[0]!.metrics["rewards/margins"], 0);
    assert(log.steps.at(-1)!.loss < 0.69, "it learns");
  });
});

Deno.test("trainLoop() tells how far the first step is, pack by pack, and no other step", async () => {
  await runTinyLoop({ micro_batch_tokens: 1 }, async (_result, inputs) => {
    const told: string[] = [];
    const phase = (name: string, done: number, total: number) => void told.push(`${name} ${done}/${total}`);
    await trainLoop({ ...inputs, log: Object.assign(Object.create(inputs.log), { phase }) });
    // so few rows a pack that each example has its own
    const packs = inputs.plan.step(0).flat().length;
    const expected = Array.from(
      { length: packs + 1 },
      (_, done) => `packs of the first step ${done}/${packs}`,
    );
    assert(packs > 1);
    assertEquals(told, expected);
  });
});

Deno.test("trainLoop() refuses to start when a fresh adapter's reference isn't the policy", async () => {
  await runTinyLoop({}, async (result, { references }) => {
    for (const row of ROWS) references.set("train", row, { chosen: -1, rejected: -30 });
    await assertRejects(result, Error, "needs the loss 0.693147");
  });
});

Deno.test("trainLoop() stops early, remembers the best step and keeps its checkpoint", async () => {
  const early = {
    eval_strategy: "steps",
    eval_steps: 1,
    save_steps: 1,
    save_total_limit: 1,
    load_best_model_at_end: true,
    metric_for_best_model: "eval_rewards/margins",
    greater_is_better: false, // margins grow, so the first evaluation stays the best
    early_stopping_steps: 2,
  } as const;
  await runTinyLoop(early, async (result, { config }) => {
    const { step, best, finished } = await result();
    assertEquals([step, best!.step, finished], [3, 1, true]);
    assertEquals(listCheckpoints(config.output_dir).map((c) => c.step), [1, 3]);
  });
});

Deno.test("trainLoop() names the evaluation's metrics when metric_for_best_model isn't one", async () => {
  const wrong = { eval_strategy: "steps", metric_for_best_model: "accuracy" } as const;
  await runTinyLoop(
    wrong,
    (result) => assertRejects(result, RangeError, "the evaluation gave eval_loss, ").then(() => {}),
  );
});

Deno.test("a log-probability that isn't finite stops the run, naming layer, file and row; checkpoints stay", async () => {
  const spoil = (weights: Record<string, Float32Array>) =>
    weights["model.layers.1.mlp.up_proj.weight"]![5] = Infinity;
  await runTinyLoop({}, async (result) => {
    const error = await assertRejects(result, RangeError, "in rows.jsonl row ");
    assertStringIncludes(error.message, "the first layer that isn't finite is model.layers.1");
  }, { change: spoil });
});

Deno.test("a gradient that isn't finite stops the run, naming tensor and rows; the last checkpoint is kept", async () => {
  let calls = 0;
  const good = lossOf("dpo", 0.1);
  const broken: Loss = {
    ...good,
    loss: (inputs) => {
      const outputs = good.loss(inputs);
      // From the third step on (two examples a step, those of the first by two references): a finite loss whose gradient overflows float32.
      return ++calls > 6
        ? {
          ...outputs,
          loss: outputs.loss.times(1e300).times(1e-300).plus(inputs.policy.chosen!.times(1e200)),
        }
        : outputs;
    },
  };
  await runTinyLoop(
    { save_steps: 1 },
    async (result, { config }) => {
      const error = await assertRejects(result, RangeError, "Cannot use the gradient of ");
      assertStringIncludes(error.message, "model.layers.");
      assertStringIncludes(error.message, "rows.jsonl row ");
      assertEquals(listCheckpoints(config.output_dir).map((c) => c.step), [1, 2]);
    },
    { loss: broken },
  );
});

Deno.test("an interrupted run saves its last whole step and says it isn't finished", async () => {
  const controller = new AbortController();
  await runTinyLoop({ save_strategy: "no" }, async (_result, inputs) => {
    const step = inputs.log.step;
    const log = {
      ...inputs.log,
      step: (r: Parameters<typeof step>[0]) => (r.step === 2 && controller.abort(), step(r)),
    };
    const result = await trainLoop({ ...inputs, log, signal: controller.signal });
    assertEquals([result.step, result.finished], [2, false]);
    const [checkpoint] = listCheckpoints(inputs.config.output_dir);
    assertEquals(readCheckpoint(checkpoint!.path).state.step, 2);
  });
});

Deno.test("a full disk while saving leaves the earlier checkpoint whole and nothing half-written", async () => {
  let saves = 0;
  await runTinyLoop({ save_steps: 2 }, async (_result, inputs) => {
    const save: typeof inputs.target.save = (directory, trained) => {
      if (++saves === 2) throw new Error("No space left on device (os error 28)");
      return inputs.target.save(directory, trained);
    };
    await assertRejects(
      () => trainLoop({ ...inputs, target: { ...inputs.target, save } }),
      Error,
      "No space left",
    );
    assertEquals([...Deno.readDirSync(inputs.config.output_dir)].map((e) => e.name), ["checkpoint-2"]);
    readCheckpoint(join(inputs.config.output_dir, "checkpoint-2"));
  });
});

Deno.test("readCheckpoint() says why a checkpoint can't be resumed from", async () => {
  await runTinyLoop({ save_only_model: true }, async (result, { config }) => {
    await result();
    const [checkpoint] = listCheckpoints(config.output_dir);
    await assertRejects(
      () => Promise.resolve().then(() => readCheckpoint(checkpoint!.path)),
      RangeError,
      "save_only_model",
    );
  });
});

Deno.test("a checkpoint with one changed byte is refused, and the message names the file", async () => {
  await runTinyLoop({ save_steps: 6 }, async (result, { config }) => {
    await result();
    const [{ path } = { path: "" }] = listCheckpoints(config.output_dir);
    const files = [...Deno.readDirSync(path)].map(({ name }) => name);
    assertEquals(files.sort(), [
      "adapter_config.json",
      "adapter_model.safetensors",
      "checksums.json",
      "dinotune_state.json",
      "optimizer.safetensors",
      "reference_logps.json",
    ]);
    for (const name of files) {
      const whole = Deno.readFileSync(join(path, name));
      for (const position of [0, whole.length >> 1, whole.length - 2]) {
        const broken = whole.slice();
        broken[position]! ^= 1;
        Deno.writeFileSync(join(path, name), broken);
        assertThrows(() => readCheckpoint(path), RangeError, `Cannot resume from ${path} as `);
        if (name !== "checksums.json") {
          assertThrows(() => readCheckpoint(path), RangeError, `${name} is damaged`);
        }
      }
      Deno.writeFileSync(join(path, name), whole.subarray(0, whole.length >> 1));
      assertThrows(() => readCheckpoint(path), RangeError, `${name} is damaged`);
      Deno.removeSync(join(path, name));
      assertThrows(() => readCheckpoint(path), RangeError, `${name} is damaged: it is missing`);
      Deno.writeFileSync(join(path, name), whole);
    }
    readCheckpoint(path);
    const sums: Record<string, string> = JSON.parse(Deno.readTextFileSync(join(path, "checksums.json")));
    const write = (changed: Record<string, string>) =>
      Deno.writeTextFileSync(join(path, "checksums.json"), JSON.stringify(changed));
    for (const name of files.filter((name) => name !== "checksums.json")) {
      const { [name]: sum = "", ...others } = sums;
      write(others);
      assertThrows(
        () => readCheckpoint(path),
        RangeError,
        `checksums.json is damaged: it has no sum of ${name}`,
      );
      // the digit that differs is shown, wherever it is
      const last = sum.endsWith("0") ? "1" : "0";
      write({ ...others, [name]: sum.slice(0, -1) + last });
      assertThrows(
        () => readCheckpoint(path),
        RangeError,
        `begins with ${sum.slice(0, -1)}${last}: current value is ${sum}.`,
      );
    }
    write(sums);
    readCheckpoint(path);
  });
});

Deno.test("makeTarget() refuses a module that the model hasn't", async () => {
  await assertRejects(
    () => runTinyLoop({ lora_target: ["q_projj"] }, () => Promise.resolve()),
    RangeError,
    'Cannot adapt module "q_projj" - did you mean "q_proj"?: the model has q_proj, k_proj',
  );
});

Deno.test("LoRA continues from an adapter's own values, ranks and scale", () => {
  const { config: decoder } = tinyModel("qwen2");
  const path = new URL("../../../../fixtures/goldens/tiny/qwen2/adapter", import.meta.url).pathname;
  const target = makeTarget({ ...CONFIG, adapter_name_or_path: [path] }, {} as never, decoder, { files: {} });
  const { modules, initial } = tinyAdapter("qwen2", decoder);
  assertEquals(target.tuning, { type: "lora", modules, dropout: 0 });
  assertEquals(target.initial, initial);
});

Deno.test("checkpointDifferences() lists changed keys, data and weights, and leaves harmless keys out", async () => {
  await runTinyLoop({}, async (result, inputs) => {
    await result();
    const { state } = readCheckpoint(listCheckpoints(inputs.config.output_dir)[0]!.path);
    const against = (config: Partial<TrainConfig>) => (earlier: Partial<TrainConfig>) =>
      diffConfigs(earlier, config);
    const now = { changes: against(inputs.config), dataHash: "d", modelHash: "m" };
    assertEquals(checkpointDifferences(state, now), []);
    const config = { ...inputs.config, learning_rate: 5, output_dir: "elsewhere", logging_steps: 9 };
    assertEquals(
      checkpointDifferences(state, {
        changes: against(config),
        dataHash: "other data",
        modelHash: "other model",
      }),
      [
        "learning_rate: 0.01 → 5",
        "encoded data: d → other data",
        "model weights: m → other model",
      ],
    );
    const ofConfig = { ...state, modelConfigHash: "c" };
    assertEquals(checkpointDifferences(ofConfig, { ...now, modelConfigHash: "c" }), []);
    assertEquals(checkpointDifferences(ofConfig, { ...now, modelConfigHash: "other" }), [
      "model's configuration (config.json): changed",
    ]);
  });
});
