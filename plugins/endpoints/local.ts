/**
 * Endpoint `local`: answers by this project's own engine, from a model directory, a GGUF file or a hub id, with a PEFT
 * adapter on top if wanted. Requests that are asked at once share the engine's steps.
 *
 * A prompt that fills the context is the outcome `context_length`; an answer that reaches the end of the context is `length`.
 * @module
 */
import { basename, join } from "@std/path";
import { z } from "zod";

import { fingerprint } from "../../formats/hf_model/hash.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { resolveModel } from "../../formats/hub/mod.ts";
import type { EditableTokenizer, Tokenizer } from "../../formats/tokenizer/mod.ts";
import { chooseBackend } from "../../kernels/engine/backends.ts";
import {
  ContextLengthError,
  type DeviceChoice,
  Generator,
  MAX_BATCH,
  type Sampling,
} from "../../kernels/engine/generate/generator.ts";
import { tokenizerOf } from "../../kernels/engine/generate/options.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { prepareTokenizer, type Template, templateOptions, templates } from "../templates/mod.ts";
import type { Completion, CompletionRequest, Endpoint } from "../kinds/endpoint.ts";
import { failed } from "./failures.ts";

const Options = z.strictObject({
  model: z.string().min(1).describe(
    "model directory, .gguf file, or hub id such as Qwen/Qwen2.5-0.5B-Instruct",
  ),
  adapter: z.string().min(1).nullable().default(null).describe(
    "PEFT adapter directory, such as a training run's output; merged into the weights",
  ),
  template: z.string().min(1).default("auto").describe(
    "chat template by name; auto: the model's own (or the adapter's, where its directory has a tokenizer)",
  ),
  template_options: z.record(z.string(), z.unknown()).default({}).describe("options of the template"),
  backend: z.enum(["auto", "onnx", "webgpu", "reference"]).default("auto").describe(
    "what runs the kernels; auto: webgpu on a GPU that passes its self-test, else onnx",
  ),
  provider: z.enum(["cpu", "cuda", "webgpu"]).default("cpu").describe("execution provider of ONNX Runtime"),
  threads: z.int().positive().nullable().default(null).describe("threads of ONNX Runtime; null: one a core"),
  max_model_len: z.int().min(2).nullable().default(null).describe(
    "tokens of prompt and answer together; null: as many as the model was made for",
  ),
  max_batch: z.int().positive().default(MAX_BATCH).describe("answers that are generated at once, at most"),
  name: z.string().min(1).nullable().default(null).describe("model's name in reports; null: from the paths"),
});

/** Validated options; the schema's descriptions say what they mean. */
export type LocalOptions = z.output<typeof Options>;

/** The plugin, see the module's text. */
const local: Plugin<"endpoint", typeof Options> = definePlugin({
  kind: "endpoint",
  name: "local",
  version: "1",
  description: "This project's own engine: model directory, GGUF file or hub id, with or without an adapter",
  options: Options,
  create: (options) => localEndpoint(options),
});
export default local;

/** Fields of `extra` that the engine knows. */
const EXTRA = [
  "top_k",
  "min_p",
  "repetition_penalty",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "min_tokens",
  "ignore_eos",
] as const;

/** What answers, once it is open. */
interface Opened {
  generator: Generator;
  tokenizer: Tokenizer;
  template: Template;
  stopIds: number[];
}

/**
 * Makes the endpoint; the model is opened with the first request.
 * @throws {RangeError} If there is no template of that name, or a path isn't there.
 */
export function localEndpoint(options: LocalOptions): Endpoint {
  const template = templateOf(options);
  const { model, adapter } = options;
  let opened: Promise<Opened> | null = null;
  let device: DeviceChoice = {
    backend: options.backend,
    provider: options.provider,
    threads: options.threads,
  };
  const fixed = {
    weights: existing(model) ? contentHash(model) : model,
    adapter: adapter === null ? null : contentHash(adapter),
    template: options.template,
    template_options: options.template_options,
  };
  return {
    model: options.name ?? `${basename(model)}${adapter === null ? "" : `+${basename(adapter)}`}`,
    get identity() {
      const { backend, provider } = device;
      return { ...fixed, backend: `${backend}/${provider}`, max_model_len: options.max_model_len };
    },
    async prepare() {
      device = (await chooseBackend(device)).choice;
    },
    concurrency: options.max_batch,
    async complete(request, signal) {
      let at: Opened;
      try {
        at = await (opened ??= open(options, template, device));
      } catch (error) {
        // The next request may find what is missing now.
        opened = null;
        return failed("not_found", message(error));
      }
      return await answer(at, request, signal);
    },
    close: async () => {
      const at = await opened?.catch(() => null);
      opened = null;
      await at?.generator.close();
    },
  };
}

