/**
 * The command line of `deno task serve`.
 * @module
 */
import { basename, resolve } from "@std/path";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { exists } from "../../formats/exists.ts";
import { hubName } from "../../formats/hub/mod.ts";
import { MAX_BATCH, type Quantization } from "../../kernels/engine/generate/generator.ts";
import { type Arguments, portNumber, wholeNumber } from "../common/cli/arguments.ts";
import { readClientKeys } from "./http/keys.ts";
import type { ModelsOptions } from "./models.ts";
import { readOrigins } from "./http/origins.ts";
import type { ServerOptions } from "./server.ts";

/** Flags about the model, shared with `deno task chat`. */
export const MODEL_FLAGS = {
  "adapter NAME=DIR":
    "PEFT adapter (or its hub id) beside the model, such as a training run's output; may be given again",
  "template NAME": "chat template (auto: the model's own)",
  "backend NAME": "onnx, webgpu, reference, or auto: a GPU where one works (auto)",
  "provider NAME": "of ONNX Runtime: cpu, cuda or webgpu (cpu)",
  "threads N": "of ONNX Runtime (OMP_NUM_THREADS, or one per core)",
  "weights FORM":
    "stored: as the file has them; float32: the reference; 8 or 4: rounded to so many bits (stored)",
  "speculation N": "draft tokens looked up where one greedy answer runs alone, up to 64 (0)",
  "context N": "tokens of prompt and answer together (as many as the model was made for)",
};

/** All flags of `serve`. */
export const SERVE_FLAGS = {
  "help [TOPIC]": "this text, or about one flag",
  "name NAME": "what clients call the model (its folder's or file's name)",
  ...MODEL_FLAGS,
  "host ADDRESS": "where to listen (127.0.0.1: this machine only); another one needs a key",
  "port N": "0: any free one (8080)",
  "keys FILE": "keys that clients must show, one per line; DINOTUNE_API_KEYS has them with commas",
  "batch N": `answers that are made at once (${MAX_BATCH})`,
  "queue N": "answers that may wait beside them; more are told to come again (64)",
  "max-tokens N": "tokens of one answer, at most (the context's rest)",
  "max-body BYTES": "of a request, at most (4194304)",
  "allow-origin ORIGIN":
    "web pages of this origin may ask, beside those of this machine; * for any; may be given again",
  "load-adapters":
    "clients may load and unload adapters where others reach the server too (always at 127.0.0.1)",
  "grace SECONDS": "how long answers under way may go on after Ctrl-C or SIGTERM (30)",
  quiet: "no line for each request",
};

/**
 * Adapters as `--adapter` names them: NAME=DIR, or DIR alone, which is called by its last part; DIR may be a hub id.
 * @throws {RangeError} If two have one name, or there is neither a folder nor a hub's id
 */
export function readAdapters(given: readonly string[]): Map<string, string> {
  const adapters = new Map<string, string>();
  for (const text of given) {
    const equals = text.indexOf("=");
    const isNamed = equals > 0 && !exists(text);
    const directory = isNamed ? text.slice(equals + 1) : text;
    const isOnHub = !exists(directory) && hubName(directory) !== null;
    const name = isNamed ? text.slice(0, equals) : basename(isOnHub ? directory : resolve(directory));
    if (adapters.has(name)) {
      throw new RangeError(
        `Cannot use two adapters named ${name}: write --adapter NAME=DIR with another name`,
      );
    }
    if (!exists(directory) && !isOnHub) {
      throw new RangeError(
        `Cannot open the adapter ${name} as there is no folder ${
          resolve(directory)
        }, and it isn't an id on the hub (owner/name, or owner/name@revision): write --adapter NAME=DIR`,
      );
    }
    adapters.set(name, directory);
  }
  return adapters;
}

const BACKENDS = ["auto", "onnx", "webgpu", "reference"] as const;
const PROVIDERS = ["cpu", "cuda", "webgpu"] as const;

/** Options about the model. @throws {RangeError} If a value isn't one that its flag takes */
export function readModelOptions(
  given: Arguments,
  model: string,
): Omit<ModelsOptions, "maxBatch" | "name"> {
  return {
    model,
    adapters: readAdapters(given.lists.get("adapter") ?? []),
    template: given.values.get("template") ?? "auto",
    device: {
      backend: oneOf(given, "backend", BACKENDS) ?? "auto",
      provider: oneOf(given, "provider", PROVIDERS) ?? "cpu",
      threads: positive(given, "threads"),
    },
    maxModelLen: positive(given, "context"),
    quantization: quantizationOf(oneOf(given, "weights", ["stored", "float32", "8", "4"]) ?? "stored"),
    speculation: wholeNumber(given, "speculation") ?? 0,
  };
}

/** Options of the server. @throws {RangeError} If a value isn't one that its flag takes */
export function readServeOptions(
  given: Arguments,
  model: string,
  environment: { keys: string | undefined },
): Omit<ServerOptions, "log" | "fault"> & { graceMs: number; quiet: boolean } {
  const host = given.values.get("host") ?? "127.0.0.1";
  const port = portNumber(given, 8080);
  return {
    ...readModelOptions(given, model),
    name: given.values.get("name") ?? null,
    host,
    port,
    keys: readClientKeys(given.values.get("keys") ?? null, environment.keys),
    maxBatch: positive(given, "batch") ?? MAX_BATCH,
    queue: wholeNumber(given, "queue") ?? 64,
    maxTokens: positive(given, "max-tokens"),
    maxBody: positive(given, "max-body") ?? 4 * 2 ** 20,
    origins: readOrigins(given.lists.get("allow-origin") ?? []),
    loadAdapters: given.flags.has("load-adapters") || /^(127\.|localhost$|::1$)/.test(host),
    graceMs: 1000 * (wholeNumber(given, "grace") ?? 30),
    quiet: given.flags.has("quiet"),
  };
}

function quantizationOf(form: "stored" | "float32" | "8" | "4"): Quantization {
  return form === "8" ? 8 : form === "4" ? 4 : form;
}

function positive(given: Arguments, name: string): number | null {
  const value = wholeNumber(given, name);
  if (value === 0) throw new RangeError(`Cannot use --${name} 0: it needs a whole number of 1 or more`);
  return value ?? null;
}

function oneOf<T extends string>({ values }: Arguments, name: string, known: readonly T[]): T | undefined {
  const value = values.get(name);
  if (value === undefined) return undefined;
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot use --${name} ${value}${didYouMean(value, known)}: it needs one of ${known.join(", ")}`,
  );
}
