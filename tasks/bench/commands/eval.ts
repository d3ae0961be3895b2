/**
 * `deno task bench eval`: its flags, and what they ask for.
 * @module
 */
import { benchEval, evalBenchText } from "../eval/eval.ts";
import { benchLocalEval, FORMS, localEvalText } from "../eval/eval_local.ts";
import { flagName, flagNames, flagNumber, flagNumbers } from "../flag_values.ts";
import { type BenchCommand, PROVIDER, PROVIDERS } from "./command.ts";

/** Flags of one of the two kinds of runs. */
const ONLY_LOCAL = ["weights", "tokens", "backend", "provider"];
const ONLY_MOCK = ["faults", "latency", "concurrency", "against"];

/** Evaluations against a mock server, or by a local model. */
export const evalBench: BenchCommand = {
  example: "eval --items 10000,100000 --latency 5",
  flags: {
    "items N,N": "items of the runs (1042); more than TRACE's 1,042 are made up",
    faults: "2,000 items, also with 5 % of requests answered by HTTP 500, in turns",
    "latency MS": "until the mock server answers (50)",
    "concurrency N": "requests at once (64)",
    "rounds N": "how often (1)",
    "against COMMAND": 'another program, in turns; "python3 tasks/bench/inspect_ai.py" is one for inspect_ai',
    "local MODEL":
      "instead of the mock server: 50 IFEval prompts by the endpoint local; --items and --rounds count",
    "weights NAMES": `with --local, in turns: ${Object.keys(FORMS).join(",")} (float32,stored)`,
    "tokens N": "of an answer with --local, at most (256)",
    "backend NAME": "with --local: onnx (default), webgpu or reference",
    "provider NAME": `with --local, ${PROVIDER}`,
  },
  run: async (given, view) => {
    const model = given.values.get("local");
    const unused = (model === undefined ? ONLY_LOCAL : ONLY_MOCK).find((name) =>
      given.flags.has(name) || given.values.has(name)
    );
    if (unused !== undefined) {
      throw new RangeError(
        model === undefined
          ? `Cannot use --${unused} without --local: the mock server runs no model`
          : `Cannot use --${unused} with --local: it is of runs against the mock server`,
      );
    }
    if (model !== undefined) {
      const known = Object.keys(FORMS) as (keyof typeof FORMS)[];
      const work = {
        model,
        forms: given.values.has("weights")
          ? flagNames(given, "weights", known)
          : ["float32", "stored"] as const,
        items: flagNumber(given, "items", 50),
        tokens: flagNumber(given, "tokens", 256),
        rounds: flagNumber(given, "rounds", 1),
        backend: flagName(given, "backend", ["onnx", "webgpu", "reference"]),
        provider: flagName(given, "provider", PROVIDERS),
      };
      const figures = await benchLocalEval(work, view);
      return { found: { ...work, figures }, text: `\n${localEvalText(work, figures)}` };
    }
    const faults = given.flags.has("faults");
    const found = await benchEval({
      items: flagNumbers(given, "items", [faults ? 2000 : 1042]),
      latencyMs: flagNumber(given, "latency", 50),
      concurrency: flagNumber(given, "concurrency", 64),
      rounds: flagNumber(given, "rounds", 1),
      faults: faults ? 0.05 : 0,
      against: given.values.get("against") ?? null,
    }, view);
    return { found, text: evalBenchText(found) };
  },
};
