/**
 * A WebGPU device that computes nothing and takes no memory: what large models ask of a device is counted on it, in milliseconds a step.
 * As a real one it refuses commands whose buffers are gone when they are handed over.
 */
import type { WebGpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { Device } from "../../kernels/backends/webgpu/device/device.ts";
import { onDevice } from "../../kernels/backends/webgpu/on_device.ts";

/** The backend on such a device, and what the device counted. */
export interface MadeUpGpu {
  backend: WebGpuBackend;
  /** Buffers made and destroyed so far, and bytes of those that exist: now and at most. */
  counts: { made: number; destroyed: number; bytes: number; most: number };
}

class MadeUpBuffer {
  gone = false;

  constructor(readonly size: number, readonly counts: MadeUpGpu["counts"]) {
    counts.made++;
    counts.bytes += size;
    counts.most = Math.max(counts.most, counts.bytes);
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.counts.destroyed++;
    this.counts.bytes -= this.size;
  }

  mapAsync(): Promise<void> {
    return Promise.resolve();
  }

  getMappedRange(from: number, bytes: number): ArrayBuffer {
    return new ArrayBuffer(bytes - from);
  }

  unmap(): void {}
}

/** Commands, with the buffers that they name. */
class MadeUpEncoder {
  readonly used = new Set<MadeUpBuffer>();

  beginComputePass() {
    return {
      setPipeline: () => {},
      setBindGroup: (_at: number, group: readonly MadeUpBuffer[]) => {
        for (const buffer of group) this.used.add(buffer);
      },
      dispatchWorkgroups: () => {},
      end: () => {},
    };
  }

  copyBufferToBuffer(from: MadeUpBuffer, _at: number, to: MadeUpBuffer): void {
    this.used.add(from).add(to);
  }

  clearBuffer(buffer: MadeUpBuffer): void {
    this.used.add(buffer);
  }

  finish(): ReadonlySet<MadeUpBuffer> {
    return this.used;
  }
}

/** A backend on a device that is made up, with bindings of 2 GiB. */
export function madeUpGpu(): MadeUpGpu {
  const counts = { made: 0, destroyed: 0, bytes: 0, most: 0 };
  const gpu = {
    limits: {
      maxBufferSize: 2 ** 32,
      maxStorageBufferBindingSize: 2 ** 31 - 256,
      maxComputeWorkgroupsPerDimension: 65_535,
      maxComputeWorkgroupStorageSize: 2 ** 14,
    },
    features: new Set(),
    lost: new Promise(() => {}),
    addEventListener: () => {},
    pushErrorScope: () => {},
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size }: GPUBufferDescriptor) => new MadeUpBuffer(size, counts),
    createBindGroup: ({ entries }: { entries: { resource: { buffer: MadeUpBuffer } }[] }) =>
      entries.map(({ resource }) => resource.buffer),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipeline: () => ({}),
    createCommandEncoder: () => new MadeUpEncoder(),
    queue: {
      writeBuffer: (buffer: MadeUpBuffer) => {
        if (buffer.gone) throw new Error("Cannot write to a buffer: it was destroyed");
      },
      submit: (commands: Iterable<ReadonlySet<MadeUpBuffer>>) => {
        for (const used of commands) {
          for (const { gone } of used) {
            if (gone) throw new Error("Cannot take commands: a buffer of them was destroyed");
          }
        }
      },
      onSubmittedWorkDone: () => Promise.resolve(),
    },
    destroy: () => {},
  };
  const info = { description: "made up", vendor: "", architecture: "", device: "" };
  return { backend: backendOn(gpu as unknown as GPUDevice, info as GPUAdapterInfo).backend, counts };
}

/** The backend on a device, in float32 and without its self-tests. */
export function backendOn(gpu: GPUDevice, info: GPUAdapterInfo): { backend: WebGpuBackend; device: Device } {
  const limit = Math.min(gpu.limits.maxStorageBufferBindingSize, 2 ** 31 - 256);
  const device = new Device(gpu, Math.floor(limit / 256) * 256);
  const backend = onDevice(device, info, {
    half: { storage: "none", why: "not tried", kept: 0, frozen: 0 },
    lanes: { least: 0, why: "not tried" },
    gpu: undefined as never,
  });
  return { backend, device };
}
