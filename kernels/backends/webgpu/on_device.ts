/**
 * The backend's methods on a device that has been opened.
 * @module
 */
import { programWith } from "../options.ts";
import { adapterName, type Lanes } from "./adapter/adapter.ts";
import type { Device } from "./device/device.ts";
import { deviceTensors } from "./tensors/device_tensors.ts";
import type { Half } from "./device/half.ts";
import { webgpuProgram } from "./programs/program.ts";
import { hasRoom } from "./device/room.ts";
import { PassTimer } from "./device/timer.ts";
import type { WebGpuBackend } from "./webgpu_backend.ts";

/** True if an adapter computes on the CPU. */
export function isSoftware(info: Pick<GPUAdapterInfo, "description" | "vendor" | "architecture">): boolean {
  const { isFallbackAdapter } = info as { isFallbackAdapter?: boolean };
  return isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i.test(
      `${info.description} ${info.vendor} ${info.architecture}`,
    );
}

function describe({ storage, why, kept, frozen }: Half): string {
  if (storage === "none") return `weights in float32 (${why})`;
  const which = storage === "exact" ? "frozen matrices that float16 holds" : "frozen matrices, rounded";
  return `float16 storage of ${which}${frozen ? ` (${kept} of ${frozen})` : ""}`;
}

/** Subgroup functions of a backend in words. */
export function describeSubgroups({ least, why }: WebGpuBackend["subgroups"]): string {
  return least > 0 ? `subgroups of ${least} or more` : `no subgroup functions (${why})`;
}

/**
 * The backend on a device that has been opened.
 * @param half,lanes Filled in by whoever tries the device; told by the backend as they are then
 */
export function onDevice(
  device: Device,
  info: GPUAdapterInfo,
  { half, lanes, gpu }: { half: Half; lanes: Lanes; gpu: GPU },
): WebGpuBackend {
  const software = isSoftware(info);
  return {
    name: "webgpu",
    get description() {
      return `WebGPU, ${adapterName(info)}${software ? " (a CPU: right, but slow)" : ""}, bindings to ${
        Math.floor(device.bindingBytes / 2 ** 20)
      } MiB, ${describe(half)}, ${describeSubgroups(lanes)}${
        device.blocks ? ", quantised blocks taken apart there" : ""
      }`;
    },
    hostMemory: false,
    half,
    subgroups: lanes,
    work: device.work,
    software,
    device: device.gpu,
    keepsTensors: true,
    fewSizes: true,
    inPlace: true,
    compile: (graph, name, options) => {
      device.check();
      return Promise.resolve(programWith((g, n) => webgpuProgram(device, g, n), graph, name, options));
    },
    ...deviceTensors(device, half),
    ...(software ? {} : { holds: (bytes: number) => hasRoom(info, bytes, gpu) }),
    stats: () => ({
      buffers: device.memory.count + device.staging.count,
      bytes: device.memory.bytes + device.staging.bytes,
      pipelines: device.pipelines,
    }),
    ...(device.gpu.features.has("timestamp-query") && {
      timed: async (work: () => Promise<void>) => {
        const timer = device.timer = new PassTimer(device);
        try {
          await work();
        } finally {
          device.timer = null;
        }
        return await timer.seconds();
      },
    }),
    finish: async () => {
      device.check();
      await device.finish();
      device.check();
    },
    dispose: async () => {
      // Buffers aren't destroyed under running work.
      if (device.usable) await device.finish();
      await device.dispose();
    },
  };
}
