/**
 * Devices of an adapter: the limits and features that are asked for, and what is said where there is none.
 * @module
 */
import { driverKind, driverKindText } from "./driver_kinds.ts";
import { SUBGROUPS } from "./subgroups.ts";

/** Limits that are asked for as high as the adapter offers. */
export const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Least limits of a device that the shaders take for granted: WebGPU promises it of every device, and a runtime may hand out an adapter of an older kind that hasn't it. */
const LEAST: Readonly<Partial<Record<keyof GPUSupportedLimits, number>>> = {
  maxStorageBufferBindingSize: 2 ** 24,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

/** @throws {Error} If an adapter's limits are below what the shaders need. */
export function checkLimits({ limits, info }: GPUAdapter): void {
  for (const [name, least] of Object.entries(LEAST)) {
    const value = limits[name as keyof typeof LEAST];
    if (!(Number(value) < least)) continue;
    throw new Error(
      `Cannot use backend webgpu on ${
        adapterName(info)
      }: its shaders need ${name} of ${least}: current value is ${value}; ` +
        `${driverKindText(driverKind())}; try another kind or use backend: onnx`,
    );
  }
}

/** An adapter's name for messages. */
export function adapterName(info: GPUAdapterInfo): string {
  return info.description || info.device || "unnamed adapter";
}

/** @throws {Error} If the adapter gives none; says which and what to do. */
export async function deviceOf(adapter: GPUAdapter, request: GPUDeviceDescriptor): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice(request);
  } catch (error) {
    throw new Error(
      `Cannot use backend webgpu on ${adapterName(adapter.info)}: it gives no device (${
        (error as Error).message
      }); close other programs that use the GPU, update its driver, or use backend: onnx`,
      { cause: error },
    );
  }
}

/** Subgroup functions of a device: invocations of a subgroup that are relied on, 0 without, and why not. */
export interface Lanes {
  least: number;
  why: string;
}

/** A device with the feature, listed by its adapter or not; null where none is wanted or granted. */
export async function withSubgroups(
  adapter: GPUAdapter,
  request: GPUDeviceDescriptor,
  lanes: Lanes,
): Promise<GPUDevice | null> {
  if (lanes.why !== "") return null;
  try {
    return await adapter.requestDevice({
      ...request,
      requiredFeatures: [...request.requiredFeatures ?? [], SUBGROUPS],
    });
  } catch {
    // A request that fails for another reason fails again without the feature.
    lanes.why = "this adapter has none";
    return null;
  }
}
