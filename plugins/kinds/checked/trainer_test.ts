/** A trainer's mistakes are told as its own. */
import { join } from "@std/path";

import { assertEquals, assertRejects } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { silentLog } from "../log_sink.ts";
import type { TrainerInputs, TrainerResult } from "../trainer.ts";
import { madeOf } from "./_made.ts";

const DONE: TrainerResult = { files: [], finished: true, metrics: {} };
const step = (step: number, more: object = {}) => ({
  ...{
    step,
    totalSteps: 3,
    epoch: 0,
    loss: 1,
    gradNorm: 1,
    learningRate: 1,
    metrics: {},
    tokens: 1,
    seconds: 1,
  },
  ...more,
});

/** Runs a trainer of one's own. */
function trained(train: (inputs: TrainerInputs) => unknown, signal = new AbortController().signal) {
  const inputs = {
    begin() {},
    log: silentLog(),
    signal,
    trainedDir: temporaryFolder(),
    config: { seed: 42 },
    train: [{}],
  } as unknown as TrainerInputs;
  return madeOf("trainer", { train }).train(inputs);
}

const MISTAKES: [what: string, train: (inputs: TrainerInputs) => unknown, message: string][] = [
  [
    "it never begins",
    () => DONE,
    "Cannot finish as a call of inputs.begin() is needed, before the first file is written: current value is none",
  ],
  [
    "it begins twice",
    ({ begin }) => (begin(), begin(), DONE),
    "Cannot begin the run by inputs.begin() as one call is needed",
  ],
  [
    "it names a file that it hasn't written",
    ({ begin }) => (begin(), { ...DONE, files: [{ name: "a", what: "b" }] }),
    'inputs.trainedDir is needed: current value is "a"',
  ],
  [
    "it names a file elsewhere",
    ({ begin }) => (begin(), { ...DONE, files: [{ name: "../a", what: "b" }] }),
    'current value is "../a"',
  ],
  [
    "its steps go back",
    ({ log }) => (log.step(step(2)), log.step(step(1))),
    "Cannot log step 1 as a step after the last one, 2, is needed",
  ],
  ["it reports nothing", ({ log }) => log.step(undefined as never), "Cannot use train()'s log.step()"],
  [
    "a step is text",
    ({ log }) => log.step(step(1, { step: "1" })),
    "log.step().step as a whole number > 0 is needed",
  ],
  [
    "a metric is text",
    ({ log }) => log.step(step(1, { metrics: { a: "x" } })),
    "log.step().metrics as a map of names to numbers is needed",
  ],
  [
    "an evaluation is nothing",
    ({ log }) => log.evaluation(1, 1, undefined as never),
    "Cannot use train()'s log.evaluation()",
  ],
  [
    "an evaluation's step is text",
    ({ log }) => log.evaluation("1" as never, 1, {}),
    "log.evaluation().step as a whole number >= 0 is needed",
  ],
  [
    "a checkpoint's folder is a number",
    ({ log }) => log.checkpoint(1, 3 as never),
    "log.checkpoint().directory as a text that isn't empty is needed: current value is 3",
  ],
  [
    "a phase has no name",
    ({ log }) => log.phase(1 as never, 0, 1),
    "log.phase().name as a text that isn't empty is needed: current value is 1",
  ],
  [
    "a warning says nothing",
    ({ log }) => log.warn(undefined as never),
    "log.warn() as a text that isn't empty",
  ],
  [
    "it writes to the run's settings",
    ({ config }) => (config as { seed: number }).seed = 7,
    "Cannot assign to read only property 'seed'",
  ],
  ["it takes examples away", ({ train }) => train.pop(), "Cannot delete property '0'"],
];

Deno.test("a trainer's mistakes are told with its name, what is needed and what it gave", async () => {
  for (const [what, train, message] of MISTAKES) {
    const error = await assertRejects(() => trained(async (inputs) => await train(inputs)), Error, message);
    assertEquals(error.message.startsWith("trainer/mine of my.ts: "), true, `${what}: ${error.message}`);
  }
});

Deno.test("a trainer that begins, reports steps and writes its files is taken, and so is one that was stopped", async () => {
  const good = await trained(({ begin, log, trainedDir }) => {
    begin();
    // a built-in trainer's reports, which one of one's own hands on, have more
    for (const n of [1, 2, 4]) log.step(step(n, { epochBefore: 0 }));
    Deno.writeTextFileSync(join(trainedDir, "a"), "");
    return Promise.resolve({ ...DONE, files: [{ name: "a", what: "b" }] });
  });
  assertEquals(good.files.length, 1);
  const stopped = await trained(() => Promise.resolve({ ...DONE, finished: false }), AbortSignal.abort());
  assertEquals(stopped.finished, false);
});
