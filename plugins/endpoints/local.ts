/**
 * Endpoint `local`: answers by this project's own engine, from a model directory, a GGUF file or a hub id, with a PEFT
 * adapter on top if wanted. Requests that are asked at once share the engine's steps.
 *
 * A prompt that fills the context is the outcome `context_length`; an answer that reaches the end of the context is `length`.
 * @module
 */
import { basename, join } from "@std/path";
import { z } from "zod";

import {
  downloadLines,
  hubName,
  resolveAdapter,
  resolveCommit,
  type ResolveOptions,
} from "../../formats/hub/mod.ts";
import { fingerprint } from "../../formats/hf_model/hash.ts";
import { exists } from "../../formats/exists.ts";
import type { DeviceChoice, Quantization } from "../../kernels/engine/generate/generator.ts";
import { MAX_BATCH } from "../../kernels/engine/generate/max_batch.ts";
import type { Endpoint } from "../kinds/endpoint.ts";
import { placed, placeUnder } from "../kinds/place.ts";
import { definePlugin, type Plugin, type PluginContext } from "../kinds/plugin.ts";
import { failed } from "./failures.ts";
import type { Opened } from "./local/answer.ts";
import { thoughtTags } from "./thought_tags.ts";

const Options = z.strictObject({
  model: z.string().min(1).describe(
    "model directory, .gguf file, or hub id such as Qwen/Qwen2.5-0.5B-Instruct",
  ),
  adapter: z.string().min(1).nullable().default(null).describe(
    "PEFT adapter directory, such as a training run's output, or its hub id; merged into float32 weights, beside packed ones",
  ),
  adapters: z.record(z.string().min(1), z.string().min(1)).default({}).describe(
    "further adapter directories (or hub ids) by name; a request chooses one by extra.adapter, in place of adapter",
  ),
  weights: z.enum(["stored", "float32"]).default("stored").describe(
    "stored: a GGUF file's blocks stay in the bits that they have, inputs of products are rounded to 8 bits; float32: the reference, slower",
  ),
  quantization_bit: z.union([z.literal(4), z.literal(8)]).nullable().default(null).describe(
    "rounds float32 weights to so many bits when the model is opened",
  ),
  speculation: z.int().min(0).max(64).default(0).describe(
    "tokens of a draft looked up in prompt and answer, at most, where one greedy answer runs alone; 0: none",
  ),
  template: z.string().min(1).default("auto").describe(
    "chat template by name; auto: the model's own (or the adapter's, where its directory has a tokenizer)",
  ),
  template_options: z.record(z.string(), z.unknown()).default({}).describe("options of the template"),
  backend: z.enum(["auto", "onnx", "webgpu", "reference"]).default("auto").describe(
    "what runs the kernels; auto: webgpu on a GPU that passes its self-test, else onnx",
  ),
  provider: z.enum(["cpu", "cuda", "webgpu"]).default("cpu").describe("execution provider of ONNX Runtime"),
  threads: z.int().positive().nullable().default(null).describe(
    "threads of ONNX Runtime; null: OMP_NUM_THREADS, or one per core",
  ),
  max_model_len: z.int().min(2).nullable().default(null).describe(
    "tokens of prompt and answer together; null: as many as the model was made for",
  ),
  max_batch: z.int().positive().default(MAX_BATCH).describe("answers that are generated at once, at most"),
  name: z.string().min(1).nullable().default(null).describe("model's name in reports; null: from the paths"),
  thought_tags: thoughtTags,
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
  create: localEndpoint,
});
export default local;

/**
 * Makes the endpoint; the model is opened with the first request.
 * @throws {RangeError} If there is no template of that name, or a path isn't there.
 */
