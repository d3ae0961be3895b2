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
import { fileURLToPath } from "node:url";

import { didYouMean } from "../formats/did_you_mean.ts";
import { benchKernels } from "../kernels/kernels_bench.ts";
import { benchShapes, type ShapeTiming } from "../kernels/shapes_bench.ts";
import { makeBackend } from "../kernels/engine/backends.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { benchBoard, boardBenchText } from "./bench/board.ts";
import { benchData } from "./bench/data.ts";
import { benchEval, evalBenchText } from "./bench/eval.ts";
import { benchLocalEval, FORMS, localEvalText } from "./bench/eval_local.ts";
import { flagName, flagNames, flagNumber, flagNumbers, flagText } from "./bench/flag_values.ts";
import { benchGenerate, generateBenchText } from "./bench/generate.ts";
import { kernelBenchText } from "./bench/kernels.ts";
import { benchServe, serveBenchText } from "./bench/serve.ts";
import { shapesText } from "./bench/shapes.ts";
import { benchTrain, trainBenchText } from "./bench/train.ts";
import { type Arguments, parseArguments, print, printError, runTask } from "./common/cli.ts";
import { helpTopic, taskHelp } from "./common/help.ts";
import { DEFAULT_MODEL } from "./common/default_files.ts";

const QUADS = fileURLToPath(new URL("../fixtures/bench/smollm2_quads.json", import.meta.url));
const COMMON = { "help [TOPIC]": "this text, or about one flag", json: "one JSON object instead of a table" };

const PROVIDERS = ["cpu", "cuda", "webgpu"] as const, PROVIDER = "of onnx: cpu (default), cuda or webgpu";

/** Result of a bench, and the same as text. */
interface Found {
  found: unknown;
  text: string;
  /** Whether something was wrong beside slow. */
  failed?: boolean;
}

/** One bench: its flags, and what it does with their values. */
interface Bench {
  example: string;
  flags: Readonly<Record<string, string>>;
  run(given: Arguments, say: (line: string) => void): Promise<Found>;
}

const train: Bench = {
  example: "train --model PATH --stage iopo --steps 3",
  flags: {
    "model PATH": "folder or GGUF file; needed",
    "quads FILE": "token ids of the model (fixtures/bench/smollm2_quads.json, for SmolLM2-135M-Instruct)",
    "stage NAME": "iopo (default), dpo or sft",
    "steps N": "timed steps of a process, after one that isn't counted (3)",
    "quadruples N": "of a step (8)",
    "rounds N": "processes of each kind, in turns (1)",
    "checkpointing NAME": "on, off or both (default)",
    "against COMMAND":
      '"python3 tasks/bench/bench_iopo_torch.py", or a script with its options, on the same ids',
    "dtypes NAMES": "of the peer (float32,bfloat16)",
    "threads N": "of each process (OMP_NUM_THREADS, or one per core)",
    "trainer NAME": "local (default), or torch with the first of dtypes (docs/scale.md)",
    compile:
      "compile blocks with torch.compile (trainer torch; minutes in the first step, which isn't timed)",
    "backend NAME": "of the local trainer: onnx (default) or webgpu",
    "provider NAME": PROVIDER,
    "operands NAME":
      "of products with frozen weights on onnx: float32 (default), bf16 or fp16; on the CPU they are rounded only, to try a device's programs by",
    "tensors NAME": "between programs of onnx: host (default) or device (docs/cuda.md)",
    "weights NAMES": "forms of our frozen weights, in turns: float32, 8, 4 bits (float32)",
    profile: "show a step by kinds of work (onnx)",
  },
  run: async (given, say) => {
    const checkpointing = flagName(given, "checkpointing", ["both", "on", "off"]);
    const { runs, peakGflops } = await benchTrain({
      stage: flagName(given, "stage", ["iopo", "dpo", "sft"]),
      model: flagText(given, "model"),
      quads: given.values.get("quads") ?? QUADS,
      steps: flagNumber(given, "steps", 3),
      quadruples: flagNumber(given, "quadruples", 8),
      rounds: flagNumber(given, "rounds", 1),
      checkpointing: checkpointing === "both" ? ["off", "on"] : [checkpointing],
      against: given.values.get("against") ?? null,
      dtypes: flagNames(given, "dtypes", ["float32", "bfloat16"]),
      threads: threads(given),
      trainer: flagName(given, "trainer", ["local", "torch"]),
      backend: flagName(given, "backend", ["onnx", "webgpu"]),
      provider: flagName(given, "provider", PROVIDERS),
      operands: flagName(given, "operands", ["float32", "bf16", "fp16"]),
      tensors: flagName(given, "tensors", ["host", "device"]),
      weights: given.values.has("weights") ? flagNames(given, "weights", ["float32", "8", "4"]) : ["float32"],
      profile: given.flags.has("profile"),
      compile: given.flags.has("compile"),
    }, say);
    return { found: { runs, peakGflops }, text: `\n${trainBenchText(runs, peakGflops)}` };
  },
};

