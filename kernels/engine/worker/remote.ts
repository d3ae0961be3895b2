/**
 * An engine in a Worker, called as if it were here.
 * @module
 */
import { holdDriver } from "../../backends/webgpu/adapter/driver.ts";
import { ENGINE_METHODS, type EngineClient, type EngineSetup, type OnPhase } from "../host.ts";
import { connect, GivenArrays } from "./worker_call.ts";

/** Methods that an engine of `webgpu` alone has. */
const AHEAD: ReadonlySet<string> = new Set(["forwardAll", "stepAhead", "lateNorm"]);

/**
 * Starts a Worker and makes an engine in it.
 * @param onPhase Told of weights that are read, and of programs that are compiled
 * @throws {Error} If the model can't be loaded or the backend isn't there; the Worker is gone then.
 */
export async function startEngine(setup: EngineSetup, onPhase: OnPhase = () => {}): Promise<EngineClient> {
  if (setup.device.backend === "webgpu") await holdDriver();
  const worker = connect(new URL("./worker.ts", import.meta.url), "engine");
  const onEvent = (event: unknown) => onPhase(...event as Parameters<OnPhase>);
  try {
    await worker.call("open", [setup], { onEvent });
  } catch (error) {
    worker.terminate();
    throw error;
  }
  const offered = ENGINE_METHODS.filter((method) => setup.device.backend === "webgpu" || !AHEAD.has(method));
  const methods = offered.map((method) =>
    [method, (...args: unknown[]) => worker.call(method, args, { onEvent })] as const
  );
  const client = Object.fromEntries(methods) as unknown as EngineClient;
  return {
    ...client,
    replicas: 1,
    restore: (trained, optimizer) =>
      worker.call("restore", [trained, optimizer], {
        onEvent,
        transfer: [trained, optimizer ?? {}].flatMap((arrays) => new GivenArrays(arrays).buffers),
      }),
    close: async () => {
      await client.close();
      worker.terminate();
    },
  };
}