function templateOf({ template: name, template_options }: LocalOptions): Template {
  const plugin = templates.find((candidate) => candidate.name === name);
  if (!plugin) {
    throw new RangeError(
      `Cannot find the template "${name}": known are ${templates.map((t) => t.name).sort().join(", ")}`,
    );
  }
  const parsed = templateOptions.safeParse(template_options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TypeError(`Cannot use template_options: ${issue!.path.join(".")} ${issue!.message}`);
  }
  return plugin.create(parsed.data) as Template;
}

async function open(options: LocalOptions, template: Template, device: DeviceChoice): Promise<Opened> {
  const { adapter } = options;
  const path = await resolveModel(options.model, {});
  const model = await openModel(path);
  let plain: Tokenizer;
  try {
    plain = tokenizerOf(model, adapter);
  } finally {
    model.weights.close();
  }
  const { tokenizer, needed } = prepareTokenizer(template, plain as EditableTokenizer);
  if (needed.length) {
    throw new RangeError(
      `Cannot use template ${template.name} with ${options.model}: the model has no token ${
        needed.join(", ")
      }`,
    );
  }
  const generator = await Generator.open({
    model: path,
    adapter,
    device,
    maxModelLen: options.max_model_len,
    maxBatch: options.max_batch,
  });
  const stops = [tokenizer.eosId, ...template.stopWords.map((word) => tokenizer.tokenToId(word))];
  const stopIds = stops.filter((id): id is number => id !== null && id < generator.info.vocabSize);
  return { generator, tokenizer, template, stopIds };
}

async function answer(at: Opened, request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
  let prompt: number[] = [];
  try {
    const system = request.messages[0]?.role === "system" ? request.messages[0].content : "";
    const messages = request.messages.slice(request.messages[0]?.role === "system" ? 1 : 0);
    prompt = at.template.encodePrompt(at.tokenizer, messages, system || at.template.defaultSystem, "");
    const result = await at.generator.generate(prompt, sampling(request, at.stopIds), undefined, signal);
    return {
      outcome: result.finish,
      text: result.text,
      promptTokens: result.promptTokens,
      completionTokens: result.ids.length,
    };
  } catch (error) {
    if (signal.aborted) return failed("stopped", `the request was given up: ${message(signal.reason)}`);
    if (error instanceof ContextLengthError) {
      return {
        outcome: "context_length",
        text: "",
        promptTokens: prompt.length,
        completionTokens: 0,
        error: error.message,
      };
    }
    const theirs = error instanceof RangeError || error instanceof TypeError;
    return failed(theirs ? "bad_request" : "server", message(error));
  }
}

/** @throws {RangeError} If a field isn't known. */
function sampling(request: CompletionRequest, stopIds: readonly number[]): Partial<Sampling> {
  const { temperature, top_p, max_tokens, seed = 0, stop = [], extra = {} } = request;
  const unknown = Object.keys(extra).filter((name) => !EXTRA.includes(name as typeof EXTRA[number]));
  if (unknown.length) {
    throw new RangeError(
      `Cannot sample with ${
        unknown.join(", ")
      }: endpoint local knows temperature, top_p, max_tokens, seed, stop, ${EXTRA.join(", ")}`,
    );
  }
  return {
    ...extra,
    temperature,
    top_p,
    max_tokens,
    seed,
    stop,
    stop_ids: extra.ignore_eos === true ? [] : stopIds,
  };
}

function existing(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Files that decide about answers. */
const DECISIVE =
  /\.(safetensors|gguf|jinja)$|^(config|adapter_config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$/;

/** Hash of a model's or adapter's files. */
function contentHash(path: string): string {
  const names = Deno.statSync(path).isFile
    ? [path]
    : [...Deno.readDirSync(path)].filter((e) => e.isFile && DECISIVE.test(e.name)).map((e) =>
      join(path, e.name)
    );
  return fingerprint(names.sort().map((name) => ({ path: name, headerBytes: 1 << 16 })));
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
