/**
 * An engine in a Worker, called as if it were here.
 * @module
 */
import { holdDriver } from "../backends/webgpu/driver.ts";
import { ENGINE_METHODS, type EngineClient, type EngineSetup } from "./host.ts";
import { connect } from "./worker_call.ts";

/**
 * Starts a Worker and makes an engine in it.
 * @throws {Error} If the model can't be loaded or the backend isn't there; the Worker is gone then.
 */
export async function startEngine(setup: EngineSetup): Promise<EngineClient> {
  if (setup.device.backend === "webgpu") await holdDriver();
  const worker = connect(new URL("./worker.ts", import.meta.url), "engine");
  try {
    await worker.call("open", [setup]);
  } catch (error) {
    worker.terminate();
    throw error;
  }
  const methods = ENGINE_METHODS.map((method) =>
    [method, (...args: unknown[]) => worker.call(method, args)] as const
  );
  const client = Object.fromEntries(methods) as unknown as EngineClient;
  return {
    ...client,
    replicas: 1,
    close: async () => {
      await client.close();
      worker.terminate();
    },
  };
}
