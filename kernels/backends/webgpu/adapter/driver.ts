/**
 * The graphics driver of this process: whether there may be one, and how long its libraries stay loaded.
 * @module
 */
const held: GPUAdapter[] = [];

/**
 * Keeps the driver's libraries loaded until the process ends, by an adapter of this thread; call it before a Worker uses
 * WebGPU. A Worker that ends unloads them, and a process that ends meanwhile calls their exit handlers, which are gone then:
 * a segmentation fault after all work was done, in one of eight processes on a busy machine.
 */
export async function holdDriver(): Promise<void> {
  if (held.length > 0) return;
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (adapter) held.push(adapter);
}

/** Device files of GPUs on Linux: DRM, NVIDIA's own, WSL's. */
const DEVICES = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];

/**
 * True if the machine may have a GPU at all. Asking Mesa without one takes half a second and prints complaints.
 * @param devices Files that drivers make.
 */
export function mayHaveGpu(devices: readonly string[] = DEVICES): boolean {
  if (Deno.build.os !== "linux") return true;
  // Deno shows /dev to nobody without --allow-all, and to a program that loads libraries the C library shows it anyway.
  let c;
  try {
    c = Deno.dlopen("libc.so.6", { access: { parameters: ["buffer", "i32"], result: "i32" } });
  } catch {
    return true;
  }
  try {
    return devices.some((path) => c.symbols.access(new TextEncoder().encode(`${path}\0`), 0) === 0);
  } finally {
    c.close();
  }
}