const data: Bench = {
  example: "data --tokenizer DIR",
  flags: {
    "tokenizer PATH": "folder of tokenizer.json, or a GGUF file; needed",
    "template NAME": "chat template",
    "rows N": "rows to encode",
  },
  run: async (given) => {
    const template = given.values.get("template");
    const found = await benchData(builtinRegistry(), {
      tokenizer: flagText(given, "tokenizer"),
      ...(template !== undefined && { template }),
      ...(given.flags.has("rows") && { rows: flagNumber(given, "rows") }),
    });
    const { rows, tokensPerRow, seconds, peakBytes, cachedSeconds } = found;
    const text = `${rows} rows of ${tokensPerRow.toFixed(0)} tokens in ${seconds.toFixed(1)} s, ` +
      `${(peakBytes / 2 ** 20).toFixed(0)} MiB at most; ${cachedSeconds.toFixed(1)} s from the cache`;
    return { found, text };
  },
};

const kernels: Bench = {
  example: "kernels --backend onnx",
  flags: {
    "backend NAMES": "onnx,webgpu (default) or one of them",
    "provider NAME": PROVIDER,
    "rows N": "tokens of a row, a multiple of 4 (512; 64 where an adapter is a CPU)",
    "threads N": "of the onnx backend (OMP_NUM_THREADS, or one per core)",
    shapes:
      "products over the shapes of whole models instead, each beside its neighbours (one small model where an adapter is a CPU)",
  },
  run: async (given) => {
    const names = flagNames(given, "backend", ["onnx", "webgpu"]),
      provider = flagName(given, "provider", PROVIDERS);
    const backends = await Promise.all(
      names.map((backend) => makeBackend({ backend, provider, threads: threads(given) })),
    );
    if (given.flags.has("shapes")) {
      const rows = given.flags.has("rows") ? { rows: [flagNumber(given, "rows")] } : {};
      const found: ShapeTiming[][] = [], texts: string[] = [];
      for (const backend of backends) {
        const shapes = await benchShapes(backend, rows);
        found.push(shapes);
        texts.push(shapesText(backend.description, shapes));
        await backend.dispose();
      }
      return {
        found: Object.fromEntries(names.map((name, i) => [name, found[i]])),
        text: texts.join("\n\n"),
      };
    }
    const found = await benchKernels(
      backends,
      given.flags.has("rows") ? { rows: flagNumber(given, "rows") } : {},
    );
    for (const backend of backends) await backend.dispose();
    return { found, text: kernelBenchText(found) };
  },
};

