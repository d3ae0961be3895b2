/**
 * The backend's methods on a device that has been opened.
 * @module
 */
import { elements, type HostArray } from "../../backend.ts";
import { extentOf } from "../indices.ts";
import { programWith } from "../options.ts";
import { adapterName, type Lanes } from "./adapter.ts";
import type { Device } from "./device.ts";
import { type Half, toHalf } from "./half.ts";
import { loaded } from "./load.ts";
import { webgpuProgram } from "./program.ts";
import { hasRoom } from "./room.ts";
import { GpuTensor } from "./tensor.ts";
import { PassTimer } from "./timer.ts";
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
  const write = (tensor: GpuTensor, data: HostArray) => {
    if (data.length !== elements(tensor.shape)) {
      throw new TypeError(`Cannot write ${data.length} elements to a tensor of shape [${tensor.shape}]`);
    }
    if (data instanceof Int32Array) tensor.extent = extentOf(data);
    device.write(tensor.buffer, data);
  };
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
    compile: (graph, name, options) => {
      device.check();
      return Promise.resolve(programWith((g, n) => webgpuProgram(device, g, n), graph, name, options));
    },
    upload: (data, shape, { frozen = false } = {}) => {
      device.check();
      if (data.length !== elements(shape)) {
        throw new TypeError(
          `Cannot upload ${data.length} elements as [${shape}]: that shape has ${elements(shape)}`,
        );
      }
      if (frozen && shape.length === 2 && data instanceof Float32Array) {
        half.frozen++;
        const values = toHalf(data, half.storage);
        if (values) {
          half.kept++;
          const tensor = GpuTensor.frozen(device.memory, shape, true);
          device.write(tensor.buffer, values);
          return tensor;
        }
      }
      const tensor = frozen && data instanceof Float32Array
        ? GpuTensor.frozen(device.memory, shape, false)
        : GpuTensor.allocate(device.memory, shape, data instanceof Int32Array ? "i32" : "f32");
      write(tensor, data);
      return tensor;
    },
    uploadPieces: (pieces, shape) => {
      device.check();
      return loaded(device, pieces, shape, half);
    },
    download: async (tensor, ahead) => {
      const { buffer, bytes, type, shape, half } = tensor as GpuTensor,
        data = await device.read(buffer, bytes, ahead);
      if (half) return Float32Array.from(new Float16Array(data, 0, elements(shape)));
      return type === "i32" ? new Int32Array(data) : new Float32Array(data);
    },
    write: (tensor, data) => {
      device.check();
      if ((tensor as GpuTensor).half) {
        throw new TypeError(`Cannot write to a tensor of shape [${tensor.shape}]: it was uploaded as frozen`);
      }
      write(tensor as GpuTensor, data);
    },
    zeros: (shape, type = "f32") => {
      device.check();
      const tensor = GpuTensor.allocate(device.memory, shape, type),
        encoder = device.gpu.createCommandEncoder();
      if (type === "i32") tensor.extent = { least: 0, most: 0 };
      encoder.clearBuffer(tensor.buffer, 0, Math.max(4, tensor.bytes));
      device.submit([encoder.finish()]);
      return tensor;
    },
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
