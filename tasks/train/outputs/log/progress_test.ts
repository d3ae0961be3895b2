import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { EventEmitter } from "node:events";

import { goldenJson } from "../../../../tests/helpers/fake_reports.ts";
import { createProgress, standardError } from "./create_progress.ts";
import { logLine } from "./progress_text.ts";
import { curveText, printSummary } from "../finished/summary.ts";
import { keptStream } from "../../../../tests/helpers/kept_stream.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

const status = {
  step: 3,
  totalSteps: 6,
  loss: 0.6744,
  margin: 0.0709,
  tokensPerSecond: 20735.6,
  remainingSeconds: 75,
};

Deno.test("without a terminal there is a line a log, and longer phases say where they are after five and then every ten seconds", () => {
  const out = keptStream(false);
  let ms = 0;
  const progress = createProgress({ stream: out, now: () => ms });
  for (let done = 1; done <= 40; done++) {
    ms += 1000;
    progress.phase("reference log-probabilities", done, 40);
  }
  for (let seconds = 1; seconds <= 7; seconds++) {
    ms += 1000;
    progress.phase("compiling the head", 0, 0, `${seconds} s`);
  }
  progress.phase("compiling the head", 1, 0);
  progress.step(status);
  const entry = goldenJson("dpo_trainer_state.json").log_history[2];
  progress.log({ entry, totalSteps: 6, speed: 20735.6, left: 75 });
  progress.stop();
  assertEquals(out.text().trim().split("\n"), [
    "reference log-probabilities: 6 of 40",
    "reference log-probabilities: 16 of 40",
    "reference log-probabilities: 26 of 40",
    "reference log-probabilities: 36 of 40",
    "reference log-probabilities: 40 of 40",
    "compiling the head: 6 s",
    "step 3/6, epoch 0.50  loss 0.6744  margin 0.0709  accuracy 0.500  grad norm 1.57  lr 9.05e-3  " +
    "20,736 tokens/s, 0:01:15 left",
  ]);
});

Deno.test("an evaluation's line shows the evaluation's values", () => {
  const entry = goldenJson("dpo_trainer_state.json").log_history[3];
  assertEquals(
    logLine(entry, 6),
    "evaluation at step 3/6, epoch 0.50  loss 0.6676  margin 0.1211  accuracy 0.500",
  );
  // by hand: -0.00004 is nothing in four digits, and nothing has no sign
  const evaluated = { step: 2, eval_loss: 0.5, eval_accuracy: 0.75 };
  assertEquals(logLine(evaluated, 0), "evaluation at step 2, epoch 0.00  loss 0.5000  token accuracy 0.750");
  // a reward model's is of pairs, not of tokens
  assertEquals(
    logLine({ ...evaluated, "eval_rewards/accuracies": 0.75 }, 0),
    "evaluation at step 2, epoch 0.00  loss 0.5000  accuracy 0.750",
  );
  assertEquals(logLine({ step: 1, "rewards/margins": -4e-5 }, 0), "step 1, epoch 0.00  margin 0.0000");
  assertEquals(logLine({ step: 1, "rewards/margins": -5.1e-5 }, 0), "step 1, epoch 0.00  margin -0.0001");
  assertEquals(
    logLine({ step: 1, loss: 0, reward: 0.5, reward_std: 1 }, 0),
    "step 1, epoch 0.00  loss 0.0000  reward 0.5000",
  );
});

Deno.test("a bar at 80 columns has whole numbers only, and a phase that tells its end twice stands once", () => {
  const out = keptStream(true, 80);
  const progress = createProgress({ stream: out });
  progress.phase("encoding", 10, 10);
  progress.phase("encoding", 10, 10);
  progress.phase("generate", 8, 100, "12,345 tokens/s, 0:00:46 left, cost 1234.5000");
  progress.step(status);
  progress.stop();
  const lines = out.lines();
  assertEquals(lines.filter((line) => line.startsWith("encoding")).length, 1, out.text());
  const ends = [
    " 8/100  12,345 tokens/s, 0:00:46 left",
    " step 3/6  0:01:15 left  loss 0.6744  margin 0.0709",
  ];
  for (const end of ends) assert(lines.some((line) => line.endsWith(end)), `${end}\n${lines.join("\n")}`);
});

Deno.test("without a terminal a step is told where nothing else was for half a minute", () => {
  const out = keptStream(false);
  let time = 0;
  const progress = createProgress({ stream: out, now: () => time });
  for (let step = 1; step <= 4; step++) {
    time += 12_000;
    progress.step({ ...status, step });
  }
  time += 20_000;
  progress.log({ entry: { step: 5, epoch: 0.5, loss: 0.5 }, totalSteps: 6, speed: 0, left: 0 });
  progress.step({ ...status, step: 5 });
  progress.stop();
  assertEquals(out.text().trimEnd().split("\n"), [
    "step 3/6  loss 0.6744  margin 0.0709  20,736 tokens/s, 0:01:15 left",
    "step 5/6, epoch 0.50  loss 0.5000",
  ]);
});

