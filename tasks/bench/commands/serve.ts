/**
 * `deno task bench serve`: its flags, and what they ask for.
 * @module
 */
import { DEFAULT_MODEL } from "../../common/config/default_files.ts";
import { flagName, flagNumber } from "../flag_values.ts";
import { benchServe, serveBenchText } from "../serve.ts";
import { type BenchCommand, PROVIDER, PROVIDERS } from "./command.ts";

/** A server under load. */
export const serveBench: BenchCommand = {
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
  run: async (given, view) => {
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
      view,
    );
    return { found, text: serveBenchText(found), failed: found.lost.length + found.mixed.length > 0 };
  },
};
