/**
 * Adapters beside a model by name, and the requests that use each.
 * @module
 */
import { shown } from "../../../../formats/message.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import type { BatchEngine } from "./batch_engine.ts";

/** See the module's text. */
export class LoadedAdapters {
  readonly #users = new Map<string, Set<Promise<unknown>>>();

  constructor(readonly engine: BatchEngine) {}

  /**
   * Puts an adapter beside the model, between two steps.
   * @throws {RangeError} If the engine can't, the name is taken, or a weight isn't finite.
   */
  load(name: string, adapter: Adapter): void {
    if (!this.engine.loadAdapter) {
      throw new RangeError(
        `Cannot load adapter ${
          shown(name)
        } beside the model: this engine can't; open the model with it instead`,
      );
    }
    if (name === "") throw new RangeError("Cannot load an adapter without a name");
    if (this.#users.has(name)) {
      throw new RangeError(`Cannot load adapter ${shown(name)}: there is one of that name`);
    }
    checkFinite(name, adapter);
    this.engine.loadAdapter(name, adapter);
    this.#users.set(name, new Set());
  }

  /** Takes no more requests for an adapter, waits for those under way, and forgets it. @throws {RangeError} If there is none of that name. */
  async unload(name: string): Promise<void> {
    const users = this.#users.get(name);
    if (!users) throw new RangeError(`Cannot unload adapter ${shown(name)}: there is none of that name`);
    this.#users.delete(name);
    await Promise.allSettled(users);
    this.engine.unloadAdapter?.(name);
  }

  /** Refuses a name that isn't loaded. @throws {RangeError} Then. */
  check(name: string | null): void {
    if (name === null || this.#users.has(name)) return;
    const known = [...this.#users.keys()].map((each) => shown(each)).join(", ");
    throw new RangeError(
      `Cannot answer with adapter ${shown(name)}: ${known ? `loaded are ${known}` : "none is loaded"}`,
    );
  }

  /** The request's result; until then its adapter stays. */
  async using<T>(name: string | null, request: Promise<T>): Promise<T> {
    const users = this.#users.get(name ?? "");
    users?.add(request);
    try {
      return await request;
    } finally {
      users?.delete(request);
    }
  }
}

/** Adapters share their products: what isn't finite times nothing would still be no number, in everybody's answers. */
function checkFinite(name: string, { modules }: Adapter): void {
  for (const [module, { a, b, scale }] of modules) {
    if (a.every(Number.isFinite) && b.every((value) => Number.isFinite(Math.fround(value * scale)))) continue;
    throw new RangeError(
      `Cannot load adapter ${
        shown(name)
      }: its weights of ${module} aren't all finite. Was its training's loss a number?`,
    );
  }
}
