/**
 * Sessions: a model, ready to run.
 * @module
 */
import { flushingSubnormals } from "../../../native/mod.ts";
import { arenaStatistics } from "./arena.ts";
import { OrtHandle } from "./handle.ts";
import type { OrtLibrary } from "./library.ts";
import { cPath, CStrings, pointerArray, stringAt } from "./memory.ts";
import type { RunOptions } from "./run_options.ts";
import { type SessionOptions, withSessionOptions } from "./session_options.ts";
import { checkStatus, created } from "./status.ts";
import type { OrtMemory, OrtTensor } from "./value.ts";

/** Tensors by the names of a model's inputs or outputs. */
export type NamedTensors = Readonly<Record<string, OrtTensor>>;

/** A model, ready to run. */
export class OrtSession extends OrtHandle {
  /** Inputs in the model's order. */
  readonly inputNames: readonly string[];
  /** Outputs in the model's order. */
  readonly outputNames: readonly string[];
  /** Names of earlier runs as the library takes them: encoding some sixty of a block's took longer than passing its tensors. */
  readonly #lists = new Map<string, CStrings>();

  /**
   * Makes a session.
   * @param model Bytes of an ONNX model, or the path of its file.
   * @throws {Error} If the model isn't one or can't be run, or an option isn't taken.
   */
  constructor(
    readonly library: OrtLibrary,
    model: Uint8Array<ArrayBuffer> | string,
    /** Kept, since the session reads constants where they are. */
    readonly options: SessionOptions,
  ) {
    const { api, env } = library;
    super("a session", api.ReleaseSession);
    const action = typeof model === "string" ? `open the model ${model}` : "make a session";
    this.own(
      withSessionOptions(
        library,
        options,
        (given) =>
          created(
            api,
            action,
            (out) =>
              // What is constant is computed here, and the process's first session changes the thread.
              this.computing(() =>
                typeof model === "string"
                  ? api.CreateSession(env, cPath(model), given, out)
                  : api.CreateSessionFromArray(env, model, BigInt(model.byteLength), given, out)
              ),
          ),
      ),
    );
    this.inputNames = this.#names("SessionGetInputCount", "SessionGetInputName");
    this.outputNames = this.#names("SessionGetOutputCount", "SessionGetOutputName");
  }

  #names(
    counter: "SessionGetInputCount" | "SessionGetOutputCount",
    namer: "SessionGetInputName" | "SessionGetOutputName",
  ): string[] {
    const { api, allocator } = this.library, action = "list a session's inputs and outputs";
    const count = new BigUint64Array(1);
    checkStatus(api, action, api[counter](this.pointer, count));
    return Array.from({ length: Number(count[0]) }, (_, i) => {
      const text = created(api, action, (out) => api[namer](this.pointer, BigInt(i), allocator, out));
      const name = stringAt(text);
      checkStatus(api, action, api.AllocatorFree(allocator, text));
      return name;
    });
  }

  /**
   * Has the library compute in this thread, which takes subnormal numbers for 0 meanwhile if the session's threads do
   * (`session.set_denormal_as_zero`): what a run gives then doesn't hang on which of them computes what.
   */
  computing<T>(call: () => T): T {
    return this.options.config?.["session.set_denormal_as_zero"] === "1" ? flushingSubnormals(call) : call();
  }

  /**
   * Runs once, in this thread: nothing else happens in it meanwhile. Reads and writes tensors where they lie, without copies.
   * @param outputs Tensors to write to, of the shapes that the run gives.
   * @throws {Error} If the run fails; a missing input or a shape that doesn't fit is named.
   */
  run(inputs: NamedTensors, outputs: NamedTensors, options: RunOptions | null = null): void {
    const { api } = this.library, call = this.#arguments(inputs, outputs);
    const status = this.computing(() => api.Run(this.pointer, options?.pointer ?? null, ...call.parameters));
    checkStatus(api, "run a model", status);
  }

  /**
   * Runs once, in another thread. Subnormal numbers count there whatever `session.set_denormal_as_zero` says, which the library does
   * only in threads of its own, so the last bits may differ from {@linkcode OrtSession.run}'s.
   */
  async runInBackground(
    inputs: NamedTensors,
    outputs: NamedTensors,
    options: RunOptions | null = null,
  ): Promise<void> {
    const { api, background } = this.library, call = this.#arguments(inputs, outputs);
    const status = await OrtHandle.during(
      [this, options, ...Object.values(inputs), ...Object.values(outputs)],
      () => background.Run(this.pointer, options?.pointer ?? null, ...call.parameters),
    );
    // Named here so that it is referenced until now: the run reads it by address.
    if (call.referenced.length) checkStatus(api, "run a model", status);
  }

  #arguments(inputs: NamedTensors, outputs: NamedTensors) {
    const list = (tensors: NamedTensors) => {
      const names = this.#namesOf(Object.keys(tensors));
      const values = pointerArray(
        Object.values(tensors).map((tensor) => Deno.UnsafePointer.value(tensor.pointer)),
      );
      return { names, values, count: BigInt(names.length) };
    };
    const given = list(inputs), wanted = list(outputs);
    return {
      parameters: [
        given.names.pointers,
        given.values,
        given.count,
        wanted.names.pointers,
        wanted.count,
        wanted.values,
      ] as const,
      referenced: [given, wanted],
    };
  }

  #namesOf(names: readonly string[]): CStrings {
    const key = names.join("\n"), known = this.#lists.get(key) ?? new CStrings(names);
    this.#lists.set(key, known);
    return known;
  }

  /** Ends the profile that `profile` of its options began. Gives the path of its file. */
  endProfile(): string {
    const { api, allocator } = this.library, action = "write a session's profile";
    const text = created(api, action, (out) => api.SessionEndProfiling(this.pointer, allocator, out));
    const path = stringAt(text);
    checkStatus(api, action, api.AllocatorFree(allocator, text));
    return path;
  }
}

/** Allocates in a memory of a session's provider. Tensors made by it are freed first. */
export class OrtAllocator extends OrtHandle {
  readonly #library: OrtLibrary;

  /** @throws {Error} If the session's provider has no such memory. */
  constructor(session: OrtSession, readonly memory: OrtMemory) {
    const { api } = session.library;
    super("an allocator", api.ReleaseAllocator);
    this.own(
      created(
        api,
        `allocate in the memory "${memory.name}"`,
        (out) => api.CreateAllocator(session.pointer, memory.pointer, out),
      ),
    );
    this.#library = session.library;
  }

  /** Bytes that its arena holds, in use or free; 0 if it is none. */
  get heldBytes(): number {
    return arenaStatistics(this.#library, this.pointer).TotalAllocated ?? 0;
  }
}
