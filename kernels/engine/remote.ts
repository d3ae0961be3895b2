/**
 * An engine in a Worker, called as if it were here.
 * @module
 */
import type { EngineClient, EngineSetup } from "./host.ts";
import type { Answer, Call } from "./worker.ts";

const METHODS: readonly (keyof EngineClient)[] = [
  "describe",
  "forward",
  "backward",
  "step",
  "discard",
  "isIdentity",
  "trained",
  "optimizerState",
  "restore",
  "findNonFinite",
];

const CLASSES: Record<string, new (message: string) => Error> = { RangeError, TypeError, SyntaxError };

/**
 * Starts a Worker and makes an engine in it.
 * @throws {Error} If the model can't be loaded or the backend isn't there; the Worker is gone then.
 */
export async function startEngine(setup: EngineSetup): Promise<EngineClient> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "engine" });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let next = 0;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const call = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ("value" in data) return call.resolve(data.value);
    const error = new (CLASSES[data.error.name] ?? Error)(data.error.message);
    error.stack = data.error.stack;
    call.reject(error);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { reject } of waiting.values()) {
      reject(new Error(`Cannot go on as the engine's Worker stopped: ${event.message}`));
    }
    waiting.clear();
  };
  const call = (method: Call["method"], args: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, method, args } satisfies Call);
    });
  try {
    await call("open", [setup]);
  } catch (error) {
    worker.terminate();
    throw error;
  }
  const methods = METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)] as const);
  return {
    ...Object.fromEntries(methods) as unknown as Omit<EngineClient, "close">,
    close: async () => {
      await call("close", []);
      worker.terminate();
    },
  };
}
