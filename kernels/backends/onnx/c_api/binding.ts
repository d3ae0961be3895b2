/**
 * Inputs and outputs bound once for many runs (IoBinding), and outputs that stay where a provider computes.
 * @module
 */
import { OrtHandle } from "./handle.ts";
import { cString } from "./memory.ts";
import type { RunOptions } from "./run_options.ts";
import type { OrtSession } from "./session.ts";
import { checkStatus, created } from "./status.ts";
import { type OrtMemory, OrtTensor } from "./value.ts";

/** Inputs and outputs of a session, bound by name for its next runs (`OrtIoBinding`). */
export class OrtBinding extends OrtHandle {
  /** Bound values are held here, so that their memory stays. */
  readonly #inputs = new Map<string, OrtTensor>();
  /** In the library's order, which `outputs()` relies on: a name that is bound again keeps its place. */
  readonly #outputs = new Map<string, OrtTensor | OrtMemory>();

  constructor(readonly session: OrtSession) {
    const { api } = session.library;
    super("bound tensors", api.ReleaseIoBinding);
    this.own(created(api, "bind tensors", (out) => api.CreateIoBinding(session.pointer, out)));
  }

  /**
   * Binds an input. A tensor in the host's memory is copied to a provider's now, so bind it again when its values changed;
   * on the CPU runs read its memory itself.
   * @throws {Error} If the session has no such input.
   */
  bindInput(name: string, tensor: OrtTensor): this {
    const { api } = this.session.library;
    this.#known(name, this.session.inputNames, "input");
    checkStatus(api, `bind the input "${name}"`, api.BindInput(this.pointer, cString(name), tensor.pointer));
    this.#inputs.set(name, tensor);
    return this;
  }

  /**
   * Binds an output to a tensor that runs write to, or to a memory in which each run makes it.
   * @throws {Error} If the session has no such output.
   */
  bindOutput(name: string, to: OrtTensor | OrtMemory): this {
    const { api } = this.session.library, action = `bind the output "${name}"`;
    this.#known(name, this.session.outputNames, "output");
    const text = cString(name);
    const status = to instanceof OrtTensor
      ? api.BindOutput(this.pointer, text, to.pointer)
      : api.BindOutputToDevice(this.pointer, text, to.pointer);
    checkStatus(api, action, status);
    this.#outputs.set(name, to);
    return this;
  }

  /** The library takes any name of an output, and says at a run that the place is unknown. */
  #known(name: string, names: readonly string[], kind: string): void {
    if (names.includes(name)) return;
    throw new RangeError(`Cannot bind the ${kind} "${name}": the session has ${names.join(", ") || "none"}`);
  }

  /** Forgets inputs and outputs. */
  clear(): void {
    const { api } = this.session.library;
    api.ClearBoundInputs(this.pointer);
    api.ClearBoundOutputs(this.pointer);
    this.#inputs.clear();
    this.#outputs.clear();
  }

  /** Runs once, in this thread. @throws {Error} If the run fails. */
  run(options: RunOptions | null = null): void {
    const { session } = this, { api } = session.library;
    const status = session.computing(() =>
      api.RunWithBinding(session.pointer, options?.pointer ?? null, this.pointer)
    );
    checkStatus(api, "run a model", status);
  }

  /** Runs once, in another thread; see {@linkcode OrtSession.runInBackground}. */
  async runInBackground(options: RunOptions | null = null): Promise<void> {
    const { api, background } = this.session.library;
    const status = await OrtHandle.during([
      this.session,
      this,
      options,
      ...this.#inputs.values(),
      ...this.#outputs.values(),
    ], () => background.RunWithBinding(this.session.pointer, options?.pointer ?? null, this.pointer));
    checkStatus(api, "run a model", status);
  }

  /** Waits until a provider has finished with the outputs. */
  synchronizeOutputs(): void {
    const { api } = this.session.library;
    checkStatus(api, "wait for a run's outputs", api.SynchronizeBoundOutputs(this.pointer));
  }

  /** Tensors of the last run by name; each is the caller's to dispose of. */
  outputs(): Record<string, OrtTensor> {
    const { library } = this.session, { api, allocator } = library, action = "take a run's outputs";
    const list = new BigUint64Array(1), count = new BigUint64Array(1);
    checkStatus(api, action, api.GetBoundOutputValues(this.pointer, allocator, list, count));
    const pointer = Deno.UnsafePointer.create(list[0] ?? 0n);
    if (!pointer) return {};
    const view = new Deno.UnsafePointerView(pointer);
    const pointers = Array.from({ length: Number(count[0]) }, (_, i) => view.getPointer(8 * i));
    checkStatus(api, action, api.AllocatorFree(allocator, pointer));
    return Object.fromEntries(
      [...this.#outputs.keys()].map((name, i) => [name, OrtTensor.of(library, pointers[i] ?? null)]),
    );
  }

  /** Frees it; the tensors are the caller's. */
  override dispose(): void {
    super.dispose();
    this.#inputs.clear();
    this.#outputs.clear();
  }
}
