/**
 * Measures: `deno task bench train|data|kernels|generate|eval`.
 *
 * ```sh
 * deno task bench train --stage iopo --model SMOLLM2 [--against "python3 tasks/bench/bench_iopo_torch.py"]
 * deno task bench data --tokenizer DIR
 * deno task bench kernels [--backends onnx,webgpu]
 * deno task bench generate --model MODEL
 * deno task bench eval
 * ```
 * Correctness is checked before anything is timed. Peers run in turns with us, so that ratios hold on a noisy machine.
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { benchKernels, kernelBenchText } from "../kernels/kernels_bench.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { benchEval, evalBenchText } from "./bench/eval.ts";
import { makeBackend } from "../kernels/engine/backends.ts";
import { benchGenerate, generateBenchText } from "./bench/generate.ts";
import { benchData } from "./bench/data.ts";
import { benchTrain, trainBenchText } from "./bench/train.ts";
import { runTask } from "./common/cli.ts";

const HELP = `Usage
  deno task bench train --model PATH [options]
    --quads FILE                token ids of the model (fixtures/bench/smollm2_quads.json, for SmolLM2-135M-Instruct)
    --stage iopo|dpo|sft        which work (iopo)
    --steps N                   timed steps of a process, after one that isn't counted (3)
    --rounds N                  processes of each kind, in turns (1)
    --checkpointing on|off|both settings to try (both)
    --against "python3 SCRIPT"  tasks/bench/bench_iopo_torch.py, or a script with its options, on the same ids
    --dtypes float32,bfloat16   of the peer (float32,bfloat16)
    --threads N                 of each process (one per core)
  deno task bench data --tokenizer DIR|FILE [--template NAME] [--rows N]
  deno task bench kernels [options]
    --backends onnx,webgpu      where (onnx,webgpu)
    --rows N                    tokens of a row, a multiple of 4 (512; 64 where an adapter is a CPU)
  deno task bench generate --model PATH [options]
    --backend onnx              where (onnx, webgpu or reference)
    --prompt N --steps N        tokens of the prompt (512), timed steps (32)
    --batches 1,8               answers at once
  deno task bench eval [options]
    --items N,N                 items of the runs (1042); more than TRACE's 1,042 are made up. With
                                10000,100000 --latency 5: memory doesn't grow
    --faults                    2,000 items, also with 5 % of requests answered by HTTP 500, in turns
    --latency MS                until the mock server answers (50)
    --concurrency N             requests at once (64)
    --rounds N                  how often (1)
    --against "python3 SCRIPT"  another program, in turns; tasks/bench/inspect_ai.py is one for inspect_ai
  --json                        one JSON object instead of a table`;

const QUADS = fileURLToPath(new URL("../fixtures/bench/smollm2_quads.json", import.meta.url));

const OPTIONS = {
  stage: { type: "string", default: "iopo" },
  model: { type: "string" },
  quads: { type: "string", default: QUADS },
  steps: { type: "string" },
  rounds: { type: "string", default: "1" },
  checkpointing: { type: "string", default: "both" },
  against: { type: "string" },
  dtypes: { type: "string", default: "float32,bfloat16" },
  threads: { type: "string" },
  tokenizer: { type: "string" },
  template: { type: "string" },
  rows: { type: "string" },
  backends: { type: "string", default: "onnx,webgpu" },
  backend: { type: "string", default: "onnx" },
  prompt: { type: "string", default: "512" },
  batches: { type: "string", default: "1,8" },
  items: { type: "string" },
  faults: { type: "boolean", default: false },
  latency: { type: "string", default: "50" },
  concurrency: { type: "string", default: "64" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** What a bench found, and the same as text. */
interface Found {
  found: unknown;
  text: string;
}

