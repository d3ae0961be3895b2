/**
 * Free memory of a GPU. WebGPU doesn't tell, so a device of its own asks for it and gives it back.
 * @module
 */
import { USAGE } from "./pool.ts";

/** Bytes of one buffer that is asked for. */
const PIECE = 2 ** 30;
/** Share of the host's free memory that a GPU without memory of its own may take. */
const SHARE_OF_HOST = 0.5;

/** True if an adapter computes in the host's memory, by its name; true where the name says nothing. */
export function sharesHostMemory(
  { description, vendor }: Pick<GPUAdapterInfo, "description" | "vendor">,
): boolean {
  const name = `${description} ${vendor}`;
  return /tegra|orin|thor|gb10|max-q design soc/i.test(name) ||
    !/nvidia|geforce|quadro|tesla|radeon (rx|pro|vii)|instinct|firepro|\barc\b.*\b[ab]\d{3}/i.test(name);
}

/**
 * True if so many bytes more can be had now. Drivers that would move other memory out instead of refusing answer yes.
 * @param free Free bytes of the host; null where the process mustn't know
 */
export async function hasRoom(
  info: Pick<GPUAdapterInfo, "description" | "vendor">,
  bytes: number,
  gpu: GPU,
  free: () => number | null = freeOfHost,
): Promise<boolean> {
  if (sharesHostMemory(info)) {
    const host = free();
    if (host === null || bytes > SHARE_OF_HOST * host) return false;
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return false;
  const piece = Math.min(PIECE, Math.floor(adapter.limits.maxBufferSize / 256) * 256);
  const device = await adapter.requestDevice({ label: "room", requiredLimits: { maxBufferSize: piece } })
    .catch(() => null);
  // A device that can't be had now has no room.
  if (!device) return false;
  try {
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("internal");
    for (let left = bytes; left > 0; left -= piece) {
      device.createBuffer({ size: Math.min(piece, Math.ceil(left / 256) * 256), usage: USAGE.storage });
    }
    const errors = [await device.popErrorScope(), await device.popErrorScope()];
    return errors.every((error) => error === null);
  } finally {
    device.destroy();
    // Its memory is there for others once it is gone.
    await device.lost;
  }
}

function freeOfHost(): number | null {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return null;
  }
}
