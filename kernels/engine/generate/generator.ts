/**
 * Generating with a model of this project's own engine, in a Worker, so that this thread stays responsive.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { holdDriver, mayHaveGpu } from "../../backends/webgpu/adapter/driver.ts";
import type { OnPhase } from "../host.ts";
import { connect, type WorkerConnection } from "../worker/worker_call.ts";
import type { Generated, OnToken } from "./answer/answer.ts";
import { ContextLengthError } from "./check_prompt.ts";
import { LogitsError } from "./sampling/logits_error.ts";
import { MaskError, MaskMemoryError } from "./sampling/mask.ts";
import { CPU, type GeneratorInfo, type GeneratorOptions } from "./options.ts";
import type { TokenEvent } from "./worker.ts";
import type { Sampling } from "./sampling/sampling.ts";

export type { Generated, OnToken, TokenDetails } from "./answer/answer.ts";
export { ContextLengthError } from "./check_prompt.ts";
export { LogitsError } from "./sampling/logits_error.ts";
export { type PromptTokenLogprobs, type TokenLogprob, type TokenLogprobs } from "./answer/logprobs.ts";
export {
  type MakeMask,
  MaskError,
  MaskMemoryError,
  type MaskSource,
  type MaskVocabulary,
  type TokenMask,
} from "./sampling/mask.ts";
export { COALESCE_MS } from "./coalesce.ts";
export {
  CPU,
  type DeviceChoice,
  type GeneratorInfo,
  type GeneratorOptions,
  MAX_BATCH,
  type Quantization,
} from "./options.ts";
export { type BackendChoice, type OnPhase } from "../host.ts";
export { GREEDY, type Sampling } from "./sampling/sampling.ts";

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
   * @param given A promise of options is waited for while the Worker loads its modules.
   * @param onPhase Told of weights that are read, or prepared.
   * @throws {RangeError} If the model, the adapter or the backend isn't there or doesn't fit; named.
   * @throws What the promise is rejected with.
   */
  static async open(
    given: GeneratorOptions | Promise<GeneratorOptions>,
    onPhase: OnPhase = () => {},
  ): Promise<Generator> {
    const worker = connect(new URL("./worker.ts", import.meta.url), "generator", [
      ContextLengthError,
      LogitsError,
      MaskError,
      MaskMemoryError,
    ]);
    // Beside the Worker, which loads its modules meanwhile; loaded here, since who only lists plugins has no permissions for it.
    const begun = given instanceof Promise || usesOnnx(given)
      ? import("../../backends/onnx/c_api/library.ts").then(({ beginLibrary }) => beginLibrary())
      : null;
    try {
      const options = await given, { backend } = options.device ?? CPU;
      if (backend === "webgpu" || (backend === "auto" && mayHaveGpu())) await holdDriver();
      const onEvent = (event: unknown) => onPhase(...event as Parameters<OnPhase>);
      return new Generator(worker, await worker.call<GeneratorInfo>("open", [options], { onEvent }));
    } catch (error) {
      worker.terminate();
      throw error;
    } finally {
      await begun;
    }
  }

  /**
   * Answers a prompt once; requests that are made at once share the engine's steps.
   * @param promptIds Ids, template applied, ≥ 1.
   * @param sampling Fields that differ from greedy, see {@linkcode Sampling}.
   * @param onToken Called for every token, several times in a row where they come faster than every {@linkcode COALESCE_MS}.
   * @throws {ContextLengthError} If the prompt fills the context.
   * @throws {LogitsError} If the model's logits aren't numbers.
   * @throws {RangeError} If a value is out of range, `n` isn't 1, or the adapter isn't loaded.
   * @throws The signal's reason when it fires.
   */
  async generate(
    promptIds: readonly number[],
    sampling: Partial<Sampling> = {},
    onToken?: OnToken,
    signal?: AbortSignal,
  ): Promise<Generated> {
    if ((sampling.n ?? 1) !== 1) {
      throw new RangeError(`Cannot give one answer of n = ${sampling.n}: use generateAll()`);
    }
    return item(await this.generateAll(promptIds, sampling, onToken, signal), 0);
  }

  /** As {@linkcode Generator.generate}, `n` answers; the prompt goes through once. @throws {Error} If the generator is closed */
  async generateAll(
    promptIds: readonly number[],
    sampling: Partial<Sampling> = {},
    onToken?: OnToken,
    signal?: AbortSignal,
  ): Promise<Generated[]> {
    signal?.throwIfAborted();
    if (this.#closed) throw new Error("Cannot answer a prompt: the generator is closed");
    const onEvent = onToken && ((event: unknown) => {
      for (const { token, text, details } of event as TokenEvent[]) onToken(token, text, details);
    });
    return await this.#worker.call("generate", [[...promptIds], sampling, !!onToken], { onEvent, signal });
  }

  /**
   * Loads a LoRA adapter beside the model; requests name it as `Sampling.adapter`. Those under way continue.
   * @param name Not yet taken.
   * @param directory PEFT adapter directory.
   * @throws {RangeError} If the name is taken, or the adapter doesn't fit the model; named.
   */
  async loadAdapter(name: string, directory: string): Promise<void> {
    if (this.#closed) throw new Error("Cannot load an adapter: the generator is closed");
    await this.#worker.call("loadAdapter", [name, directory]);
  }

  /**
   * Forgets an adapter; requests under way that use it end first.
   * @throws {RangeError} If there is none of that name.
   */
  async unloadAdapter(name: string): Promise<void> {
    if (this.#closed) throw new Error("Cannot unload an adapter: the generator is closed");
    await this.#worker.call("unloadAdapter", [name]);
  }

  /** Stops what runs and frees everything. */
  close(): Promise<void> {
    return this.#closed ??= this.#worker.call("close", [])
      .then(() => {}, () => {}).finally(() => this.#worker.terminate());
  }
}

function usesOnnx({ device = CPU }: GeneratorOptions): boolean {
  return device.backend === "onnx" || device.backend === "auto";
}