const generate: Bench = {
  example: "generate --model MODEL.gguf --against llama.cpp",
  flags: {
    "model PATH": "folder or GGUF file; needed",
    "against llama.cpp": "in turns with it, on a GGUF file; installed by npm into a temporary folder",
    "backend NAME": "onnx (default), webgpu or reference",
    "provider NAME": PROVIDER,
    "quantization NAME": "stored (default: a GGUF file's own bits), float32, 4 or 8",
    "prompt N": "tokens of the prompt (512)",
    "steps N": "timed steps (64)",
    "streams N": "answers at once (8)",
    "rounds N": "processes of each kind, in turns (1)",
    "threads N": "of the onnx backend (OMP_NUM_THREADS, or one per core)",
  },
  run: async (given, say) => {
    const backend = flagName(given, "backend", ["onnx", "webgpu", "reference"]);
    const bits = flagName(given, "quantization", ["stored", "float32", "4", "8"]);
    const what = {
      model: flagText(given, "model"),
      device: { backend, provider: flagName(given, "provider", PROVIDERS), threads: threads(given) },
      quantization: bits === "4" ? 4 as const : bits === "8" ? 8 as const : bits,
      prompt: flagNumber(given, "prompt", 512),
      steps: flagNumber(given, "steps", 64),
      streams: flagNumber(given, "streams", 8),
      rounds: flagNumber(given, "rounds", 1),
      against: given.values.has("against") && flagName(given, "against", ["llama.cpp"]) === "llama.cpp",
    };
    const found = await benchGenerate(what, say);
    return { found: { ...what, ...found }, text: `\n${generateBenchText(what, found)}` };
  },
};

const evaluation: Bench = {
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
  run: async (given, say) => {
    const model = given.values.get("local");
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
      const figures = await benchLocalEval(work, say);
      return { found: { ...work, figures }, text: `\n${localEvalText(work, figures)}` };
    }
    const other = ["backend", "provider"].find((name) => given.flags.has(name));
    if (other) throw new RangeError(`Cannot use --${other} without --local: the mock server runs no model`);
    const faults = given.flags.has("faults");
    const found = await benchEval({
      items: flagNumbers(given, "items", [faults ? 2000 : 1042]),
      latencyMs: flagNumber(given, "latency", 50),
      concurrency: flagNumber(given, "concurrency", 64),
      rounds: flagNumber(given, "rounds", 1),
      faults: faults ? 0.05 : 0,
      against: given.values.get("against") ?? null,
    });
    return { found, text: evalBenchText(found) };
  },
};

const serving: Bench = {
  example: "serve --clients 32 --seconds 120",
  flags: {
    "model PATH": "folder or GGUF file (the bundled tiny model)",
    "clients N": "clients at once (32)",
    "seconds N": "how long (120)",
    "prompts N": "different prompts (48)",
    "tokens N": "of an answer, at most (48)",
    "backend NAME": "of the server: auto (default), onnx, webgpu or reference",
    "provider NAME": PROVIDER,
  },
  run: async (given, say) => {
    const load = {
      clients: flagNumber(given, "clients", 32),
      requests: null,
      seconds: flagNumber(given, "seconds", 120),
      prompts: flagNumber(given, "prompts", 48),
      tokens: flagNumber(given, "tokens", 48),
    };
    const found = await benchServe(
      {
        model: given.values.get("model") ?? DEFAULT_MODEL,
        backend: flagName(given, "backend", ["auto", "onnx", "webgpu", "reference"]),
        provider: flagName(given, "provider", PROVIDERS),
      },
      load,
      say,
    );
    return { found, text: serveBenchText(found), failed: found.lost.length + found.mixed.length > 0 };
  },
};

const board: Bench = {
  example: "board --runs 50 --steps 10000",
  flags: {
    "runs N": "training runs on one chart (50)",
    "steps N": "logged steps of each (10000)",
    "items N": "items of the evaluation (100000)",
  },
  run: async (given) => {
    const load = {
      runs: flagNumber(given, "runs", 50),
      steps: flagNumber(given, "steps", 10_000),
      items: flagNumber(given, "items", 100_000),
    };
    const found = await benchBoard(load);
    return { found, text: boardBenchText(found) };
  },
};

const BENCHES: Readonly<Record<string, Bench>> = {
  train,
  data,
  kernels,
  generate,
  eval: evaluation,
  serve: serving,
  board,
};

/** Carries out one bench; gives its exit code. */
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
  const given = parseArguments(rest, flags, 0);
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
  const { found, text, failed = false } = await chosen.run(given, json ? printError : print);
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

function threads(given: Arguments): number | null {
  return given.flags.has("threads") ? flagNumber(given, "threads") : null;
}

if (import.meta.main) await runTask(() => bench(Deno.args));
