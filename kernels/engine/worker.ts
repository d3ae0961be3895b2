/**
 * The engine's Worker: makes the engine from a setup, then answers calls one after another.
 * Started by remote.ts; not imported by anything.
 * @module
 */
import { openModel } from "../../formats/hf_model/mod.ts";
import { makeBackend } from "./backends.ts";
import { type EngineClient, EngineHost, type EngineSetup } from "./host.ts";

/** A call and its answer carry the same id. */
export interface Call {
  id: number;
  method: keyof EngineClient | "open";
  args: unknown[];
}

/** What comes back: a value, or an error's class and message. */
export type Answer = { id: number; value: unknown } | {
  id: number;
  error: { name: string; message: string; stack: string };
};

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Call>) => void) | null;
  postMessage(message: Answer): void;
};

let host: EngineHost | null = null;
let last: Promise<void> = Promise.resolve();

async function open(setup: EngineSetup): Promise<void> {
  const model = await openModel(setup.modelPath);
  try {
    host = new EngineHost(await makeBackend(setup.device), setup, (name) => model.weights.read(name));
  } finally {
    model.weights.close();
  }
}

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    if (method === "open") {
      await open(args[0] as EngineSetup);
      scope.postMessage({ id, value: null });
      return;
    }
    // deno-lint-ignore no-explicit-any -- the arguments are those that remote.ts was called with, typed there
    scope.postMessage({ id, value: await (host![method] as any)(...args) });
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    scope.postMessage({ id, error: { name, message, stack: stack ?? "" } });
  }
}

scope.onmessage = ({ data }) => {
  last = last.then(() => answer(data));
};
