/**
 * `deno task bench generate`: its flags, and what they ask for.
 * @module
 */
import { flagName, flagNumber, flagText } from "../flag_values.ts";
import { benchGenerate, generateBenchText } from "../generate/generate.ts";
import { type BenchCommand, PROVIDER, PROVIDERS, threads } from "./command.ts";

/** Generation, beside llama.cpp in turns. */
export const generateBench: BenchCommand = {
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
  run: async (given, view) => {
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
    const found = await benchGenerate(what, view);
    return { found: { ...what, ...found }, text: `\n${generateBenchText(what, found)}` };
  },
};
