/**
 * From a model's name to something that answers: opens files, merges or applies an adapter, makes the engine. Loads the
 * backends' libraries, so only the Worker (and tests) import it.
 * @module
 */
import { shown } from "../../../formats/message.ts";
import { checkTensors, type LoadedModel, openModel } from "../../../formats/hf_model/mod.ts";
import { type Adapter, loraTensors, mergedWeights, readAdapter } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../decoder.ts";
import type { DecoderConfig } from "../decoder_config.ts";
import { chooseBackend, makeBackend } from "../backends.ts";
import { BatchGenerator } from "./batch.ts";
import { openMask } from "./mask.ts";
import { GenerationEngine } from "./engine.ts";
import {
  CPU,
  endIdsOf,
  type GeneratorInfo,
  type GeneratorOptions,
  MAX_BATCH,
  tokenizerOf,
} from "./options.ts";

/** A model that is open in this thread. */
export interface OpenedGenerator {
  generator: BatchGenerator;
  info: GeneratorInfo;
  /** As `Generator.loadAdapter`. */
  loadAdapter(name: string, directory: string): Promise<void>;
  /** As `Generator.unloadAdapter`. */
  unloadAdapter(name: string): Promise<void>;
}

/**
 * Opens a model for generating, in this thread.
 * @throws {RangeError} If something is missing or doesn't fit; named.
 */
export async function openGenerator(options: GeneratorOptions): Promise<OpenedGenerator> {
  const { decoder: config, adapter: directory = null, merge = true, maxBatch = MAX_BATCH, text = true } =
    options;
  const model = await openModel(options.model);
  try {
    const maxModelLen = contextOf(options, config);
    checkTensors(model.weights, tensorShapes(config), model.path);
    const adapter = directory === null ? null : readAdapter(directory, moduleShapes(config));
    const tokenizer = text ? tokenizerOf(model, directory) : null;
    const { choice } = await chooseBackend(options.device ?? CPU);
    const backend = await makeBackend(choice);
    const engine = makeEngine(backend, config, model, adapter, merge, options.promptChunk);
    const endIds = endIdsOf(model, config, tokenizer), { vocabSize } = config;
    const decode = tokenizer && ((ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true }));
    const generator = new BatchGenerator(engine, {
      vocabSize,
      endIds,
      maxModelLen,
      maxBatch,
      decode,
      ...(tokenizer && {
        openMask: (source, ends) => openMask(source, { tokenizer, vocabSize, endIds: ends }),
      }),
    });
    const info = { backend: `${backend.name}: ${backend.description}`, vocabSize, endIds, maxModelLen };
    const refuse = (name: string) =>
      Promise.reject(
        new RangeError(
          `Cannot use adapter ${shown(name)} by name: this engine has no adapters beside the model yet`,
        ),
      );
    return { generator, info, loadAdapter: refuse, unloadAdapter: refuse };
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
  return new GenerationEngine(
    backend,
    { config, tuning: { type: "lora", modules, dropout: 0 }, ...chunk },
    read,
    loraTensors(adapter.modules),
  );
}
