/**
 * Tests on a device that stores frozen operands as float16.
 * @module
 */
import { testWebGpu } from "../../../testing/backends.ts";
import { webgpuBackend } from "../mod.ts";

const { ignore, title } = await halfDevice();

async function halfDevice(): Promise<{ ignore: boolean; title: string }> {
  const { ignore, name } = await testWebGpu();
  if (ignore) return { ignore, title: name };
  const { half, dispose } = await webgpuBackend();
  await dispose();
  return half.storage === "none" ? { ignore: true, title: `webgpu: ${half.why}` } : { ignore, title: name };
}

/** A test that is left out, with the reason, where there is no such device. */
export function halfDeviceTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} (${title})`, ignore, fn });
}
