/**
 * Quantised blocks of a GGUF file on their way to the device: the file's own bytes are handed over, and a shader makes the float32s or
 * float16s there that the host would have handed over, four times as many bytes and more.
 * @module
 */
import { PIECE_BYTES, type StoredBlocks } from "../../../../formats/float_pieces.ts";
import { u16 } from "../../../../formats/elements.ts";
import { elements } from "../../../backend.ts";
import { BLOCK_HALVES, blockShader, blockSizes } from "./blocks_shader.ts";
import type { BlockMatrices, Device, Pipeline } from "../device/device.ts";
import { type HalfStorage, Halving } from "../device/half.ts";
import { foldWorkgroups } from "../programs/plan.ts";
import { GpuTensor } from "../device/tensor.ts";

/** Bits of 8 as a half: with scales and minima below it no value is above 8 · 128 · 32, so float16 holds every one of them. */
const LARGE = 0x4800;
/** Bytes that the values of a piece take at most: Q4_0 has the most for its bytes. */
const MOST_BYTES = 4 * 32 * Math.ceil(PIECE_BYTES / 18);

/** Makes matrices of blocks. */
export class BlockLoader implements BlockMatrices {
  readonly #sizes: GPUBuffer;

  private constructor(private readonly device: Device, private readonly pipeline: Pipeline) {
    this.#sizes = device.memory.take(16);
  }

  /** Null where a binding holds less than a piece's values. */
  static async on(device: Device): Promise<BlockLoader | null> {
    if (device.bindingBytes < MOST_BYTES) return null;
    return new BlockLoader(device, await device.pipeline(blockShader()));
  }

  /**
   * A frozen matrix of blocks, the same bits as its values from the host. Null where it has to be made there: its type is unknown, a scale
   * isn't below 8, or float16 may hold all values (`exact`), as in a matrix of zeros.
   */
  load(from: StoredBlocks, shape: readonly number[], storage: HalfStorage): GpuTensor | null {
    const halves = BLOCK_HALVES[from.type];
    if (!halves) return null;
    const asHalf = storage === "rounded", { memory } = this.device;
    let tensor: GpuTensor | null = null, done = 0;
    for (const piece of from.pieces()) {
      const count = piece.length / from.blockBytes;
      const isRefused = hasLargeScale(piece, from, halves) ||
        storage === "exact" && done === 0 && mayBeHalf(piece, from);
      if (isRefused) {
        tensor?.dispose();
        return null;
      }
      tensor ??= GpuTensor.lasting(memory, shape, asHalf);
      this.#put(tensor, {
        type: from.type,
        piece,
        first: done * from.blockSize,
        values: count * from.blockSize,
      });
      done += count;
    }
    if (!tensor || done * from.blockSize !== elements(shape)) {
      throw new TypeError(
        `Cannot upload ${done * from.blockSize} elements as [${shape}]: that shape has ${elements(shape)}`,
      );
    }
    return tensor;
  }

  #put(
    tensor: GpuTensor,
    { type, piece, first, values }: {
      type: string;
      piece: Uint8Array<ArrayBuffer>;
      first: number;
      values: number;
    },
  ): void {
    const { device } = this, { gpu, memory } = device, bytes = tensor.half ? 2 : 4;
    const sizes = blockSizes(type, values, tensor.half), [, , , workgroups = 0] = sizes;
    const staging = memory.take(PIECE_BYTES), whole = 4 * Math.ceil(piece.length / 4);
    device.write(staging, piece.length === whole ? piece : padded(piece, whole));
    device.write(this.#sizes, sizes);
    const group = gpu.createBindGroup({
      layout: this.pipeline.layout,
      entries: [
        { buffer: staging, size: whole },
        { buffer: tensor.buffer, offset: first * bytes, size: values * bytes },
        { buffer: this.#sizes, size: 16 },
      ].map((resource, binding) => ({ binding, resource })),
    });
    const encoder = gpu.createCommandEncoder({ label: "blocks" }), pass = encoder.beginComputePass();
    pass.setPipeline(this.pipeline.pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...foldWorkgroups(workgroups, gpu.limits.maxComputeWorkgroupsPerDimension));
    pass.end();
    // The queue is in order: the next piece may be written to the same memory.
    device.submit([encoder.finish()]);
    memory.give(staging);
  }
}

function padded(piece: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  out.set(piece);
  return out;
}

/** Whether a half of a block is 8 or more, infinite or no number. */
function hasLargeScale(
  piece: Uint8Array<ArrayBuffer>,
  { blockBytes }: StoredBlocks,
  halves: readonly number[],
): boolean {
  const words = new Uint16Array(piece.buffer, piece.byteOffset, piece.length / 2), step = blockBytes / 2;
  for (const start of halves) {
    for (let i = start / 2; i < words.length; i += step) if ((u16(words, i) & 0x7fff) >= LARGE) return true;
  }
  return false;
}

/** Whether float16 holds the values of a matrix's first blocks exactly, so that the others have to be looked at. */
function mayBeHalf(piece: Uint8Array<ArrayBuffer>, { blockBytes, dequantize }: StoredBlocks): boolean {
  return new Halving("f32", "exact").piece(dequantize(piece.slice(0, 8 * blockBytes))) !== null;
}
