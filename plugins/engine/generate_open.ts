/**
 * From a model's name to something that answers: opens files, merges or applies an adapter, finds out what ends an answer.
 * @module
 */
import { checkTensors, type LoadedModel, openModel } from "../../formats/hf_model/mod.ts";
import { type Adapter, mergedWeights, type ModuleShapes, readAdapter } from "../../formats/peft/mod.ts";
import { loadTokenizerSync, type Tokenizer } from "../../formats/tokenizer/mod.ts";
import { LINEAR_MODULES, moduleShape, tensorShapes } from "../models/decoder.ts";
import { models } from "../models/mod.ts";
import type { DecoderConfig } from "../models/model_family.ts";
import { makeBackend } from "./backends.ts";
import { BatchGenerator } from "./generate_batch.ts";
import { GenerationEngine } from "./generate_engine.ts";
import type { BackendChoice } from "./host.ts";

/** What is opened, and how it runs; can be sent to a Worker. */
export interface GeneratorOptions {
  /** Directory, GGUF file or hub id. */
  model: string;
  /** PEFT adapter directory; its tokenizer, if it has one, takes the place of the model's. */
  adapter?: string | null;
  /** Adapter merged into the weights (default; faster) or applied beside them (less to do at the start). */
  merge?: boolean;
  /** Default: ONNX Runtime on the CPU, a thread a core. */
  device?: BackendChoice;
  /** Tokens of prompt and answer together; null (default): as many as the model was made for. */
  maxModelLen?: number | null;
  /** Sequences that run at once, ≥ 1. Default {@linkcode MAX_BATCH}. */
  maxBatch?: number;
  /** Prompt tokens that go through at once, ≥ 1. */
  promptChunk?: number;
  /** false: ids only, no tokenizer is loaded. Default true. */
  text?: boolean;
}

/** What a generator runs. */
export interface GeneratorInfo {
  /** Backend, for people. */
  backend: string;
  vocabSize: number;
  /** Ids that end an answer. */
  endIds: number[];
  /** Tokens of prompt and answer together, at most. */
  maxModelLen: number;
}

/** Sequences at once: a step of eight takes about as long as two of one, see `generate_bench.ts`. */
export const MAX_BATCH = 8;

/** The default device. */
export const CPU: BackendChoice = Object.freeze({ backend: "onnx", provider: "cpu", threads: null });

/** The decoder that a model's config.json describes. @throws {RangeError} If no family is of its `model_type`. */
export function decoderOf(model: Pick<LoadedModel, "config" | "nameOrPath">): DecoderConfig {
  const type = model.config.model_type, family = models.find(({ name }) => name === type);
  if (!family) {
    throw new RangeError(
      `Cannot run ${model.nameOrPath}: its model_type is ${JSON.stringify(type)}, known are ${
        models.map(({ name }) => name).join(", ")
      }`,
    );
  }
  return family.create({}).parse(model.config);
}

/** The tokenizer to use with a model and an adapter: the adapter's own where it has one. */
export function tokenizerOf(model: LoadedModel, adapter: string | null): Tokenizer {
  if (adapter !== null) {
    const names = [...Deno.readDirSync(adapter)].map((entry) => entry.name);
    if (names.includes("tokenizer.json")) return loadTokenizerSync(adapter);
  }
  return model.tokenizer;
}

/** Ids that end an answer: those of generation_config.json, config.json and the tokenizer. */
export function endIdsOf(model: LoadedModel, decoder: DecoderConfig, tokenizer: Tokenizer | null): number[] {
  const given = model.generationConfig.eos_token_id;
  const ids = [
    ...(Array.isArray(given) ? given : [given]),
    ...decoder.eosTokenIds,
    tokenizer?.eosId,
  ].filter((id): id is number => Number.isInteger(id) && id >= 0 && id < decoder.vocabSize);
  return [...new Set(ids)].sort((a, b) => a - b);
}

/**
 * Opens a model for generating, in this thread.
 * @throws {RangeError} If something is missing or doesn't fit; named.
 */
export async function openGenerator(
  options: GeneratorOptions,
): Promise<{ generator: BatchGenerator; info: GeneratorInfo }> {
  const { adapter: directory = null, merge = true, maxBatch = MAX_BATCH, text = true } = options;
  const model = await openModel(options.model);
  try {
    const config = decoderOf(model), maxModelLen = contextOf(options, config);
    checkTensors(model.weights, tensorShapes(config), model.path);
    const adapter = directory === null ? null : readAdapter(directory, moduleShapes(config));
    const tokenizer = text ? tokenizerOf(model, directory) : null;
    const backend = await makeBackend(options.device ?? CPU);
    const engine = makeEngine(backend, config, model, adapter, merge, options.promptChunk);
    const endIds = endIdsOf(model, config, tokenizer), { vocabSize } = config;
    const decode = tokenizer && ((ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true }));
    const generator = new BatchGenerator(engine, { vocabSize, endIds, maxModelLen, maxBatch, decode });
    const info = { backend: `${backend.name}: ${backend.description}`, vocabSize, endIds, maxModelLen };
    return { generator, info };
  } finally {
    model.weights.close();
  }
}

function contextOf({ maxModelLen = null }: GeneratorOptions, config: DecoderConfig): number {
  const most = config.maxPositionEmbeddings;
  if (maxModelLen === null) return most;
  if (!(Number.isSafeInteger(maxModelLen) && maxModelLen >= 2 && maxModelLen <= most)) {
    throw new RangeError(
      `Cannot use max_model_len as it needs a whole number from 2 to ${most}, which the model was made for: ` +
        `current value is ${maxModelLen}`,
    );
  }
  return maxModelLen;
}

function makeEngine(
  backend: Awaited<ReturnType<typeof makeBackend>>,
  config: DecoderConfig,
  model: LoadedModel,
  adapter: Adapter | null,
  merge: boolean,
  promptChunk: number | undefined,
): GenerationEngine {
  const chunk = promptChunk === undefined ? {} : { promptChunk };
  const read = (name: string) => model.weights.read(name);
  if (!adapter || merge) {
    const weights = adapter ? mergedWeights(read, adapter) : read;
    return new GenerationEngine(backend, { config, tuning: { type: "none" }, ...chunk }, weights);
  }
  const modules = Object.fromEntries(
    [...adapter.modules].map(([n, { r, scale }]) => [n, { rank: r, scale }]),
  );
  const initial = Object.fromEntries(
    [...adapter.modules].flatMap(([n, { a, b }]) => [[`${n}.lora_A.weight`, a], [`${n}.lora_B.weight`, b]]),
  );
  return new GenerationEngine(
    backend,
    { config, tuning: { type: "lora", modules, dropout: 0 }, ...chunk },
    read,
    initial,
  );
}

function moduleShapes(config: DecoderConfig): ModuleShapes {
  const layers = Array.from({ length: config.numLayers }, (_, i) => i);
  return new Map(
    layers.flatMap((i) =>
      LINEAR_MODULES.map((m) => [`model.layers.${i}.${m}`, moduleShape(config, m)] as const)
    ),
  );
}
