/**
 * The command lines of `deno task eval`: evaluate, `eval compare`, `eval card`.
 * @module
 */
import { didYouMean, nearest } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import { parseArguments, wholeNumber } from "../common/cli/arguments.ts";
import { helpTopic, taskHelp } from "../common/cli/help.ts";
import { tablePaths } from "../common/report/table_files.ts";
import { EVAL_STAGES, type EvalStage } from "./asking/stages.ts";

/** A parsed command line. */
export type Command =
  | { verb: "help"; text: string }
  | {
    verb: "evaluate";
    config: string | undefined;
    overrides: string[];
    stage: EvalStage | undefined;
    dryRun: boolean;
    ping: boolean;
    json: boolean;
    fresh: boolean;
    rejudge: boolean;
  }
  | { verb: "compare"; runs: [string, string]; json: boolean; out: string[]; failIfWorse: string | undefined }
  | {
    verb: "card";
    run: string;
    reference: string | undefined;
    scale: number;
    reorder: number;
    json: boolean;
  };

const EVALUATE = {
  "help [TOPIC]": "this text, or about one flag or key; --help all: every key",
  "dry-run":
    "check everything, print the configuration and what would be asked: requests, tokens, cost, time",
  ping: "with --dry-run: one real request to each endpoint",
  json: "the results, or the dry run, as JSON on standard output; all else goes to standard error",
  "stage STAGE": "only generate, judge, score or report",
  fresh: "ask for every answer that the run lacks, without the response cache",
  rejudge: "give every verdict again, those of a finished run too",
  rescore: "score and report again what is there; asks nothing",
};

const COMPARE = {
  "help [TOPIC]": "this text, or about one flag",
  json: "JSON on standard output",
  "out FILE":
    "write the table: FILE.md, FILE.csv, FILE.tex, several with commas, or all three without an ending",
  "fail-if-worse [SCORE]": "exit with 3 if the second run is worse in this score; default: the headline",
};

const CARD = { "help [TOPIC]": "this text, or about one flag", json: "JSON on standard output" };

const USAGE = {
  evaluate: [
    "deno task eval [EVALUATOR.yaml] [key=value ...]",
    "deno task eval compare --help",
    "deno task eval card --help",
    "",
    "Examples:",
    "  deno task eval                                the bundled benchmark and model",
    "  deno task eval eval.yaml --dry-run --ping     costs, and whether all answer",
    "  deno task eval eval.yaml model.args.name=m2 out_dir=saves/m2 threshold=0.7",
    "  deno task eval saves/m2/run.yaml --rejudge    every verdict of that run again",
  ],
  compare: [
    "deno task eval compare RUN_A RUN_B",
    "",
    "Example:",
    "  deno task eval compare saves/m1 saves/m2 --out tables --fail-if-worse=followed",
  ],
  card: [
    "deno task eval card RUN [reference=FILE|rules|labels|RUN] [scale=1] [reorder=0]",
    "",
    "reference: verdicts to compare with: a file, the rules, a person's marks (labels; the default where there are some), or another run",
    "scale: what a file's verdicts run to",
    "reorder=N: ask the judge again about N answers with the constraints in reverse order",
    "",
    "Examples:",
    "  deno task eval card saves/m1                               a judge beside nothing: how it answers",
    "  deno task eval card saves/m1 reference=rules               beside the rules, where both judge",
    "  deno task eval card saves/m1 reference=people.jsonl scale=5   beside people's scores from 0 to 5",
    "  deno task eval card saves/m1 reorder=50                    and with the constraints in reverse order",
  ],
};

/** Words that stand in front of runs in place of an evaluator's file. */
const VERBS = ["compare", "card"];

/** Flags of the first screen of help. */
const COMMON = ["help", "dry-run", "rejudge"];

/** Flags of earlier versions, and the verbs that they are now. */
const OLD_FLAGS: Readonly<Record<string, string>> = { "--compare": "compare", "--judge-card": "card" };

/**
 * Reads a command line.
 * @param note Told where a flag of an earlier version is used
 * @param keys Keys of the configuration, for `--help`
 * @throws {RangeError} If a flag or what a verb needs is wrong or missing
 */
export function readCommand(
  args: readonly string[],
  note: (text: string) => void = () => {},
  keys: () => Readonly<Record<string, string>> = () => ({}),
): Command {
  const old = args.find((arg) => Object.hasOwn(OLD_FLAGS, arg));
  if (old !== undefined) {
    const verb = OLD_FLAGS[old] ?? "";
    note(`note: ${old} is now written: deno task eval ${verb} ...`);
    return readCommand([verb, ...args.filter((arg) => arg !== old)], note, keys);
  }
  const [verb, ...rest] = args;
  if (verb === "compare") return readCompare(rest);
  if (verb === "card") return readCard(rest);
  refuseMisspelt(args);
  return readEvaluate(args, keys);
}