const BENCHES: Readonly<Record<string, (a: Values, say: (line: string) => void) => Promise<Found>>> = {
  train: async (a, say) => {
    const stage = oneOf("stage", a.stage, ["iopo", "dpo", "sft"]);
    const { runs, peakGflops } = await benchTrain({
      stage,
      model: need(a, "model"),
      quads: need(a, "quads"),
      steps: count(a.steps, 3),
      rounds: count(a.rounds, 1),
      checkpointing: a.checkpointing === "both"
        ? ["off", "on"]
        : [oneOf("checkpointing", a.checkpointing, ["on", "off"])],
      against: a.against ?? null,
      dtypes: a.dtypes.split(",").map((dtype) => oneOf("dtypes", dtype, ["float32", "bfloat16"])),
      threads: threads(a),
    }, say);
    return { found: { runs, peakGflops }, text: `\n${trainBenchText(runs, peakGflops)}` };
  },
  data: async (a) => {
    const found = await benchData(builtinRegistry(), {
      tokenizer: need(a, "tokenizer"),
      ...(a.template !== undefined && { template: a.template }),
      ...(a.rows !== undefined && { rows: count(a.rows, 0) }),
    });
    const { rows, tokensPerRow, seconds, peakBytes, cachedSeconds } = found;
    const text = `${rows} rows of ${tokensPerRow.toFixed(0)} tokens in ${seconds.toFixed(1)} s, ` +
      `${(peakBytes / 2 ** 20).toFixed(0)} MiB at most; ${cachedSeconds.toFixed(1)} s from the cache`;
    return { found, text };
  },
  kernels: async (a) => {
    const known = ["onnx", "webgpu"] as const;
    const names = a.backends.split(",").map((name) => oneOf<"onnx" | "webgpu">("backends", name, known));
    const backends = await Promise.all(
      names.map((backend) => makeBackend({ backend, provider: "cpu", threads: threads(a) })),
    );
    const found = await benchKernels(backends, a.rows === undefined ? {} : { rows: count(a.rows, 0) });
    for (const backend of backends) await backend.dispose();
    return { found, text: kernelBenchText(found) };
  },
  generate: async (a) => {
    const backend = oneOf("backend", a.backend, ["onnx", "webgpu", "reference"]);
    const what = {
      model: need(a, "model"),
      device: { backend, provider: "cpu" as const, threads: threads(a) },
      prompt: count(a.prompt, 512),
      steps: count(a.steps, 32),
      batches: a.batches.split(",").map((batch) => count(batch, 1)),
    };
    const figures = await benchGenerate(what);
    return { found: { ...what, ...figures }, text: generateBenchText(what, figures) };
  },
  eval: async (a) => {
    const found = await benchEval({
      items: (a.items ?? (a.faults ? "2000" : "1042")).split(",").map((items) => count(items, 1042)),
      latencyMs: count(a.latency, 50),
      concurrency: count(a.concurrency, 64),
      rounds: count(a.rounds, 1),
      faults: a.faults ? 0.05 : 0,
      against: a.against ?? null,
    });
    return { found, text: evalBenchText(found) };
  },
};

/** Carries out one bench; gives its exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  const name = positionals[0];
  if (values.help || name === undefined) {
    console.log(HELP);
    return values.help ? 0 : 1;
  }
  const { found, text } = await BENCHES[oneOf("bench", name, Object.keys(BENCHES))]!(
    values as Values,
    values.json ? console.error : console.log,
  );
  console.log(values.json ? JSON.stringify(found, null, 2) : text);
  return 0;
}

function need(a: Values, name: "model" | "quads" | "tokenizer"): string {
  const value = a[name];
  if (value === undefined) throw new RangeError(`Cannot bench without --${name}. See --help`);
  return value;
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new RangeError(`Cannot use ${name} "${value}": ${known.join(", ")} are known`);
  }
  return found;
}

function count(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`Cannot count "${text}": a whole number above 0 is needed`);
  }
  return value;
}

function threads(a: Values): number | null {
  return a.threads === undefined ? null : count(a.threads, 1);
}

if (import.meta.main) await runTask(() => bench(Deno.args));
