/**
 * Trains a grid of configurations: every combination of `key=a,b,c`, with seeds.
 *
 * ```sh
 * deno task sweep CONFIG.yaml learning_rate=1e-4,5e-5 lora_rank=4,8 --seeds 0,1
 * deno task sweep CONFIG.yaml learning_rate=1e-4,5e-5 --dry-run
 * ```
 * The same command continues what was stopped or killed. Exit code: 0 done; 1 an error; 130, 143, 129 stopped by
 * Ctrl-C, SIGTERM, a closed terminal.
 * @module
 */
import { counted } from "../formats/counted.ts";
import { join } from "@std/path";

import { parseArguments } from "./common/cli/arguments.ts";
import { print } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { checkFolderPlace } from "./common/folders/folder_place.ts";
import { helpTopic } from "./common/cli/help.ts";
import { trainingHelp } from "./train/config/key_help.ts";
import { taskCommandFromHere } from "./common/process/command.ts";
import { alignedRows, textTable, wrapped } from "./common/report/table.ts";
import { continuable } from "./sweep/continuable.ts";
import { cellsOf, gridNotes, readAxes } from "./sweep/grid.ts";
import { bestText, sweepTable, writeSweep } from "./sweep/report.ts";
import { checkCells, sweep, type SweepPlan } from "./sweep/run.ts";
import { readTrainConfig } from "./train/config/mod.ts";
import { dropNetwork, dropPrograms, needsNetwork, startsPrograms } from "./train/network.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag or key of training",
  "seeds LIST": "seeds of every combination, such as 0,1; default: the file's",
  "out DIR": "folder of all cells; default: the file's output_dir with -sweep behind it",
  "eval FILE": "evaluate every cell as this file says, with the cell in place of its model",
  "dry-run": "check every cell's configuration and list them; trains nothing",
};

const USAGE = [
  "deno task sweep CONFIG.yaml key=a,b,c ... [--seeds 0,1]",
  "",
  "Examples:",
  "  deno task sweep my.yaml learning_rate=1e-4,5e-5 lora_rank=4,8",
  "  deno task sweep my.yaml lora_rank=4,8 --seeds 0,1 --eval eval.yaml",
  "  deno task sweep my.yaml 'lora_target=[q_proj,v_proj],all' --dry-run",
  "",
  "Best is the setting with the highest score of --eval (unscored items: misses), else the lowest last evaluation loss, mean over seeds.",
];

function run(plan: SweepPlan, args: readonly string[]): Promise<number> {
  return continuable(taskCommandFromHere("sweep", args), async (given) => {
    const results = await sweep(plan, given);
    const files = await writeSweep(plan.out, results);
    print(["", ...textTable(sweepTable(results)), "", ...wrapped(bestText(results).split(" "))].join("\n"));
    print(["", ...alignedRows(files.map(({ name, what }) => [join(plan.out, name), what]))].join("\n"));
  });
}

/**
 * `deno task sweep`.
 * @returns The exit code; undefined is 0
 * @throws {RangeError} If there is no training file, or a key, a value or a place is wrong
 */
export async function sweepTask(args: readonly string[]): Promise<number | void> {
  const given = parseArguments(args, FLAGS);
  const { config, overrides, flags, values } = given;
  if (flags.has("help")) return print(trainingHelp(helpTopic(given), USAGE, FLAGS));
  if (config === undefined) {
    throw new RangeError(
      "Cannot sweep as a training file is needed: current value is none; --help has examples",
    );
  }
  const axes = readAxes(overrides, values.get("seeds"));
  const fixed = axes.filter(({ values }) => values.length === 1).map(({ key, values }) =>
    `${key}=${values[0]}`
  );
  const first = readTrainConfig(config, fixed).config;
  const out = values.get("out") ?? `${first.output_dir.replace(/[/\\]+$/, "")}-sweep`;
  const plan: SweepPlan = { config, cells: cellsOf(axes, out), evaluation: values.get("eval"), out };
  checkCells(plan);
  if (flags.has("dry-run")) {
    checkFolderPlace(out, "--out");
    const rows = plan.cells.map(({ name, directory }) => [name, directory]);
    return print(
      [...alignedRows(rows), "", counted(plan.cells.length, "training"), ...gridNotes(plan.cells)].join("\n"),
    );
  }
  for (const note of gridNotes(plan.cells)) print(note);
  const settings = plan.cells.map(({ overrides }) => readTrainConfig(config, overrides).config);
  if (plan.evaluation === undefined && !settings.some(needsNetwork)) dropNetwork();
  if (!settings.some(startsPrograms)) dropPrograms();
  return await run(plan, args);
}

if (import.meta.main) {
  // not awaited: a plugin imports mod.ts and through it the trainings, and would wait for it for ever
  void runTask(() => sweepTask(Deno.args));
}
