/**
 * Makes training data of instructions with constraints, as a YAML file says: SFT, DPO and IOPO views of the same rows.
 *
 * ```sh
 * deno task synth                            # 50 quadruples by the bundled model, proved by rules, offline
 * deno task synth SYNTH.yaml [key=value ...] # the same command continues a run that was stopped or killed
 * deno task synth SYNTH.yaml --dry-run       # checks everything, prints what is wanted, asks nobody
 * ```
 * Exit code: 0 all rows are made; 1 an error; 2 fewer rows than wanted, or the budget is spent; 130, 143, 129 stopped by Ctrl-C, SIGTERM, a closed terminal.
 * @module
 */
import { join, resolve } from "@std/path";
import { stringify } from "yaml";

import { redactValue } from "../formats/secrets.ts";
import { optionTexts } from "../plugins/kinds/option_words.ts";
import { Pace } from "./ask/pace.ts";
import { needPrices } from "./ask/usage.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { interruption } from "./common/cli/interruption.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { VERSION } from "./common/version.ts";
import { checkFolderPlace } from "./common/folders/folder_place.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { taskCommand } from "./common/process/command.ts";
import { registryOf } from "./common/config/config_file.ts";
import { DEFAULT_SYNTHESIS } from "./common/config/default_files.ts";
import { refuseOtherIdentity } from "./common/folders/run_identity.ts";
import { markdownTable, textTable } from "./common/report/table.ts";
import { readSynthConfig, SynthOptions } from "./synth/config.ts";
import { synthClaim } from "./synth/identity.ts";
import { openModels, planSynthesis } from "./synth/open_shop.ts";
import { funnelTable } from "./synth/report/tables.ts";
import { summaryLines } from "./synth/report/text.ts";
import { wantedShares } from "./synth/results.ts";
import { synthesize, type Synthesized } from "./synth/run.ts";
import { createProgress } from "./train/outputs/mod.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag or key; --help all: every key",
  "dry-run": "check everything, print the configuration and the rows that are wanted; asks nobody",
  json: "the results as JSON on standard output; all else goes to standard error",
};

const USAGE = [
  "deno task synth [SYNTH.yaml] [key=value ...]",
  "",
  "Examples:",
  "  deno task synth                               50 quadruples, tiny, offline",
  "  deno task synth examples/synth/trace.yaml --dry-run     what it would make",
  "  deno task synth examples/synth/trace.yaml rows=1000 budget.money=5",
  "  deno task synth synth.yaml verify=rules 'views=[iopo]' 'counts={1: 1, 2: 2}'",
  "  deno task synth saves/synth/rules/run.yaml    continues that run",
  "",
  "out_dir/dataset is a dataset_dir of deno task train, with dataset=synth_iopo",
];

/** Carries out the synthesis of a file; says how it ended. @returns Also its exit code */
async function synthesizeFile(
  path: string,
  overrides: readonly string[],
  say: (line: string) => void,
): Promise<Synthesized & { code: number }> {
  const { config, placeOf } = readSynthConfig(path, overrides);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  using interrupted = interruption(printError, "what is under way is finished first");
  const progress = createProgress();
  const pace = new Pace();
  let done: Synthesized;
  try {
    done = await synthesize(config, registry, {
      signal: interrupted.signal,
      say: (line) => progress.line(line),
      progress: (round, count, total, used) => {
        const name = `round ${round + 1}`;
        progress.phase(name, count, total, pace.text(name, count, total, used));
      },
      version: VERSION,
      placeOf,
    });
  } finally {
    progress.stop();
  }
  for (const line of ending(done)) say(line);
  return { ...done, code: exitCode(done, interrupted.code) };
}

function ending({ results, directory, files, stopped, unreported, begun }: Synthesized): string[] {
  return [
    ...textTable(funnelTable(results)),
    "",
    ...summaryLines(results),
    "",
    ...files.map(({ name, what }) => `${join(directory, name)}: ${what}`),
    ...unreported === null ? [] : [unreported],
    // an earlier run's run.yaml continues that one
    ...stopped?.passing === true && begun
      ? [`Continue with: ${taskCommand("synth", [resolve(directory, "run.yaml")])}`]
      : [],
  ];
}

/** Exit code of a synthesis. @param stopCode Where a signal stopped it */
function exitCode({ stopped, results }: Synthesized, stopCode: number): number {
  if (stopped?.why === "signal") return stopCode;
  if (stopped?.why === "fatal") return 1;
  return results.complete ? 0 : 2;
}

async function dryRun(path: string, overrides: readonly string[]): Promise<void> {
  const { config, placeOf } = readSynthConfig(path, overrides);
  checkFolderPlace(config.out_dir, "out_dir");
  const plan = await planSynthesis(config, placeOf);
  if (!config.overwrite) refuseOtherIdentity(synthClaim(config, plan.parts.prompts));
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const { endpoints } = await openModels(config, registry, placeOf, printError);
  for (const endpoint of endpoints) await endpoint.close();
  if (config.budget.money !== undefined) needPrices(endpoints);
  print(stringify(redactValue({ synth: config })));
  const { counts, types } = wantedShares(plan);
  const table = (title: string, numbers: ReadonlyMap<string, number>) =>
    markdownTable({
      columns: [{ title, align: "left" }, { title: "wanted" }],
      rows: [...numbers].map(([name, count]) => [name, String(count)]),
    });
  const lines = [
    ...table("constraints a row", counts),
    "",
    ...table("type", types),
    "",
    `${plan.seeds.seeds.length} of ${plan.seeds.read} seeds are used${
      [...plan.seeds.left].map(([reason, count]) => `; ${count} left out: ${reason}`).join("")
    }`,
    ...[...plan.parts.exclusion.rows].map(([name, rows]) => `no row of ${name} gets in (${rows} rows)`),
    ...plan.notes.map((note) => `note: ${note}`),
  ];
  for (const line of lines) print(line);
}

/** `deno task synth`. @returns The exit code; undefined is 0 */
export async function synthTask(args: readonly string[]): Promise<number | void> {
  const given = parseArguments(args, FLAGS);
  const { config = DEFAULT_SYNTHESIS, overrides, flags } = given;
  if (flags.has("help")) {
    const keys = { section: "synth", texts: optionTexts(SynthOptions) };
    return print(taskHelp(helpTopic(given), USAGE, FLAGS, { keys, common: ["help", "dry-run"] }));
  }
  if (flags.has("dry-run")) return await dryRun(config, overrides);
  const json = flags.has("json");
  const done = await synthesizeFile(config, overrides, json ? printError : print);
  if (json) {
    print(
      JSON.stringify(
        {
          ...done.results,
          directory: done.directory,
          unreported: done.unreported,
          files: done.files,
          exit_code: done.code,
        },
        null,
        2,
      ),
    );
  }
  return done.code;
}

if (import.meta.main) {
  // not awaited: a plugin may import this module and would wait for it for ever
  void runTask(() => synthTask(Deno.args));
}