/** @throws {RangeError} If the first of several words is nearly a verb: no evaluation has two files */
function refuseMisspelt([first = "", ...rest]: readonly string[]): void {
  const isRun = (arg: string, at: number) =>
    !arg.startsWith("-") && !arg.includes("=") && !["--stage", "--help"].includes(rest[at - 1] ?? "");
  const near = /^\w+$/.test(first) && rest.some(isRun) ? nearest(first, VERBS) : undefined;
  if (near === undefined) return;
  throw new RangeError(
    `Cannot use the word ${
      shown(first)
    } - did you mean "${near}"?: write deno task eval ${near} --help for what it takes`,
  );
}

function readEvaluate(args: readonly string[], keys: () => Readonly<Record<string, string>>): Command {
  const given = parseArguments(args, EVALUATE);
  const { config, overrides, flags, values } = given;
  if (flags.has("help")) {
    const own = { section: "evaluator", texts: keys() };
    return {
      verb: "help",
      text: taskHelp(helpTopic(given), USAGE.evaluate, EVALUATE, { keys: own, common: COMMON }),
    };
  }
  const dryRun = flags.has("dry-run");
  if (flags.has("ping") && !dryRun) throw new RangeError("Cannot use --ping without --dry-run");
  const stages = [values.get("stage"), ...(flags.has("rescore") ? ["report"] : [])].filter((s) =>
    s !== undefined
  );
  const [stage] = stages;
  if (stages.length > 1) {
    throw new RangeError("Cannot use both --stage and --rescore: --rescore is two stages");
  }
  if (stage !== undefined && !isStage(stage)) {
    throw new RangeError(
      `Cannot run the stage "${stage}"${didYouMean(stage, EVAL_STAGES)}: stages are ${
        EVAL_STAGES.join(", ")
      }`,
    );
  }
  const rejudge = flags.has("rejudge");
  if (rejudge && stage !== undefined && stage !== "judge") {
    throw new RangeError(
      `Cannot use --rejudge as the stage ${stage} gives no verdicts: leave one of the two out`,
    );
  }
  return {
    verb: "evaluate",
    config,
    overrides,
    stage,
    dryRun,
    rejudge,
    ...switches(flags, ["ping", "json", "fresh"]),
  };
}

function switches<K extends string>(
  flags: ReadonlySet<string>,
  names: readonly K[],
): Record<K, boolean> {
  return Object.fromEntries(names.map((name) => [name, flags.has(name)])) as Record<K, boolean>;
}

function isStage(name: string): name is EvalStage {
  return (EVAL_STAGES as readonly string[]).includes(name);
}

function readCompare(args: readonly string[]): Command {
  const given = parseArguments(args, COMPARE, 2, false);
  const { words, overrides, flags, values } = given;
  if (flags.has("help")) {
    return { verb: "help", text: taskHelp(helpTopic(given), USAGE.compare, COMPARE) };
  }
  const [first, second] = words;
  if (first === undefined || second === undefined || overrides.length > 0) {
    throw new RangeError(
      `Cannot compare as two run directories are needed: current value is ${
        [...words, ...overrides].join(" ") || "none"
      }`,
    );
  }
  const out = (values.get("out") ?? "").split(",").map((path) => path.trim()).filter((path) => path !== "");
  const json = flags.has("json");
  return {
    verb: "compare",
    runs: [first, second],
    json,
    out: tablePaths(out),
    failIfWorse: values.get("fail-if-worse"),
  };
}

function readCard(args: readonly string[]): Command {
  const read = parseArguments(args, CARD);
  const { words: [run], overrides, flags } = read;
  if (flags.has("help")) return { verb: "help", text: taskHelp(helpTopic(read), USAGE.card, CARD) };
  const known = ["reference", "scale", "reorder"];
  const given = new Map(
    overrides.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
  );
  for (const key of given.keys()) {
    if (!known.includes(key)) {
      throw new RangeError(
        `Cannot use "${key}" for a judge card${didYouMean(key, known)}: known are ${known.join(", ")}`,
      );
    }
  }
  const scale = Number(given.get("scale") ?? 1);
  if (run === undefined || !(scale > 0)) {
    throw new RangeError(
      "Cannot make a judge card as a run directory and a scale above 0 are needed: current value is " +
        `${run ?? "no directory"}, scale ${given.get("scale") ?? 1}; write ` +
        "deno task eval card RUN [reference=FILE|rules|labels|RUN] [scale=1] [reorder=0]",
    );
  }
  const reorder = wholeNumber({ values: given }, "reorder", "reorder") ?? 0;
  return { verb: "card", run, reference: given.get("reference"), scale, reorder, json: flags.has("json") };
}
