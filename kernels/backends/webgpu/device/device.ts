/**
 * A WebGPU device as the backend uses it: limits, pipelines by code, memory, errors that arrive late.
 * @module
 */
import type { WgslDispatch, WgslSubgroups } from "../../../wgsl_program.ts";
import type { StoredBlocks } from "../../../../formats/float_pieces.ts";
import type { HalfStorage } from "./half.ts";
import { BindGroups } from "./bind_groups.ts";
import { type BufferPlace, GpuPool, USAGE } from "./pool.ts";
import type { GpuTensor } from "./tensor.ts";

/** A pipeline and the layout of its bindings. */
export interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** Longest time between a failure and the report of a lost device, milliseconds. */
const LOSS_MS = 1000;

/**
 * Bytes that wait in the queue, up to which writes are gathered: weights would stand there a second time. More would be slower too: the
 * runtime takes fresh memory for all that waits, whose pages the system has to make (32 MiB: a page for each 4 KiB of weights; 4 MiB:
 * for one in five).
 */
const WRITE_BYTES = 2 ** 22;

/**
 * Dispatches and operations that are submitted together: some 0.6 ms of the host's time, for which a device that has nothing to do waits, and 10 ms
 * of a small GPU's: a system may take one that is busy with a submit for seconds for hung.
 */
const TOGETHER = { dispatches: 128, operations: 1e10 };

/** Makes frozen matrices of quantised blocks (blocks.ts). */
export interface BlockMatrices {
  /** Null where the host has to make it. */
  load(from: StoredBlocks, shape: readonly number[], storage: HalfStorage): GpuTensor | null;
}

/** A device with what belongs to it. */
export class Device {
  /** Tensors and uniforms. */
  readonly memory: GpuPool;
  /** Where downloads pass through. */
  readonly staging: GpuPool;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  #problem: Error | null = null;
  #disposed = false;
  /** Bytes written since the last submit. */
  #written = 0;
  /** Command buffers that aren't submitted yet, their dispatches and operations. */
  #gathered: GPUCommandBuffer[] = [];
  #gatheredWork = { dispatches: 0, operations: 0 };

