/**
 * Generating with a model of this project's own engine, in a Worker, so that this thread stays responsive.
 * @module
 */
import { ContextLengthError, type Generated, type OnToken } from "./batch.ts";
import type { GeneratorInfo, GeneratorOptions } from "./options.ts";
import type { Order, Report } from "./worker.ts";
import type { Sampling } from "./sampling.ts";

export { ContextLengthError, type Generated, type OnToken } from "./batch.ts";
export { CPU, type DeviceChoice, type GeneratorInfo, type GeneratorOptions, MAX_BATCH } from "./options.ts";
export { type BackendChoice } from "../host.ts";
export { GREEDY, type Sampling } from "./sampling.ts";

const CLASSES: Record<string, new (message: string) => Error> = {
  ContextLengthError,
  RangeError,
  TypeError,
  SyntaxError,
};

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  onToken?: OnToken | undefined;
}

/** What the Worker's messages change. */
interface State {
  waiting: Map<number, Waiting>;
  /** Why the Worker stopped, if it did. */
  fault: Error | null;
}

/** A model that answers prompts. Make with {@linkcode Generator.open}. */
export class Generator {
  /** What it runs. */
  readonly info: GeneratorInfo;
  readonly #worker: Worker;
  readonly #state: State;
  #next = 1;
  #closed: Promise<void> | null = null;

  private constructor(worker: Worker, state: State, info: GeneratorInfo) {
    this.#worker = worker;
    this.#state = state;
    this.info = info;
  }

  /**
   * Opens a model in a new Worker.
   * @throws {RangeError} If the model, the adapter or the backend isn't there or doesn't fit; named.
   */
  static async open(options: GeneratorOptions): Promise<Generator> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: "generator",
    });
    const state: State = { waiting: new Map(), fault: null };
    const { waiting } = state;
    worker.onmessage = ({ data }: MessageEvent<Report>) => receive(waiting, data);
    worker.onerror = (event) => {
      event.preventDefault();
      const fault = state.fault = new Error(
        `Cannot go on as the generator's Worker stopped: ${event.message}`,
      );
      for (const { reject } of waiting.values()) reject(fault);
      waiting.clear();
    };
    try {
      const info = await new Promise<unknown>((resolve, reject) => {
        waiting.set(0, { resolve, reject });
        worker.postMessage({ type: "open", id: 0, options } satisfies Order);
      });
      return new Generator(worker, state, info as GeneratorInfo);
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
    const id = this.#next++;
    const stop = () => {
      this.#worker.postMessage({ type: "cancel", id } satisfies Order);
      this.#state.waiting.get(id)?.reject(signal!.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await this.#ask(
        { type: "generate", id, prompt: [...promptIds], sampling, tokens: !!onToken },
        onToken,
      );
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Stops what runs and frees everything. */
  close(): Promise<void> {
    return this.#closed ??= this.#ask({ type: "close", id: this.#next++ })
      .then(() => {}, () => {}).finally(() => this.#worker.terminate());
  }

  #ask<T>(order: Order, onToken?: OnToken): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#state.fault) return reject(this.#state.fault);
      this.#state.waiting.set(order.id, { resolve: resolve as (value: unknown) => void, reject, onToken });
      this.#worker.postMessage(order);
    });
  }
}

function receive(waiting: Map<number, Waiting>, report: Report): void {
  const call = waiting.get(report.id);
  if (report.type === "token") {
    try {
      return call?.onToken?.(report.token, report.text);
    } catch (error) {
      // A fault of the caller's must not stop other answers.
      return call?.reject(error);
    }
  }
  waiting.delete(report.id);
  if (report.type === "done") return call?.resolve(report.value);
  const error = new (CLASSES[report.name] ?? Error)(report.message);
  error.stack = report.stack;
  call?.reject(error);
}
