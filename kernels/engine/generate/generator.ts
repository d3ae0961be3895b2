/**
 * Generating with a model of this project's own engine, in a Worker, so that this thread stays responsive.
 * @module
 */
import { holdDriver, mayHaveGpu } from "../../backends/webgpu/driver.ts";
import { connect, type WorkerConnection } from "../worker_call.ts";
import { ContextLengthError, type Generated, type OnToken } from "./batch.ts";
import { CPU, type GeneratorInfo, type GeneratorOptions } from "./options.ts";
import type { TokenEvent } from "./worker.ts";
import type { Sampling } from "./sampling.ts";

export { ContextLengthError, type Generated, type OnToken } from "./batch.ts";
export { CPU, type DeviceChoice, type GeneratorInfo, type GeneratorOptions, MAX_BATCH } from "./options.ts";
export { type BackendChoice } from "../host.ts";
export { GREEDY, type Sampling } from "./sampling.ts";

/** A model that answers prompts. Make with {@linkcode Generator.open}. */
export class Generator {
  /** Model and backend that it runs. */
  readonly info: GeneratorInfo;
  readonly #worker: WorkerConnection;
  #closed: Promise<void> | null = null;

  private constructor(worker: WorkerConnection, info: GeneratorInfo) {
    this.#worker = worker;
    this.info = info;
  }

  /**
   * Opens a model in a new Worker.
   * @throws {RangeError} If the model, the adapter or the backend isn't there or doesn't fit; named.
   */
  static async open(options: GeneratorOptions): Promise<Generator> {
    const { backend } = options.device ?? CPU;
    if (backend === "webgpu" || (backend === "auto" && mayHaveGpu())) await holdDriver();
    const worker = connect(new URL("./worker.ts", import.meta.url), "generator", [ContextLengthError]);
    try {
      return new Generator(worker, await worker.call<GeneratorInfo>("open", [options]));
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /**
   * Answers a prompt; requests that are made at once share the engine's steps.
   * @param promptIds Ids, template applied, ≥ 1.
   * @param sampling What differs from greedy, see {@linkcode Sampling}.
   * @param onToken Called for every token.
   * @throws {ContextLengthError} If the prompt fills the context.
   * @throws {RangeError} If a value is out of range.
   * @throws The signal's reason when it fires.
   */
  async generate(
    promptIds: readonly number[],
    sampling: Partial<Sampling> = {},
    onToken?: OnToken,
    signal?: AbortSignal,
  ): Promise<Generated> {
    signal?.throwIfAborted();
    if (this.#closed) throw new Error("Cannot answer a prompt: the generator is closed");
    const onEvent = onToken && ((event: unknown) => {
      const { token, text } = event as TokenEvent;
      onToken(token, text);
    });
    return await this.#worker.call("generate", [[...promptIds], sampling, !!onToken], { onEvent, signal });
  }

  /** Stops what runs and frees everything. */
  close(): Promise<void> {
    return this.#closed ??= this.#worker.call("close", [])
      .then(() => {}, () => {}).finally(() => this.#worker.terminate());
  }
}
