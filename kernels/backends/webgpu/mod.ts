/**
 * WebGPU backend: every kernel's `wgsl` on the GPU of any maker that Deno finds. Tensors stay on the device.
 * @module
 */
import { type Backend, elements, type HostArray } from "../../backend.ts";
import { extentOf } from "../indices.ts";
import { programWith } from "../options.ts";
import { Device } from "./device.ts";
import { webgpuProgram } from "./program.ts";
import { type Half, type HalfStorage, toHalf } from "./half.ts";
import { hasRoom } from "./room.ts";
import { halfSelfTest, selfTest, subgroupSelfTest } from "./self_test.ts";
import { SUBGROUPS, trySubgroups } from "./subgroups.ts";
import { loaded } from "./load.ts";
import { GpuTensor } from "./tensor.ts";
import { PassTimer } from "./timer.ts";

/** Options of the WebGPU backend. */
export interface WebGpuOptions {
  /** Power preference where there are two adapters. Default "high-performance". */
  powerPreference?: "low-power" | "high-performance";
  /** Largest storage binding to use, bytes, ≥ 256; default: all that the adapter allows. Smaller ones try the splitting of operands. */
  bindingBytes?: number;
  /** Frozen matrices kept as float16 where the adapter supports it and passes a test. Default "exact". */
  half?: HalfStorage;
  /** Most invocations of a subgroup that shaders rely on, a power of two ≥ 4, or 0 for no subgroup functions; default: as many as the device has. */
  subgroups?: number;
  /** Where adapters come from; default `navigator.gpu`. */
  gpu?: GPU | undefined;
}

/** The backend, and what `auto`, `doctor` and tests ask about it. */
export interface WebGpuBackend extends Backend {
  /** Whether the adapter is a CPU in disguise; `auto` never chooses such a one. */
  readonly software: boolean;
  /** GPU buffers that exist and their bytes, and pipelines made so far. */
  stats(): { buffers: number; bytes: number; pipelines: number };
  /**
   * Dispatches of programs and their command buffers so far, and what was made for them: plans of sizes, groups of bindings; tensors
   * read back, and stretches in which the host waited for the device.
   */
  readonly work: Readonly<
    Record<"dispatches" | "submits" | "plans" | "bindGroups" | "downloads" | "waits", number>
  >;
  /** The device, for tests and for measuring. */
  readonly device: GPUDevice;
  /** Frozen matrices kept as float16, the reason when there are none, and their number so far. */
  readonly half: Readonly<{ storage: HalfStorage; why: string; kept: number; frozen: number }>;
  /** Invocations of a subgroup that shaders rely on, 0 without subgroup functions, and the reason then. */
  readonly subgroups: Readonly<{ least: number; why: string }>;
  /**
   * Seconds on the device's own clock of the programs that `work` runs, at most 256; absent where the device has no such clock.
   * @throws {RangeError} If there are more.
   */
  timed?(work: () => Promise<void>): Promise<number>;
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

/** Least limits of a device that the shaders take for granted: WebGPU promises it of every device, and a runtime may hand out an adapter of an older kind that hasn't it. */
const LEAST: Readonly<Partial<Record<keyof GPUSupportedLimits, number>>> = {
  maxStorageBufferBindingSize: 2 ** 24,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

/** @throws {Error} If an adapter's limits are below what the shaders need. */
function checkLimits({ limits, info }: GPUAdapter): void {
  for (const [name, least] of Object.entries(LEAST)) {
    const value = limits[name as keyof typeof LEAST];
    if (!(Number(value) < least)) continue;
    throw new Error(
      `Cannot use backend webgpu on ${
        nameOf(info)
      }: its shaders need ${name} of ${least}: current value is ${value}; ` +
        `try another DENO_WEBGPU_BACKEND (vulkan, metal, dx12) or use backend: onnx`,
    );
  }
}

function nameOf(info: GPUAdapterInfo): string {
  return info.description || info.device || "unnamed adapter";
}

/** @throws {Error} If the adapter gives none; says which and what to do. */
async function deviceOf(adapter: GPUAdapter, request: GPUDeviceDescriptor): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice(request);
  } catch (error) {
    throw new Error(
      `Cannot use backend webgpu on ${nameOf(adapter.info)}: it gives no device (${
        (error as Error).message
      }); close other programs that use the GPU, update its driver, or use backend: onnx`,
      { cause: error },
    );
  }
}

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
      "Cannot use backend webgpu: no adapter was found; install the GPU's driver (on Linux its Vulkan driver), " +
        "try another DENO_WEBGPU_BACKEND (vulkan, metal, dx12, gl), or use backend: onnx",
    );
  }
  checkLimits(adapter);
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const wanted = options.half ?? "exact", offered = adapter.features.has("shader-f16");
  const request: GPUDeviceDescriptor = {
    label: "dinotune",
    requiredLimits,
    requiredFeatures: [
      ...(offered && wanted !== "none" ? ["shader-f16" as const] : []),
      ...(adapter.features.has("timestamp-query") ? ["timestamp-query" as const] : []),
    ],
  };
  const lanes = { least: 0, why: options.subgroups === 0 ? "asked for" : "" };
  const made = await withSubgroups(adapter, request, lanes) ??
    // An adapter that refused a request may be used up.
    await deviceOf(await ask() ?? adapter, request);
  const limit = Math.min(made.limits.maxStorageBufferBindingSize, options.bindingBytes ?? Infinity);
  const device = new Device(made, Math.floor(limit / 256) * 256);
  const why = wanted === "none" ? "asked for" : "this adapter has no shader-f16";
  const half: Half = { storage: "none", why, kept: 0, frozen: 0 };
  const backend = onDevice(device, adapter.info, { half, lanes, gpu });
  try {
    if (lanes.why === "") {
      await settleSubgroups(device, backend, { info: adapter.info, lanes, most: options.subgroups });
    }
    if (lanes.least === 0) await selfTest(backend);
    if (wanted !== "none" && offered) {
      half.storage = "exact";
      const problem = await halfSelfTest(backend);
      half.storage = problem ? "none" : wanted;
      half.why = problem ?? "";
    }
  } catch (error) {
    await backend.dispose();
    throw error;
  }
  half.kept = half.frozen = 0;
  return backend;
}

/** Subgroup functions of a device: invocations of a subgroup that are relied on, 0 without, and why not. */
interface Lanes {
  least: number;
  why: string;
}

/** A device with the feature, listed by its adapter or not; null where none is wanted or granted. */
async function withSubgroups(
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

/** Whether an adapter computes on the CPU. */
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

function onDevice(
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
      return `WebGPU, ${nameOf(info)}${software ? " (a CPU: right, but slow)" : ""}, bindings to ${
        Math.floor(device.bindingBytes / 2 ** 20)
      } MiB, ${describe(half)}, ${describeSubgroups(lanes)}`;
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
