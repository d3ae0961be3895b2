import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";

import {
  fakeStepReport,
  goldenJson,
  logAt,
  outputsGolden,
  readLines,
  settings,
  without,
} from "../../../../tests/helpers/fake_reports.ts";
import { silentProgress } from "./progress.ts";
import { RunLog } from "./run_log.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { WALL_CLOCK_KEYS } from "../../../../tests/helpers/wall_clock_keys.ts";

const CLOCK_KEYS = [...WALL_CLOCK_KEYS, "train_tokens_per_second"];

/** Replays a recorded run; gives what the log writes before step 4's report. */
function replay(name: string, log: RunLog): Record<string, string> {
  const { log_history: history, max_steps: totalSteps } = goldenJson(`${name}_trainer_state.json`);
  let tokens = 0;
  let middle: Record<string, string> = {};
  for (const entry of history) {
    const { step, epoch, loss, grad_norm, learning_rate, num_input_tokens_seen, ...rest } = entry;
    if (step === 4 && loss !== undefined) middle = log.checkpointFiles();
    if (loss !== undefined) {
      const metrics = without(rest, CLOCK_KEYS) as Record<string, number>;
      log.step({
        step,
        totalSteps,
        epoch,
        loss,
        gradNorm: grad_norm,
        learningRate: learning_rate,
        metrics,
        tokens: num_input_tokens_seen - tokens,
        examples: 4,
        seconds: 0.1,
      });
      tokens = num_input_tokens_seen;
    } else if (entry.eval_loss !== undefined) {
      log.evaluation(step, epoch, rest);
    }
  }
  return middle;
}

for (const name of ["sft", "dpo"]) {
  Deno.test(`the files of a ${name} run equal LLaMA-Factory's but for the clock`, () => {
    const theirs = goldenJson(`${name}_trainer_state.json`);
    const { log, directory } = logAt();
    const middle = replay(name, log);
    const { files } = log.finish({ finished: true, evaluation: goldenJson(`${name}_eval_results.json`) });
    // operations aren't counted here
    const CLOCK = [...CLOCK_KEYS, "total_flos"];

    const lines = readLines(join(directory, "trainer_log.jsonl"));
    const expected = readLines(outputsGolden(`${name}_trainer_log.jsonl`));
    // behind their keys the other values of their log_history
    const renamed = ["loss", "eval_loss", "learning_rate", "rewards/accuracies", "epoch", "step"];
    const more = theirs.log_history.map((entry: Record<string, number>) =>
      "train_loss" in entry ? {} : without(entry, [...renamed, "num_input_tokens_seen"])
    );
    assertEquals(
      lines.map((line) => without(line, CLOCK)),
      expected.map((line, i) => without({ ...line, ...more[i] }, CLOCK)),
    );
    lines.forEach((line, i) => {
      const keys = Object.keys(expected[i]!);
      assertEquals(Object.keys(line).slice(0, keys.length), keys);
      assertEquals("memory" in line, "loss" in line);
    });

    for (
      const [text, other] of [
        [files["trainer_state.json"]!, theirs],
        [middle["trainer_state.json"]!, goldenJson(`${name}_checkpoint-3_trainer_state.json`)],
      ]
    ) {
      const ours = JSON.parse(text);
      assertEquals(Object.keys(ours), Object.keys(other));
      assertEquals(
        without(ours, ["log_history", "total_flos"]),
        without(other, ["log_history", "total_flos"]),
      );
      assertEquals(ours.log_history.length, other.log_history.length);
      for (const [i, entry] of ours.log_history.entries()) {
        const reference = other.log_history[i];
        // Mean of rounded losses here, of unrounded ones there.
        assertAlmostEquals(entry.train_loss ?? 0, reference.train_loss ?? 0, 5e-5);
        const drop = [...CLOCK, "train_loss"];
        assertEquals(without(entry, drop), without(reference, drop));
      }
    }

    for (const file of ["train_results.json", "eval_results.json", "all_results.json"]) {
      const ours = JSON.parse(files[file]!);
      const reference = goldenJson(`${name}_${file}`);
      assertEquals(Object.keys(ours), Object.keys(without(reference, ["total_flos"])));
      assertEquals(without(ours, [...CLOCK, "train_loss"]), without(reference, [...CLOCK, "train_loss"]));
    }
    assertEquals(Object.keys(files), [
      "trainer_state.json",
      "train_results.json",
      "eval_results.json",
      "all_results.json",
    ]);
  });
}

