/**
 * Check that a driver must pass before quantised blocks are taken apart on its device.
 * @module
 */
import type { StoredBlocks } from "../../../../formats/float_pieces.ts";
import { GGML_TYPES } from "../../../../formats/gguf/mod.ts";
import type { Backend } from "../../../backend.ts";
import { BLOCK_HALVES } from "./blocks_shader.ts";
import type { BlockMatrices } from "../device/device.ts";
import { toHalf } from "../device/half.ts";

/** Blocks of each type: a multiple of 8, several workgroups. */
const BLOCKS = 40;

/**
 * Blocks of a type by a generator of 32 bits (Knuth's constants), with scales of all sizes below 8, those below 2⁻¹⁴ too.
 * @throws {RangeError} If the type isn't one that is read
 */
export function madeUpBlocks(type: string): StoredBlocks & { bytes: Uint8Array<ArrayBuffer> } {
  const found = Object.values(GGML_TYPES).find(({ name }) => name === type);
  if (!found?.dequantize) {
    throw new RangeError(`Cannot make up blocks of ${type}: it isn't a type that is read`);
  }
  const { blockBytes, blockSize, dequantize } = found, bytes = new Uint8Array(BLOCKS * blockBytes);
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  for (let i = 0; i < bytes.length; i++) bytes[i] = next();
  for (let block = 0; block < BLOCKS; block++) {
    for (const start of BLOCK_HALVES[type] ?? []) {
      // Exponents 0 to 17 of 31, either sign.
      bytes[block * blockBytes + start + 1] = block % 18 << 2 | next() & 0x83;
    }
  }
  return { type, blockBytes, blockSize, bytes, dequantize, pieces: () => [bytes] };
}

/** Whether the device makes of every type's blocks the bits that the host makes. */
export async function blocksSelfTest(loader: BlockMatrices, backend: Backend): Promise<boolean> {
  try {
    const checks = Object.keys(BLOCK_HALVES).flatMap((type) => {
      const made = madeUpBlocks(type), shape = [BLOCKS, made.blockSize];
      const floats = new Float32Array(made.dequantize(made.bytes).slice().buffer);
      const halves = Float32Array.from(toHalf(floats, "rounded") ?? []);
      return ([["none", floats], ["rounded", halves]] as const).map(async ([storage, expected]) => {
        const tensor = loader.load(made, shape, storage);
        if (!tensor) return false;
        const found = await backend.download(tensor);
        tensor.dispose();
        return areSame(found, expected);
      });
    });
    return (await Promise.all(checks)).every((isRight) => isRight);
  } catch {
    return false;
  }
}

function areSame(found: ArrayBufferView, expected: Float32Array<ArrayBuffer>): boolean {
  const a = new Int32Array(found.buffer, found.byteOffset, found.byteLength / 4),
    b = new Int32Array(expected.buffer);
  return a.length === b.length && a.every((bits, i) => bits === b[i]);
}