function localEndpoint(options: LocalOptions, { registry, place }: PluginContext): Endpoint {
  const template = placed(
    place("template"),
    () =>
      registry.create(
        "template",
        options.template,
        options.template_options,
        placeUnder(place, "template_options"),
      ),
  );
  // The engine is loaded when it is used, since most runs that know of this endpoint ask another.
  const engine = () => import("./local/answer.ts");
  const plugin = registry.get("template", options.template);
  const { model, adapter } = options;
  let say = (_line: string) => {};
  const hub = { onProgress: downloadLines((line) => say(line)) };
  let found: Promise<Folders> | null = null;
  const folders = () =>
    found ??= adapterFolders(options, hub).catch((error) => {
      // asked again it may be there
      found = null;
      throw error;
    });
  let opened: Promise<Opened> | null = null;
  let notes: string[] = [];
  let device: DeviceChoice = {
    backend: options.backend,
    provider: options.provider,
    threads: options.threads,
  };
  // those of the hub are known when they are here
  let adapters = adapterIdentity(options, null);
  // of a model on the hub: a name such as main means another commit tomorrow
  let commit: string | null = null;
  const fixed = {
    weights: exists(model) ? contentHash(model) : model,
    held: [options.weights, options.quantization_bit, options.speculation],
    template: registry.identity("template", options.template),
    // defaults are part of it too, such as the day
    template_options: plugin.options.parse(options.template_options),
    // which of them reads config.json is known when the model is opened, later than this is asked for
    families: registry.names("model").map((name) => registry.identity("model", name)),
  };
  const identity = () => ({
    ...fixed,
    ...adapters,
    backend: `${device.backend}/${device.provider}`,
    max_model_len: options.max_model_len,
  });
  const open = async (): Promise<Opened> => {
    const { max_model_len: maxModelLen, max_batch: maxBatch } = options;
    const { speculation } = options, quantization = quantizationOf(options);
    const source = {
      model,
      device,
      maxModelLen,
      maxBatch,
      speculation,
      quantization,
      hub: commit === null ? hub : { ...hub, commit },
      ...await folders(),
    };
    const { openLocal } = await engine();
    return { ...await openLocal(source, template, registry), tags: options.thought_tags };
  };
  return {
    model: options.name ?? `${basename(model)}${adapter === null ? "" : `+${basename(adapter)}`}`,
    onThisMachine: true,
    get identity() {
      const weights = commit === null ? fixed.weights : `${hubName(model)?.id}@${commit}`;
      return { ...identity(), weights };
    },
    get earlierIdentity() {
      return identity();
    },
    get revision() {
      return commit === null ? undefined : { name: model, commit };
    },
    get notes() {
      return notes;
    },
    async prepare(lines = () => {}) {
      say = lines;
      commit ??= await resolveCommit(model, hub);
      const there = await folders();
      adapters = adapterIdentity(options, there);
      const { adapterNotes, chooseBackend, templateNotes } = await engine();
      device = (await chooseBackend({ ...device, quantization_bit: options.quantization_bit })).choice;
      notes = [
        ...(commit === null ? [] : [`${model} is commit ${commit} of the hub`]),
        ...(there.adapter === null ? [] : templateNotes(template, there.adapter, registry)),
        ...[there.adapter, ...Object.values(there.adapters)].flatMap((folder) => adapterNotes(folder, model)),
      ];
    },
    concurrency: options.max_batch,
    thoughtTags: options.thought_tags,
    // one's own machine isn't paid by the token
    prices: { input: 0, output: 0 },
    async complete(request, signal) {
      let model: Opened;
      try {
        model = await (opened ??= open());
      } catch (error) {
        // The next request may find what is missing now.
        opened = null;
        return failed("not_found", error instanceof Error ? error.message : String(error));
      }
      const { answer } = await engine();
      return await answer(model, request, signal);
    },
    close: async () => {
      const model = await opened?.catch(() => null);
      opened = null;
      await model?.generator.close();
    },
  };
}

function quantizationOf({ weights, quantization_bit: bits }: LocalOptions): Quantization {
  if (bits === null) return weights;
  if (weights === "stored") return bits;
  throw new RangeError(
    `Cannot hold weights as float32 and in ${bits} bits: leave out weights or quantization_bit`,
  );
}

/** Where adapters lie. */
interface Folders {
  adapter: string | null;
  adapters: Record<string, string>;
}

async function adapterFolders(
  { adapter, adapters }: Pick<LocalOptions, "adapter" | "adapters">,
  hub: ResolveOptions,
): Promise<Folders> {
  const folders: Folders = { adapter: adapter && await resolveAdapter(adapter, hub), adapters: {} };
  for (const [name, path] of Object.entries(adapters)) {
    folders.adapters[name] = await resolveAdapter(path, hub);
  }
  return folders;
}

/** Hashes of the adapters' files; of those that aren't here yet, their names. */
function adapterIdentity(
  { adapter, adapters }: Pick<LocalOptions, "adapter" | "adapters">,
  there: Folders | null,
): Record<string, unknown> {
  const hashOf = (named: string, folder = named) => exists(folder) ? contentHash(folder) : named;
  return {
    adapter: adapter === null ? null : hashOf(adapter, there?.adapter ?? adapter),
    adapters: Object.entries(adapters).map(([name, path]) => [name, hashOf(path, there?.adapters[name])]),
  };
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