Deno.test("a log covers the steps since the last one: plain mean of losses, metrics weighted by examples", () => {
  const { log, directory } = logAt({ logging_steps: 3, logging_first_step: true });
  const losses = [0.5, 0.25, 0.125, 0.75, 0.3, 0.1];
  const margins = [9, 1, 4, 2, 5, 8];
  const examples = [8, 8, 2, 8, 8, 4];
  losses.forEach((loss, i) =>
    log.step(
      fakeStepReport(i + 1, { loss, metrics: { "rewards/margins": margins[i]! }, examples: examples[i]! }),
    )
  );
  const history = log.state().history;
  assertEquals(history.map(({ step, loss }) => [step, loss]), [[1, 0.5], [3, 0.1875], [6, 0.3833]]);
  // (1*8 + 4*2) / 10 and (2*8 + 5*8 + 8*4) / 20
  assertEquals(history.map((entry) => entry["rewards/margins"]), [9, 1.6, 4.4]);
  assertEquals(history[1]!.grad_norm, 1 + 3 / 7);
  assertEquals(readLines(join(directory, "trainer_log.jsonl")).map((line) => line.percentage), [
    16.67,
    50,
    100,
  ]);
});

Deno.test("a metric that some examples lack weighs by its own count, and summarize sees the means", () => {
  const summarize = (means: Readonly<Record<string, number>>) => ({
    "rewards/margins": means["rewards/chosen"]! - means["rewards/rejected"]!,
  });
  const { log } = logAt({ logging_steps: 2 }, { summarize });
  log.step(fakeStepReport(1, {
    metrics: { "rewards/chosen": 2, "rewards/rejected": 1, "rewards/margins": 1 },
    examples: 4,
    counts: { "rewards/chosen": 3, "rewards/rejected": 1 },
  }));
  log.step(fakeStepReport(2, { metrics: { "rewards/rejected": 4 }, examples: 4 }));
  const entry = log.state().history[0]!;
  assertEquals(entry["rewards/chosen"], 2);
  // (1*1 + 4*4) / 5
  assertEquals(entry["rewards/rejected"], 3.4);
  assertAlmostEquals(entry["rewards/margins"]!, -1.4, 1e-12);
});

Deno.test("logging_strategy epoch logs when an epoch ends, no never, and shares of the run count as steps", () => {
  const steps = (changes: Parameters<typeof logAt>[0]) => {
    const { log } = logAt(changes);
    for (let i = 1; i <= 6; i++) log.step(fakeStepReport(i, { epoch: i / 3 - 1e-16 }));
    return log.state().history.map((entry) => entry.step);
  };
  assertEquals(steps({ logging_strategy: "epoch" }), [3, 6]);
  assertEquals(steps({ logging_strategy: "epoch", logging_first_step: true }), [1, 3, 6]);
  assertEquals(steps({ logging_strategy: "no", logging_first_step: true }), []);
  assertEquals(steps({ logging_steps: 0.3 }), [2, 4, 6]);
});

Deno.test("speeds count this start only, durations all starts", () => {
  const first = logAt();
  first.clock.ms += 10_000;
  first.log.step(fakeStepReport(1, { tokens: 1000, seconds: 10 }));
  const state = JSON.parse(JSON.stringify(first.log.state()));
  const second = logAt({}, { outputDir: first.directory });
  second.log.restore(state);
  second.clock.ms += 1_000_000; // an hour of rest is no training
  second.log.step(fakeStepReport(2, { tokens: 600, seconds: 4 }));
  second.clock.ms += 2_000;
  second.log.step(fakeStepReport(3, { tokens: 600, seconds: 2 }));
  const lines = readLines(join(first.directory, "trainer_log.jsonl"));
  assertEquals(lines.map((line) => line.throughput), [100, 150, 200]);
  assertEquals(lines.map((line) => line.total_tokens), [1000, 1600, 2200]);
  assertEquals(lines.map((line) => line.elapsed_time), ["0:00:10", "0:00:14", "0:00:16"]);
  // 5 steps of 10 s; 4 of 4 s; 3 of 3 s
  assertEquals(lines.map((line) => line.remaining_time), ["0:00:50", "0:00:16", "0:00:09"]);
});

