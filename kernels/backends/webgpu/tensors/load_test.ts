/** Memory of whole models on their way to a device, counted on one that is made up. */
import { assert, assertEquals } from "@std/assert";
import { type FloatPieces, PIECE_BYTES } from "../../../../formats/float_pieces.ts";
import { LARGE_MODELS } from "../../../../tests/helpers/model_plans.ts";
import { tensorShapes } from "../../../engine/decoder/decoder.ts";
import { Device } from "../device/device.ts";
import type { Half } from "../device/half.ts";
import { loaded } from "./load.ts";

/** A device that counts bytes of buffers and of what waits in its queue. */
function counting(): { gpu: GPUDevice; peak: () => number } {
  let buffers = 0, waiting = 0, peak = 0;
  const grow = () => peak = Math.max(peak, buffers + waiting);
  const gpu = {
    limits: { maxBufferSize: 2 ** 32 },
    lost: new Promise(() => {}),
    addEventListener: () => {},
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      buffers += size;
      grow();
      return { size };
    },
    queue: {
      writeBuffer: (_buffer: unknown, _offset: number, _data: unknown, _from: number, bytes: number) => {
        waiting += bytes;
        grow();
      },
      submit: () => waiting = 0,
    },
  };
  return { gpu: gpu as unknown as GPUDevice, peak: () => peak };
}

/** So many float16s of 1, in pieces of a mebibyte. */
function ones(count: number): FloatPieces {
  const piece = new Uint8Array(new Uint16Array(PIECE_BYTES / 2).fill(0x3c00).buffer);
  return {
    type: "f16",
    count,
    *pieces() {
      for (let left = 2 * count; left > 0; left -= PIECE_BYTES) {
        yield piece.subarray(0, Math.min(left, PIECE_BYTES));
      }
    },
    float32: () => {
      throw new Error("read whole");
    },
  };
}

/** Layers whose bytes are far above those that wait in a queue. */
const LAYERS: Readonly<Record<string, number>> = { "SmolLM2-135M": 30 };

for (const [name, config] of Object.entries(LARGE_MODELS)) {
  Deno.test(`while ${name} loads, a device holds at most 1.15 times the bytes of its stored weights`, () => {
    const { gpu, peak } = counting(), device = new Device(gpu, 2 ** 27);
    const half: Half = { storage: "exact", why: "", kept: 0, frozen: 0 };
    let stored = 0, matrices = 0;
    for (const [, shape] of tensorShapes({ ...config, numLayers: LAYERS[name] ?? 1 })) {
      const count = shape.reduce((a, b) => a * b, 1);
      stored += count * (shape.length === 2 ? 2 : 4);
      if (shape.length === 2) matrices++;
      loaded(device, ones(count), shape, half);
    }
    assertEquals([half.frozen, half.kept], [matrices, matrices]);
    assert(peak() > stored && peak() <= 1.15 * stored, `${peak()} of ${stored}: ${peak() / stored}`);
  });
}
