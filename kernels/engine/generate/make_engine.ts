/**
 * The engine for a model: one program where ONNX Runtime's C interface and its operators can run it, else block after block.
 * @module
 */
import { hasPacked, type LoadedModel } from "../../../formats/hf_model/mod.ts";
import { type Adapter, loraTensors, mergedWeights } from "../../../formats/peft/mod.ts";
import { openLibrary } from "../../backends/onnx/c_api/mod.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { defaultThreads } from "../../threads.ts";
import { chooseBackend, makeBackend } from "../backends.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { EMBEDDING, tensorShapes } from "../decoder/decoder.ts";
import type { BackendChoice, OnPhase } from "../host.ts";
import type { BatchEngine } from "./batch/batch_engine.ts";
import { blockEngine } from "./blocks/block_engine.ts";
import { GenerationEngine } from "./blocks/engine.ts";
import { CPU, type GeneratorOptions, MAX_BATCH, type Quantization } from "./options.ts";
import { ProgramEngine } from "./program/engine.ts";
import { cannotRun } from "./program/graph.ts";
import { type PreparedSource, prepareWeights } from "./program/prepare.ts";
import { preparedFolder, preparedKey, storedWeights } from "./program/store.ts";

/** An opened engine and the backend that it runs on. */
export interface MadeEngine {
  engine: BatchEngine;
  /** Backend, provider and threads, human-readable. */
  backend: string;
  /** True if it goes on reading the model's files, and closes them. */
  usesFiles: boolean;
}

/**
 * Makes the engine.
 * @param onPhase Told of weights that are read, or prepared.
 * @throws {RangeError} If the backend can't hold weights as they are wanted.
 */
export async function makeBatchEngine(
  options: GeneratorOptions,
  model: Pick<LoadedModel, "weights">,
  adapter: Adapter | null,
  onPhase: OnPhase = () => {},
): Promise<MadeEngine> {
  const { device = CPU, quantization = "stored" } = options;
  const bits = typeof quantization === "number" ? quantization : null;
  const { choice } = await chooseBackend({ ...device, quantization_bit: bits });
  const why = whyNoProgram(choice, options.decoder);
  if (why === null) return programEngine({ options, model, adapter, onPhase }, choice, quantization);
  if (bits !== null) {
    throw new RangeError(
      `Cannot hold weights in ${bits} bits: ${why}; leave them as they are stored, or use backend: onnx with provider: cpu`,
    );
  }
  const backend = await makeBackend({ ...choice, blocks: hasPacked(model.weights) });
  const engine = makeBlockEngine({ options, model, adapter, onPhase }, backend);
  return {
    engine: blockEngine(engine, options.decoder.vocabSize),
    backend: `${backend.name}: ${backend.description}${
      choice.backend === "onnx" && choice.provider === "cpu" ? ` (block after block: ${why})` : ""
    }`,
    usesFiles: false,
  };
}

const FLOATS = "float32 weights";

function whyNoProgram({ backend, provider }: BackendChoice, config: DecoderConfig): string | null {
  if (backend !== "onnx" || provider !== "cpu") {
    return `that is for ONNX Runtime's CPU, and ${backend} on ${provider} was chosen`;
  }
  return openLibrary().reason ?? cannotRun(config);
}

/** What an engine is made of. */
interface EngineParts {
  options: GeneratorOptions;
  model: Pick<LoadedModel, "weights">;
  adapter: Adapter | null;
  onPhase: OnPhase;
}

function programEngine(
  { options, model, adapter, onPhase }: EngineParts,
  { threads }: BackendChoice,
  quantization: Quantization,
): MadeEngine {
  const { library, reason } = openLibrary(), { decoder: config, merge = true } = options;
  if (library === null) throw new Error(`Cannot call ONNX Runtime: ${reason}`);
  const { weights } = model, bits = typeof quantization === "number" ? quantization : null;
  const stays = quantization !== "float32" && hasPacked(weights);
  const merged = adapter !== null && merge && !stays;
  const read = (name: string) => weights.read(name);
  const source: PreparedSource = {
    read: merged ? mergedWeights(read, adapter) : read,
    packed: (name) => quantization === "float32" ? null : weights.packed(name),
  };
  const small = (stays || bits !== null) && !merged;
  const { path: native, reason: noNative } = nativeLibrary();
  const key = small ? preparedKey(weights.hash(), config, bits, native !== null) : null;
  const stored = storedWeights(
    preparedFolder(),
    key,
    (folder) =>
      prepareWeights(config, source, {
        bits,
        folder,
        native: native !== null,
        onPart: (done, all) => onPhase("preparing weights", done, all),
      }),
  );
  const count = threads ?? defaultThreads();
  const engine = new ProgramEngine({
    library,
    config,
    prepared: stored.prepared,
    folder: stored.folder,
    native,
    threads: count,
    maxBatch: options.maxBatch ?? MAX_BATCH,
    embed: (ids) => weights.rows(EMBEDDING, ids),
    opened: adapter && !merged ? adapter : null,
    release: () => {
      weights.close();
      stored.release();
    },
  });
  const form = bits !== null ? `${bits}-bit weights` : stays ? "packed weights" : FLOATS;
  return {
    engine,
    backend: `onnx: onnxruntime ${library.version}, cpu, ${count} threads, one program, ${form}${
      native === null && form !== FLOATS ? ` (products by MatMulNBits: ${noNative})` : ""
    }`,
    usesFiles: true,
  };
}

function makeBlockEngine(
  { options, model, adapter, onPhase }: EngineParts,
  backend: Awaited<ReturnType<typeof makeBackend>>,
): GenerationEngine {
  const { decoder: config, promptChunk, merge = true } = options;
  const tensors = tensorShapes(config).size;
  let count = 0;
  const tell = <T>(values: T): T => {
    onPhase("reading weights", ++count, tensors);
    return values;
  };
  const chunk = promptChunk === undefined ? {} : { promptChunk };
  const read = (name: string) => tell(model.weights.pieces(name));
  if (!adapter || merge) {
    const weights = adapter ? mergedWeights((name) => tell(model.weights.read(name)), adapter) : read;
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
