/**
 * Repeats the IOPO paper's comparison at the scale of this machine: base, SFT, DPO, IOPO and its two ablations on the same items.
 *
 * ```sh
 * deno task replicate                      # the bundled tiny model, some minutes, offline
 * deno task replicate smollm2              # SmolLM2-135M with quadruples that rules proved, about an hour of one core
 * deno task replicate REPLICATE.yaml [key=value ...]  # the same command continues what was stopped or killed
 * ```
 * Exit code: 0 done, whoever wins; 1 an error; 130, 143, 129 stopped by
 * Ctrl-C, SIGTERM, a closed terminal.
 * @module
 */
import { join, resolve } from "@std/path";
import { stringify } from "yaml";

import { didYouMean } from "../formats/did_you_mean.ts";
import { exists } from "../formats/exists.ts";
import { openModel } from "../formats/hf_model/mod.ts";
import { HubUnreachable, resolveCommit } from "../formats/hub/mod.ts";
import { redactValue } from "../formats/secrets.ts";
import { optionTexts } from "../plugins/kinds/option_words.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { checkFolderPlace } from "./common/folders/folder_place.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { taskCommand } from "./common/process/command.ts";
import { REPLICATIONS } from "./common/config/default_files.ts";
import { alignedRows, textTable, wrapped } from "./common/report/table.ts";
import { readReplicateConfig, type ReplicateConfig, ReplicateOptions } from "./replicate/config.ts";
import { checkReplicationFolder } from "./replicate/identity.ts";
import { METHODS } from "./replicate/methods.ts";
import { checkTrainings } from "./replicate/plan.ts";
import { readItems } from "./replicate/records.ts";
import { writeReplication } from "./replicate/report/mod.ts";
import { replicate, workText } from "./replicate/run.ts";
import { continuable } from "./sweep/continuable.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag or key; --help all: every key",
  "dry-run": "check everything, print the configuration and what would be trained; trains nothing",
};

const USAGE = [
  "deno task replicate [tiny | smollm2 | REPLICATE.yaml] [key=value ...]",
  "",
  "Examples:",
  "  deno task replicate                        the bundled tiny model, some minutes",
  "  deno task replicate smollm2 --dry-run      what it would train, and on what",
  "  deno task replicate smollm2 'seeds=[0, 1, 2]' steps=40 out_dir=saves/long",
  "  deno task replicate saves/replicate/tiny/run.yaml   continues, or writes the tables again",
];

/** The file of a name such as `tiny`, or the file itself. @throws {RangeError} If it is neither */
function replicationFile(word: string): string {
  if (Object.hasOwn(REPLICATIONS, word)) return REPLICATIONS[word] ?? word;
  if (exists(word) || /[./\\]/.test(word)) return word;
  const names = Object.keys(REPLICATIONS);
  throw new RangeError(
    `Cannot replicate ${word} as a file or one of ${names.join(", ")} is needed${didYouMean(word, names)}`,
  );
}

/** Carries out a replication; prints its tables. */
function replicateFile(config: ReplicateConfig): Promise<number> {
  return continuable(taskCommand("replicate", [resolve(config.out_dir, "run.yaml")]), async (given) => {
    const done = await replicate(config, given);
    const { report: { sections, remarks }, files } = await writeReplication(done);
    for (const { title, table } of sections) print(["", title, "", ...textTable(table)].join("\n"));
    print(["", ...remarks.flatMap((remark) => wrapped(`- ${remark}`.split(" ")))].join("\n"));
    const rows = files.map(({ name, what }) => [join(config.out_dir, name), what]);
    print(["", ...alignedRows(rows)].join("\n"));
  });
}

/**
 * Opens a model that is on this machine; downloads nothing of one on a hub, and says so.
 * @throws {RangeError} If it is neither there nor on the hub, or can't be read
 */
async function modelNotes(model: string): Promise<string[]> {
  if (exists(model)) {
    (await openModel(model)).weights.close();
    return [];
  }
  try {
    const commit = await resolveCommit(model);
    return [
      `the model ${model} is the commit ${commit} of the hub: the replication itself opens it, after a download where need be`,
    ];
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    return [`${error.message}. Nothing of it is checked here, and the replication itself needs it`];
  }
}

async function dryRun(config: ReplicateConfig): Promise<void> {
  checkFolderPlace(config.out_dir, "out_dir");
  checkReplicationFolder(config);
  checkTrainings(config);
  const unseen = await modelNotes(config.model);
  const { train, validation, test, notes } = await readItems(config);
  print(stringify(redactValue({ replicate: config })));
  const { learning_rates, seeds, quads, steps } = config;
  const trainings = METHODS.map(({ title, rates, perQuad, keys }) => [
    title,
    `${learning_rates[rates].length} to choose from + ${seeds.length - 1}`,
    `${steps} steps of ${quads * perQuad} records, stage ${keys.stage}`,
  ]);
  const lines = [
    ...alignedRows(trainings),
    "",
    `${train.length} quadruples of training, ${validation.length} of validation, ${test.length} test instructions`,
    ...workText(config, { validation, test }),
    ...[...notes, ...unseen].map((note) => `note: ${note}`),
  ];
  for (const line of lines) print(line);
}

/** `deno task replicate`. @returns The exit code; undefined is 0 */
export async function replicateTask(args: readonly string[]): Promise<number | void> {
  const given = parseArguments(args, FLAGS);
  const { config: word = "tiny", overrides, flags } = given;
  if (flags.has("help")) {
    const keys = { section: "replicate", texts: optionTexts(ReplicateOptions) };
    return print(taskHelp(helpTopic(given, Object.keys(REPLICATIONS)), USAGE, FLAGS, { keys }));
  }
  const { config } = readReplicateConfig(replicationFile(word), overrides);
  if (flags.has("dry-run")) return await dryRun(config);
  return await replicateFile(config);
}

if (import.meta.main) {
  // not awaited: a plugin may import this module and would wait for it for ever
  void runTask(() => replicateTask(Deno.args));
}
