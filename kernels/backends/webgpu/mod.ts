/**
 * WebGPU backend: every kernel's `wgsl` on the GPU of any maker that Deno finds. Tensors stay on the device.
 * @module
 */
import { type Backend, elements, type HostArray } from "../../backend.ts";
import { Device } from "./device.ts";
import { webgpuProgram } from "./program.ts";
import { selfTest } from "./self_test.ts";
import { GpuTensor } from "./tensor.ts";

/** Options of the WebGPU backend. */
export interface WebGpuOptions {
  /** Which adapter to ask for where there are two. Default "high-performance". */
  powerPreference?: "low-power" | "high-performance";
  /** Largest storage binding to use, bytes, ≥ 256; default: all that the adapter allows. Smaller ones try the splitting of operands. */
  bindingBytes?: number;
  /** Where adapters come from; default `navigator.gpu`. */
  gpu?: GPU | undefined;
}

/** The backend, and what `auto`, `doctor` and tests ask about it. */
export interface WebGpuBackend extends Backend {
  /** Whether the adapter is a CPU in disguise; `auto` never chooses such a one. */
  readonly software: boolean;
  /** GPU buffers that exist and their bytes, and pipelines made so far. */
  stats(): { buffers: number; bytes: number; pipelines: number };
  /** The device, for tests and for measuring. */
  readonly device: GPUDevice;
  /** Waits until all work is done. */
  finish(): Promise<void>;
}

/** Limits that are asked for as high as the adapter offers. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/**
 * Makes the backend and tries it on a product and an attention before trusting it.
 * @throws {Error} If there is no WebGPU, no adapter, no device, or the self-test's numbers are wrong.
 */
export async function webgpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const gpu = "gpu" in options ? options.gpu : (navigator as Partial<Navigator>).gpu;
  if (!gpu) {
    throw new Error("Cannot use backend webgpu: this runtime has no navigator.gpu; use Deno 2.9.6 or newer");
  }
  const adapter = await gpu.requestAdapter({
    powerPreference: options.powerPreference ?? "high-performance",
  });
  if (!adapter) {
    throw new Error(
      "Cannot use backend webgpu: no adapter was found; install the GPU's driver (on Linux its Vulkan driver), " +
        "try another DENO_WEBGPU_BACKEND (vulkan, metal, dx12, gl), or use backend: onnx",
    );
  }
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const made = await adapter.requestDevice({ label: "dinotune", requiredLimits });
  const limit = Math.min(made.limits.maxStorageBufferBindingSize, options.bindingBytes ?? Infinity);
  const device = new Device(made, Math.floor(limit / 256) * 256);
  const backend = onDevice(device, adapter.info);
  try {
    await selfTest(backend);
  } catch (error) {
    await backend.dispose();
    throw error;
  }
  return backend;
}

/** Whether an adapter computes on the CPU. */
export function isSoftware(info: Pick<GPUAdapterInfo, "description" | "vendor" | "architecture">): boolean {
  const { isFallbackAdapter } = info as { isFallbackAdapter?: boolean };
  return isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i.test(
      `${info.description} ${info.vendor} ${info.architecture}`,
    );
}

function onDevice(device: Device, info: GPUAdapterInfo): WebGpuBackend {
  const software = isSoftware(info);
  const write = (tensor: GpuTensor, data: HostArray) => {
    if (data.length !== elements(tensor.shape)) {
      throw new TypeError(`Cannot write ${data.length} elements to a tensor of shape [${tensor.shape}]`);
    }
    if (data.length) device.gpu.queue.writeBuffer(tensor.buffer, 0, data);
  };
  return {
    name: "webgpu",
    description: `WebGPU, ${info.description || info.device || "unnamed adapter"}${
      software ? " (a CPU: right, but slow)" : ""
    }, bindings to ${Math.floor(device.bindingBytes / 2 ** 20)} MiB`,
    hostMemory: false,
    software,
    device: device.gpu,
    compile: (graph, name) => {
      device.check();
      return Promise.resolve(webgpuProgram(device, graph, name));
    },
    upload: (data, shape) => {
      device.check();
      if (data.length !== elements(shape)) {
        throw new TypeError(
          `Cannot upload ${data.length} elements as [${shape}]: that shape has ${elements(shape)}`,
        );
      }
      const tensor = GpuTensor.allocate(device.memory, shape, data instanceof Int32Array ? "i32" : "f32");
      write(tensor, data);
      return tensor;
    },
    download: async (tensor) => {
      const { buffer, bytes, type } = tensor as GpuTensor, data = await device.read(buffer, bytes);
      return type === "i32" ? new Int32Array(data) : new Float32Array(data);
    },
    write: (tensor, data) => {
      device.check();
      write(tensor as GpuTensor, data);
    },
    zeros: (shape, type = "f32") => {
      device.check();
      const tensor = GpuTensor.allocate(device.memory, shape, type),
        encoder = device.gpu.createCommandEncoder();
      encoder.clearBuffer(tensor.buffer, 0, Math.max(4, tensor.bytes));
      device.gpu.queue.submit([encoder.finish()]);
      return tensor;
    },
    stats: () => ({
      buffers: device.memory.count + device.staging.count,
      bytes: device.memory.bytes + device.staging.bytes,
      pipelines: device.pipelines,
    }),
    finish: async () => {
      device.check();
      await device.finish();
      device.check();
    },
    dispose: async () => {
      // Buffers aren't destroyed under running work.
      if (device.usable) await device.finish();
      device.dispose();
    },
  };
}