Deno.test("on a terminal a bar shows step, loss, margin, speed and time left, and lines stay above it", () => {
  const out = keptStream(true);
  const progress = createProgress({ stream: out });
  progress.line("before");
  progress.phase("reference log-probabilities", 1, 2);
  progress.phase("reference log-probabilities", 2, 2);
  progress.phase("compiling the head", 0, 0, "6 s");
  progress.phase("compiling the head", 1, 0);
  progress.step(status);
  progress.line("saved checkpoint-3");
  progress.stop();
  const text = out.text();
  for (
    const part of [
      "before\n",
      "reference log-probabilities ████████████████████████ 2/2",
      "compiling the head 6 s",
      "████████████░░░░░░░░░░░░ step 3/6  0:01:15 left  loss 0.6744  margin 0.0709  20,736 tokens/s",
      "saved checkpoint-3\n",
    ]
  ) assertStringIncludes(text, part);
  assertEquals(text.indexOf("saved checkpoint-3") < text.lastIndexOf("step 3/6"), true);
  // disable_tqdm
  const plain = keptStream(true);
  createProgress({ stream: plain, disabled: true }).step(status);
  assertEquals(plain.text(), "");
});

Deno.test("at 80 columns the bar of a long run shows step, time left and loss, at 60 too", () => {
  for (const columns of [80, 60]) {
    const out = keptStream(true, columns);
    const progress = createProgress({ stream: out });
    progress.step({ ...status, step: 123, totalSteps: 4500, remainingSeconds: 36000, margin: -10.07 });
    progress.stop();
    const [line = ""] = out.text().split("\n").filter((line) => line.includes("step 123"));
    const shown = line.slice(line.search(/[█░]/)).slice(0, columns);
    for (const part of ["step 123/4500  ", "10:00:00 left  ", "loss 0.6744"]) {
      assertStringIncludes(shown, part);
    }
  }
});

Deno.test("the summary shows the curve in eight lines, the files with sizes, and what to type next", () => {
  const directory = temporaryFolder();
  Deno.writeTextFileSync(join(directory, "a.json"), "x".repeat(1234));
  let text = "";
  const history = Array.from({ length: 300 }, (_, i) => ({ step: i + 1, loss: 1 - i / 300 }));
  printSummary({
    outputDir: directory,
    history,
    files: [{ name: "a.json", what: "results" }, { name: "gone.json", what: "nothing" }],
    next: [{ command: "deno task chat x", what: "talk to it" }],
    columns: 60,
  }, (part) => void (text += part));
  assertStringIncludes(
    text,
    `Written to ${directory}\n  a.json     1.23 kB  results\n  gone.json  missing  nothing`,
  );
  assertStringIncludes(text, "Next\n  # talk to it\n  deno task chat x\n");
  const curve = curveText(history, 60).split("\n");
  assertEquals(curve.length, 9);
  assertStringIncludes(curve[0]!, "1.000 at step 1, ");
  assertEquals(Math.max(...curve.map((line) => line.length)) <= 60, true);
  // Falls from the top left to the bottom right.
  assertEquals(/[╮─]/.test(curve[1]!.slice(12, 22)), true);
  assertEquals(/[╰─]/.test(curve[8]!.slice(50)), true);
});

Deno.test("a curve of two logs or of equal ones can be shown, of one there is none", () => {
  assertEquals(curveText([{ step: 1, loss: 1 }], 80), "");
  // more losses than a call takes arguments
  const long = Array.from({ length: 200_000 }, (_, i) => ({ step: i + 1, loss: i % 2 }));
  assertEquals(curveText(long, 80).split("\n").length, 9);
  assertEquals(curveText([{ step: 1, loss: 1 }, { step: 2, loss: 0 }], 80).split("\n").length, 9);
});

Deno.test("the axis of a flat loss has its value, and marks that differ where it is nearly flat", () => {
  const curve = (...losses: number[]) =>
    curveText(losses.map((loss, i) => ({ step: i + 1, loss })), 60).split("\n");
  const marks = (...losses: number[]) => curve(...losses).slice(1).map((line) => line.trim().split(" ")[0]!);
  assertEquals(marks(0.6931, 0.6931, 0.6931), ["0.6931"]);
  assertEquals(curve(0.6931, 0.6931)[1]!.endsWith("─"), true);
  assertEquals(marks(0, 0), ["0.000"]);
  for (const losses of [[0.6931, 0.693, 0.6931], [1.0001, 1.0002, 1.0003], [123456.2, 123456.1, 123456.3]]) {
    const numbers = marks(...losses).map(Number);
    assertEquals(new Set(numbers).size, 8, `${losses}`);
    for (const value of numbers) {
      assertEquals(
        value >= Math.min(...losses) * (1 - 1e-6) && value <= Math.max(...losses) * (1 + 1e-6),
        true,
        `${value}`,
      );
    }
  }
});

Deno.test("a terminal that knows no commands gets plain lines, one without a size a bar for 80 columns", () => {
  const shown = (term: string, columns: number) => {
    const out = keptStream(true, columns);
    const progress = createProgress({ stream: standardError(Object.assign(new EventEmitter(), out), term) });
    progress.step(status);
    progress.line("saved");
    progress.stop();
    return out;
  };
  assertEquals(shown("dumb", 80).text(), "saved\n");
  const part = " step 3/6  0:01:15 left  loss 0.6744  margin 0.0709";
  assert(shown("xterm", 0).lines().some((line) => line.endsWith(part)), shown("xterm", 0).text());
});
