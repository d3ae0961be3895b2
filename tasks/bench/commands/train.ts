/**
 * `deno task bench train`: its flags, and what they ask for.
 * @module
 */
import { fileURLToPath } from "node:url";

import { flagName, flagNames, flagNumber, flagText } from "../flag_values.ts";
import { benchTrain } from "../train/train.ts";
import { trainBenchText } from "../train/train_text.ts";
import { type BenchCommand, PROVIDER, PROVIDERS, threads } from "./command.ts";

const QUADS = fileURLToPath(new URL("../../../fixtures/bench/smollm2_quads.json", import.meta.url));

/** Training steps, beside a peer in turns. */
export const trainBench: BenchCommand = {
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
  run: async (given, view) => {
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
    }, view);
    return { found: { runs, peakGflops }, text: `\n${trainBenchText(runs, peakGflops)}` };
  },
};