Deno.test("a resumed run's log is bit-identical to an uninterrupted one's, wherever it was killed", () => {
  const run = (
    reports: [loss: number, margin: number, examples: number][],
    cuts: { saved: number; killed: number }[],
    everySteps: number,
  ) => {
    const directory = temporaryFolder();
    const totalSteps = reports.length;
    const play = (log: RunLog, from: number, to: number, saveAt: number) => {
      let saved = "";
      for (let step = from + 1; step <= to; step++) {
        const [loss, margin, examples] = reports[step - 1]!;
        const metrics = { "rewards/margins": margin, "rewards/accuracies": margin > 0 ? 1 : 0 };
        log.step(fakeStepReport(step, { loss, metrics, examples, totalSteps, epoch: step / 7 }));
        if (step % 4 === 0) log.evaluation(step, step / 7, { eval_loss: loss * 0.9 });
        if (step === saveAt) saved = JSON.stringify(log.state());
      }
      return saved;
    };
    let done = 0;
    let saved = "";
    for (const cut of cuts) {
      const { log } = logAt({ logging_steps: everySteps }, {
        outputDir: directory,
      });
      if (saved !== "") log.restore(JSON.parse(saved));
      const next = play(log, done, Math.min(cut.killed, totalSteps), cut.saved);
      if (next !== "") [saved, done] = [next, cut.saved];
    }
    const { log } = logAt({ logging_steps: everySteps }, {
      outputDir: directory,
    });
    if (saved !== "") log.restore(JSON.parse(saved));
    play(log, done, totalSteps, 0);
    const { files } = log.finish({ finished: true });
    const state = JSON.parse(files["trainer_state.json"]!);
    const result = {
      lines: readLines(join(directory, "trainer_log.jsonl")).map((line) => without(line, CLOCK_KEYS)),
      history: state.log_history.map((entry: Record<string, unknown>) => without(entry, CLOCK_KEYS)),
      rest: { ...without(state, ["log_history"]), best_model_checkpoint: null },
    };
    Deno.removeSync(directory, { recursive: true });
    return result;
  };
  const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, value, fc.integer({ min: 1, max: 8 })), { minLength: 6, maxLength: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 6 })), { maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (reports, stops, everySteps) => {
        const ordered = stops.map(([saved, more]) => ({ saved, killed: saved + more }))
          .sort((a, b) => a.saved - b.saved);
        assertEquals(run(reports, ordered, everySteps), run(reports, [], everySteps));
      },
    ),
    { numRuns: 30, seed: 7 },
  );
});

Deno.test("the best evaluation is the one that the trainer tells", () => {
  const { log } = logAt();
  const stateOf = () => JSON.parse(log.checkpointFiles()["trainer_state.json"]!);
  log.step(fakeStepReport(1));
  log.evaluation(1, 0, { eval_loss: 0.5 }, null);
  assertEquals([stateOf().best_metric, stateOf().best_global_step], [null, null]);
  log.evaluation(2, 0, { eval_loss: 0.3 }, { step: 2, value: 0.3 });
  log.checkpoint(2, "checkpoint-2");
  log.evaluation(3, 0, { eval_loss: 0.6 }, { step: 2, value: 0.3 });
  const { best_metric, best_global_step, best_model_checkpoint } = stateOf();
  assertEquals([best_metric, best_global_step, best_model_checkpoint], [0.3, 2, "checkpoint-2"]);
  log.evaluation(4, 0, { eval_loss: 0.1 }, { step: 4, value: 0.1 });
  assertEquals(stateOf().best_model_checkpoint, null);
});

Deno.test("an interrupted run has no closing line and no results", () => {
  const { log, directory } = logAt();
  log.step(fakeStepReport(1));
  const { files, results } = log.finish({ finished: false });
  assertEquals([Object.keys(files), results], [["trainer_state.json"], null]);
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["trainer_log.jsonl"]);
  assertEquals(readLines(join(directory, "trainer_log.jsonl")).length, 1);
  assertThrows(() => log.step(fakeStepReport(2)), Error, "finished");
});

Deno.test("non-finite values: a loss is refused, a metric stays out with one warning", () => {
  const warnings: string[] = [];
  const { log } = logAt({}, { progress: { ...silentProgress(), line: (text) => void warnings.push(text) } });
  assertThrows(() => log.step(fakeStepReport(1, { loss: NaN })), RangeError, "step 1");
  log.step(fakeStepReport(1, { metrics: { a: Infinity, b: 2 } }));
  log.step(fakeStepReport(2, { metrics: { a: NaN, b: 2 } }));
  const { history } = log.state();
  assertEquals(history.map((entry) => [entry.a, entry.b]), [[undefined, 2], [undefined, 2]]);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, "a is Infinity at step 1");
});

Deno.test("restore() refuses a state that isn't one, and nothing is written before the first report", () => {
  const { log, directory } = logAt();
  assertThrows(() => log.restore({ version: 1, rows: 3 }), TypeError, "damaged");
  assertEquals([...Deno.readDirSync(directory)], []);
});

Deno.test("an evaluation before the first step is logged without a share of steps", () => {
  const directory = temporaryFolder();
  const log = new RunLog({
    outputDir: directory,
    settings: settings(),
    progress: silentProgress(),
    now: () => 0,
  });
  log.evaluation(0, 0, { eval_loss: 2 });
  const [line] = readLines(join(directory, "trainer_log.jsonl"));
  assertEquals(line!.eval_loss, 2);
  assert(!("percentage" in line!));
});
