/**
 * WebGPU backend: every kernel's `wgsl` on the GPU of any maker that Deno finds. Tensors stay on the device.
 * @module
 */
import { blocksSelfTest } from "./blocks/blocks_self_check.ts";
import { BlockLoader } from "./blocks/blocks.ts";
import { checkLimits, deviceOf, type Lanes, LIMITS, withSubgroups } from "./adapter/adapter.ts";
import { Device } from "./device/device.ts";
import { driverKind, driverKindText } from "./adapter/driver_kinds.ts";
import type { Half } from "./device/half.ts";
import { onDevice } from "./on_device.ts";
import { halfSelfTest, selfTest, subgroupSelfTest } from "./self_check.ts";
import { trySubgroups } from "./adapter/subgroups.ts";
import type { WebGpuBackend, WebGpuOptions } from "./webgpu_backend.ts";

export { describeSubgroups, isSoftware } from "./on_device.ts";
export type { WebGpuBackend, WebGpuOptions } from "./webgpu_backend.ts";

/**
 * Makes the backend and tries it on a product and an attention before trusting it. Float16 storage is tried by itself; where
 * it fails, float32 is used, and `description` says so.
 * @throws {Error} If there is no WebGPU, no adapter or one of too low limits, no device, or the self-test's numbers are wrong.
 */
export async function webgpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const gpu = "gpu" in options ? options.gpu : (navigator as Partial<Navigator>).gpu;
  if (!gpu) {
    throw new Error("Cannot use backend webgpu: this runtime has no navigator.gpu; use Deno 2.9.6 or newer");
  }
  const ask = () => gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
  const adapter = await ask();
  if (!adapter) {
    throw new Error(
      `Cannot use backend webgpu: no adapter was found: ${driverKindText(driverKind())}; ` +
        "install the GPU's driver (on Linux its Vulkan driver; a container needs the GPU's device files too), or use backend: onnx",
    );
  }
  checkLimits(adapter);
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const storage = options.half ?? "exact", offered = adapter.features.has("shader-f16");
  const request: GPUDeviceDescriptor = {
    label: "dinotune",
    requiredLimits,
    requiredFeatures: [
      ...(offered && storage !== "none" ? ["shader-f16" as const] : []),
      ...(adapter.features.has("timestamp-query") ? ["timestamp-query" as const] : []),
    ],
  };
  const lanes = { least: 0, why: options.subgroups === 0 ? "asked for" : "" };
  const made = await withSubgroups(adapter, request, lanes) ??
    // An adapter that refused a request may be used up.
    await deviceOf(await ask() ?? adapter, request);
  const limit = Math.min(made.limits.maxStorageBufferBindingSize, options.bindingBytes ?? Infinity);
  const device = new Device(made, Math.floor(limit / 256) * 256);
  const why = storage === "none" ? "asked for" : "this adapter has no shader-f16";
  const half: Half = { storage: "none", why, kept: 0, frozen: 0 };
  const backend = onDevice(device, adapter.info, { half, lanes, gpu });
  try {
    if (lanes.why === "") {
      await settleSubgroups(device, backend, { info: adapter.info, lanes, most: options.subgroups });
    }
    if (lanes.least === 0) await selfTest(backend);
    if (storage !== "none" && offered) {
      half.storage = "exact";
      const problem = await halfSelfTest(backend);
      half.storage = problem ? "none" : storage;
      half.why = problem ?? "";
    }
    const { blocks = "never" } = options;
    if (blocks === "always" || blocks === "hardware" && !backend.software) {
      device.blocks = await BlockLoader.on(device);
      if (device.blocks && !(await blocksSelfTest(device.blocks, backend))) device.blocks = null;
    }
  } catch (error) {
    await backend.dispose();
    throw error;
  }
  half.kept = half.frozen = 0;
  return backend;
}

/** Tries subgroup functions by themselves, then in the kernels that use them; leaves `why` where they aren't used. */
async function settleSubgroups(
  device: Device,
  backend: WebGpuBackend,
  { info, lanes, most = Infinity }: { info: GPUAdapterInfo; lanes: Lanes; most: number | undefined },
): Promise<void> {
  const found = await trySubgroups(device, info);
  if (typeof found === "string") {
    lanes.why = found;
    return;
  }
  device.subgroups = { ...found, least: Math.min(found.least, most) };
  lanes.least = device.subgroups.least;
  const problem = await subgroupSelfTest(backend);
  if (problem === null) return;
  device.subgroups = undefined;
  Object.assign(lanes, { least: 0, why: problem });
}
