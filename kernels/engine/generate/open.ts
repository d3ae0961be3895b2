/**
 * From a model's name to something that answers: opens files, reads an adapter, makes the engine. Loads the backends'
 * libraries, so only the Worker (and tests) import it.
 * @module
 */
import { checkTensors, openModel } from "../../../formats/hf_model/mod.ts";
import { shown } from "../../../formats/message.ts";
import { type Adapter, onlyMerged, readAdapter, savedEmbeddings } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { changedBy, withEmbeddingChange } from "../weights/embedding_change.ts";
import type { OnPhase } from "../host.ts";
import { withMerged } from "../weights/merged_weights.ts";
import { BatchGenerator } from "./batch/batch.ts";
import { makeBatchEngine } from "./make_engine.ts";
import { openMask } from "./sampling/mask.ts";
import { endIdsOf, type GeneratorInfo, type GeneratorOptions, MAX_BATCH, tokenizerOf } from "./options.ts";

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
 * @param onPhase Told of weights that are read, or prepared.
 * @throws {RangeError} If something is missing or doesn't fit; named.
 */
export async function openGenerator(
  options: GeneratorOptions,
  onPhase: OnPhase = () => {},
): Promise<OpenedGenerator> {
  const { adapter: directory = null, maxBatch = MAX_BATCH, text = true } = options;
  const model = await openModel(options.model);
  let usesFiles = false;
  try {
    const maxModelLen = contextOf(options, options.decoder);
    checkTensors(model.weights, tensorShapes(options.decoder), model.path);
    const whole = directory !== null && onlyMerged(directory) !== null;
    if (whole && options.merge === false) checkBeside(directory);
    const { decoder: config, change } = whole
      ? changedBy(savedEmbeddings(directory), options.decoder)
      : { decoder: options.decoder, change: null };
    const stored = withEmbeddingChange(model.weights, change, config);
    const weights = whole ? withMerged(stored, [directory], config) : stored;
    const adapter = directory === null || whole ? null : besideOf(directory, config);
    const tokenizer = text ? tokenizerOf(model, directory) : null;
    const made = await makeBatchEngine({ ...options, decoder: config }, { weights }, adapter, onPhase);
    usesFiles = made.usesFiles;
    const endIds = endIdsOf(model, config, tokenizer), { vocabSize } = config;
    const decode = tokenizer && ((ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: true }));
    const generator = new BatchGenerator(made.engine, {
      vocabSize,
      endIds,
      maxModelLen,
      maxBatch,
      decode,
      speculation: speculationOf(options),
      ...(tokenizer && {
        openMask: (source, ends, signal) => openMask(source, { tokenizer, vocabSize, endIds: ends }, signal),
      }),
    });
    return {
      generator,
      info: {
        backend: made.backend,
        vocabSize,
        endIds,
        maxModelLen,
        namedAdapters: made.engine.loadAdapter !== undefined,
      },
      loadAdapter: (name, folder) => Promise.try(() => generator.loadAdapter(name, besideOf(folder, config))),
      unloadAdapter: (name) => generator.unloadAdapter(name),
    };
  } finally {
    if (!usesFiles) model.weights.close();
  }
}

/** An adapter that stands beside the model. */
function besideOf(folder: string, config: DecoderConfig): Adapter {
  checkBeside(folder);
  return readAdapter(folder, moduleShapes(config), config.moduleRoot);
}

function checkBeside(folder: string): void {
  const part = onlyMerged(folder);
  if (part === null) return;
  throw new RangeError(
    `Cannot use the adapter ${
      shown(folder)
    } beside the model as it has ${part}, which is only merged: open the model with it as \`adapter\` ` +
      "and without adapters by name, or merge it by deno task export",
  );
}

function speculationOf({ speculation = 0 }: GeneratorOptions): number {
  if (Number.isSafeInteger(speculation) && speculation >= 0 && speculation <= 64) return speculation;
  throw new RangeError(
    `Cannot speculate as speculation needs a whole number from 0 to 64: current value is ${speculation}`,
  );
}

function contextOf({ maxModelLen = null }: GeneratorOptions, config: DecoderConfig): number {
  const { maxPositionEmbeddings, rotaryLimit = Infinity } = config;
  const most = Math.min(maxPositionEmbeddings, rotaryLimit);
  if (maxModelLen === null) return most;
  if (!(Number.isSafeInteger(maxModelLen) && maxModelLen >= 2 && maxModelLen <= most)) {
    throw new RangeError(
      `Cannot use max_model_len (chat and serve: --context) as it needs a whole number from 2 to ${most}, ${
        most < maxPositionEmbeddings
          ? "behind which its rotary frequencies change (longrope)"
          : "which the model was made for"
      }: current value is ${maxModelLen}`,
    );
  }
  return maxModelLen;
}
