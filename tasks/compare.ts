/**
 * Compares trainings: configurations, losses, margins, accuracies, speed, and their curves in one picture.
 *
 * ```sh
 * deno task compare saves/a saves/b                    # a table
 * deno task compare saves/a saves/b --out comparison/  # Markdown, CSV, LaTeX and curves too
 * ```
 * Evaluations are compared by `deno task eval compare`.
 * @module
 */
import { dirname, extname, join } from "@std/path";

import { makeFolder } from "../formats/atomic.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { textTable, wrapped } from "./common/report/table.ts";
import { tablePaths, writeTables } from "./common/report/table_files.ts";
import { writeCurves } from "./compare/curves.ts";
import { resultColumns, resultNumbers, shortNames, trainingFiles } from "./compare/table.ts";
import { readTraining, setsApart, type Training } from "./compare/training.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag",
  "out PATH": "also write tables and curves: a folder, or a file .md, .csv, .tex; may be given again",
  json: "the numbers as JSON",
};

const USAGE = [
  "deno task compare RUN RUN ...",
  "",
  "A run is the output_dir of deno task train, finished or not. For evaluations: deno task eval compare.",
  "",
  "Examples:",
  "  deno task compare saves/lr-1e-4 saves/lr-5e-5",
  "  deno task compare saves/sweep/*/ --out comparison/",
  "  deno task compare saves/a saves/b --out table.tex --json",
];

/** Numbers of the table, by name. */
function comparisonJson(trainings: readonly Training[]): Record<string, unknown>[] {
  const columns = resultColumns(trainings);
  return trainings.map((training) => ({
    run: training.directory,
    finished: training.finished,
    ...Object.fromEntries(
      resultNumbers(training, columns).map((
        text,
        i,
      ) => [columns[i]?.name, text === "" ? null : Number(text)]),
    ),
  }));
}

if (import.meta.main) {
  await runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS, Infinity, false);
    const { words, overrides, flags, lists } = given;
    if (flags.has("help")) return print(taskHelp(helpTopic(given), USAGE, FLAGS));
    if (overrides.length > 0) {
      throw new RangeError(
        `Cannot compare with ${overrides[0]} as it is no folder: name output folders of trainings`,
      );
    }
    if (words.length < 2) {
      throw new RangeError(
        `Cannot compare trainings as two at least are needed: current value is ${words.join(" ") || "none"}`,
      );
    }
    const paths = tablePaths(lists.get("out") ?? []);
    const trainings = words.map(readTraining);
    const files = trainingFiles(trainings);
    if (flags.has("json")) print(JSON.stringify(comparisonJson(trainings), null, 2));
    else print([...textTable(files.shown), "", ...wrapped(files.caption.split(" "))].join("\n"));
    const [first] = paths;
    if (first === undefined) return;
    makeFolder(dirname(first), "--out");
    const names = shortNames(trainings);
    const prefix = first.slice(
      dirname(first) === "." ? 0 : dirname(first).length + 1,
      -extname(first).length,
    );
    const curves = await writeCurves(
      dirname(first),
      prefix,
      trainings.map(({ history }, i) => ({ name: names[i] ?? "", history })),
      setsApart(trainings),
    );
    for (
      const path of [
        ...await writeTables(files, paths),
        ...curves.map((name) => join(dirname(first), name)),
      ]
    ) {
      printError(`Written: ${path}`);
    }
  });
}