  constructor(readonly gpu: GPUDevice, readonly bindingBytes: number) {
    this.memory = new GpuPool(gpu, USAGE.storage | USAGE.uniform | USAGE.copySrc | USAGE.copyDst);
    this.staging = new GpuPool(gpu, USAGE.mapRead | USAGE.copyDst);
    gpu.lost.then(({ reason, message }) => {
      if (this.#disposed) return;
      this.#problem = new Error(
        `The WebGPU device was lost (${reason}): ${
          message || "no message"
        }; a training can continue from its last checkpoint ` +
          `with resume_from_checkpoint: true. If it happens again, lower the token budget of its steps, update the driver, or use backend: onnx`,
      );
    });
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#problem ??= explain((event as GPUUncapturedErrorEvent).error, this.memory.bytes);
    });
  }

  /** Bytes of memory of a workgroup. */
  get workgroupBytes(): number {
    return this.gpu.limits.maxComputeWorkgroupStorageSize;
  }

  /** Subgroup functions, once they are known to be right. */
  subgroups: WgslSubgroups | undefined;

  /** Makes matrices of a file's quantised blocks, once that is known to be right. */
  blocks: BlockMatrices | null = null;

  /** Times passes while it is there. */
  timer: { next(): GPUComputePassTimestampWrites } | null = null;

  /** True if it is neither lost nor disposed, and refused no command. */
  get usable(): boolean {
    return !this.#disposed && this.#problem === null;
  }

  /** @throws {Error} If the device is lost, disposed, or refused an earlier command. */
  check(): void {
    if (this.#disposed) throw new Error("Cannot use this WebGPU backend: it was disposed");
    if (this.#problem) throw this.#problem;
  }

  /** The pipeline of a dispatch, made once for each code. @throws {Error} If the shader doesn't compile. */
  pipeline(dispatch: WgslDispatch): Promise<Pipeline> {
    const access = dispatch.bindings.map((b) => b.access === "read" ? "r" : "w").join("");
    const key = `${access}\n${dispatch.code}`;
    let found = this.#pipelines.get(key);
    if (!found) {
      found = this.#make(dispatch, access);
      this.#pipelines.set(key, found);
    }
    return found;
  }

  /**
   * Dispatches, command buffers of programs and submits so far, and what was made for them: plans of sizes, groups of bindings; tensors
   * read back, and stretches in which the host waited for the device: several reads at once are one, one begun ahead is none.
   */
  readonly work = { dispatches: 0, buffers: 0, submits: 0, plans: 0, bindGroups: 0, downloads: 0, waits: 0 };
  /** Groups of bindings of all programs. */
  readonly bindGroups: BindGroups = new BindGroups();
  /** Plans and their dispatches so far. */
  planned = 0;
  /** Waits under way. */
  #waiting = 0;

  /** Pipelines made so far. */
  get pipelines(): number {
    return this.#pipelines.size;
  }

  /**
   * Writes to a buffer; parts are submitted as soon as they are many, since the queue holds them until then.
   * @param start Byte of the buffer to begin at, a multiple of 4.
   */
  write(buffer: GPUBuffer, data: ArrayBufferView<ArrayBuffer>, start = 0): void {
    // A write comes before all that is submitted later.
    if (this.#gathered.length) this.submit([]);
    for (let from = 0; from < data.byteLength; from += WRITE_BYTES) {
      const count = Math.min(WRITE_BYTES, data.byteLength - from);
      this.gpu.queue.writeBuffer(buffer, start + from, data.buffer, data.byteOffset + from, count);
      this.#written += count;
      if (this.#written >= WRITE_BYTES) this.submit([]);
    }
  }

  /**
   * Hands over command buffers soon: short ones wait for others, as each submit costs the host as much as many dispatches. Whoever writes, reads or waits
   * hands over what has gathered.
   */
  gather(commands: GPUCommandBuffer, work: { dispatches: number; operations: number }): void {
    this.#gathered.push(commands);
    this.#gatheredWork.dispatches += work.dispatches;
    this.#gatheredWork.operations += work.operations;
    const { dispatches, operations } = this.#gatheredWork;
    if (dispatches >= TOGETHER.dispatches || operations >= TOGETHER.operations) this.submit([]);
  }

  /** Hands over command buffers, and what was gathered and written before. */
  submit(commands: readonly GPUCommandBuffer[]): void {
    this.gpu.queue.submit([...this.#gathered, ...commands]);
    this.work.submits++;
    this.#gathered = [];
    this.#gatheredWork = { dispatches: 0, operations: 0 };
    this.#written = 0;
    this.memory.submitted();
    this.staging.submitted();
  }

  /**
   * Values of the first `bytes` of a place; what is written or handed over after the call doesn't change them.
   * @param ahead True if other work follows before they are asked for.
   */
  async read(
    { buffer, offset }: Pick<BufferPlace, "buffer" | "offset">,
    bytes: number,
    ahead = false,
  ): Promise<ArrayBuffer> {
    this.check();
    const size = Math.max(4, bytes), staging = this.staging.take(size);
    const encoder = this.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
    this.gather(encoder.finish(), { dispatches: 1, operations: 0 });
    this.work.downloads++;
    // Reads that are asked for together are handed over together, then all are waited for.
    await null;
    if (this.#gathered.length) this.submit([]);
    try {
      const mapped = staging.mapAsync(1, 0, size);
      await (ahead ? mapped : this.#wait(mapped));
    } catch (error) {
      // A lost device rejects the mapping some time before its own promise settles.
      await this.#gone();
      this.check();
      throw error;
    }
    const copy = staging.getMappedRange(0, size).slice(0, bytes);
    staging.unmap();
    this.staging.give(staging);
    this.check();
    return copy;
  }

  /** Waits until all work is done. */
  async finish(): Promise<void> {
    if (this.#gathered.length) this.submit([]);
    await this.#wait(this.gpu.queue.onSubmittedWorkDone());
  }

  async #wait(done: Promise<unknown>): Promise<void> {
    if (this.#waiting++ === 0) this.work.waits++;
    try {
      await done;
    } finally {
      this.#waiting--;
    }
  }

  /** Frees everything. Resolves when the device is gone: a thread that ends while its driver still cleans up can crash. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.memory.destroy();
    this.staging.destroy();
    this.gpu.destroy();
    await this.#gone();
  }

  /** Waits for the report of a lost device, which comes some time after its cause. */
  async #gone(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, LOSS_MS));
    await Promise.race([this.gpu.lost, late]);
    clearTimeout(timer);
  }

  async #make({ label, code }: WgslDispatch, access: string): Promise<Pipeline> {
    this.check();
    let layout = this.#layouts.get(access);
    if (!layout) {
      layout = this.gpu.createBindGroupLayout({
        entries: [...access, "u"].map((kind, binding) => ({
          binding,
          visibility: 4,
          buffer: { type: kind === "u" ? "uniform" : kind === "r" ? "read-only-storage" : "storage" },
        })),
      });
      this.#layouts.set(access, layout);
    }
    this.gpu.pushErrorScope("validation");
    const module = this.gpu.createShaderModule({ label, code });
    const pipeline = this.gpu.createComputePipeline({
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: "main" },
    });
    const error = await this.gpu.popErrorScope();
    if (error) throw new Error(`Cannot compile shader "${label}": ${error.message}\n${code}`);
    return { pipeline, layout };
  }
}

function explain(error: GPUError, bytes: number): Error {
  // The global is absent where WebGPU is.
  if (error.constructor.name !== "GPUOutOfMemoryError") {
    return new Error(`WebGPU refused a command: ${error.message}`);
  }
  return new Error(
    `The GPU has no memory left (${error.message}): this run holds ${
      Math.round(bytes / 2 ** 20)
    } MiB of it. ` +
      "Close other programs that use the GPU, or use backend: onnx. In a training lower micro_batch_tokens or cutoff_len, set " +
      "disable_gradient_checkpointing: false, or keep weights in fewer bits (fp16: true): it continues from its last checkpoint with " +
      "resume_from_checkpoint: true. Where answers are made lower max_model_len and max_batch (serve: --context, --batch)",
  );
}
