/**
 * Measures: `deno task bench train|data|kernels|generate|eval|serve|board`.
 *
 * ```sh
 * deno task bench train --stage iopo --model SMOLLM2 [--against "python3 tasks/bench/bench_iopo_torch.py"]
 * deno task bench data --tokenizer DIR
 * deno task bench kernels [--backend onnx,webgpu]
 * deno task bench generate --model MODEL.gguf [--against llama.cpp]
 * deno task bench eval [--local MODEL]
 * deno task bench serve
 * deno task bench board
 * deno task bench train --help                       # the flags of one bench
 * ```
 * Correctness is checked before anything is timed. Peers run in turns with us, so that ratios hold on a noisy machine.
 * @module
 */
import { didYouMean } from "../formats/did_you_mean.ts";
import { boardBench } from "./bench/commands/board.ts";
import { dataBench } from "./bench/commands/data.ts";
import { evalBench } from "./bench/commands/eval.ts";
import { generateBench } from "./bench/commands/generate.ts";
import { kernelsBench } from "./bench/commands/kernels.ts";
import { serveBench } from "./bench/commands/serve.ts";
import { trainBench } from "./bench/commands/train.ts";
import type { BenchCommand } from "./bench/commands/command.ts";
import { withBenchView } from "./bench/view.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";

const COMMON = { "help [TOPIC]": "this text, or about one flag", json: "one JSON object instead of a table" };

const BENCHES: Readonly<Record<string, BenchCommand>> = {
  train: trainBench,
  data: dataBench,
  kernels: kernelsBench,
  generate: generateBench,
  eval: evalBench,
  serve: serveBench,
  board: boardBench,
};

/** Carries out one bench; gives its exit code. @throws {RangeError} If there is none of the name, or a flag is wrong */
export async function bench(args: readonly string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  const chosen = Object.hasOwn(BENCHES, verb) ? BENCHES[verb] : undefined;
  if (chosen === undefined) {
    if (["", "--help", "-h"].includes(verb)) {
      print(helpText());
      return verb === "" ? 1 : 0;
    }
    const known = Object.keys(BENCHES);
    throw new RangeError(
      `Cannot bench ${JSON.stringify(verb)}${didYouMean(verb, known)}: benches are ${known.join(", ")}`,
    );
  }
  const flags = { ...chosen.flags, ...COMMON };
  const given = parseArguments(rest, flags, 0, false);
  if (given.flags.has("help")) {
    const lines = [`deno task bench ${verb} [flags]`, "", `For example: deno task bench ${chosen.example}`];
    print(taskHelp(helpTopic(given), lines, flags));
    return 0;
  }
  if (given.overrides.length > 0) {
    throw new RangeError(
      `Cannot use ${given.overrides[0]} as benches take flags: see deno task bench ${verb} --help`,
    );
  }
  const json = given.flags.has("json");
  const { found, text, failed = false } = await withBenchView(
    (view) => chosen.run(given, view),
    { print: json ? printError : print, ...json && { printsToTerminal: true } },
  );
  print(json ? JSON.stringify(found, null, 2) : text);
  return failed ? 1 : 0;
}

function helpText(): string {
  return [
    "deno task bench BENCH [flags]",
    "",
    ...Object.values(BENCHES).map(({ example }) => `  deno task bench ${example}`),
    "",
    "The flags of one: deno task bench train --help",
  ].join("\n");
}

if (import.meta.main) await runTask(() => bench(Deno.args));
