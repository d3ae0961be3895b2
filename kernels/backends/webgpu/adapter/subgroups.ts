/**
 * Subgroup functions of a device, found by trying: adapters don't always list what `requestDevice` grants, a runtime may
 * refuse the line `enable subgroups;` that standard WGSL demands, and shaders here take more for granted than WGSL promises:
 * neighbours by index in one subgroup.
 * @module
 */
import type { WgslSubgroups } from "../../../wgsl_program.ts";
import type { Device } from "../device/device.ts";

/** The feature; Deno's types don't name it. */
export const SUBGROUPS = "subgroups" as GPUFeatureName;

/** Workgroups of a trial, and invocations of each: the fewest and the most that reductions have. */
const TRIALS = 64, THREADS = [32, 256] as const;
/** Sizes that WGSL allows. */
const LEAST = 4, MOST = 128;

/** Every invocation's subgroup size and whether all its exchanges gave what neighbours by index hold. */
function trialShader(threads: number, enable: boolean): string {
  const steps = [1, 2, 4, 8, 16, 32, 64].map((step) =>
    `  { let other = subgroupShuffleXor(value, ${step}u); right = right && (${step}u >= size || other == f32(own ^ ${step}u)); }`
  );
  return `${enable ? "enable subgroups;\n" : ""}struct Sizes { workgroups: u32 }
@group(0) @binding(0) var<storage, read_write> seen: array<vec2<u32>>;
@group(0) @binding(1) var<uniform> sizes: Sizes;
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(subgroup_size) size: u32) {
  let own = place.x * ${threads}u + lane;
  let value = f32(own); var right = place.x < sizes.workgroups;
${steps.join("\n")}
  seen[own] = vec2<u32>(size, u32(right));
}
`;
}

/**
 * Subgroup functions that a device was made with, or why they aren't used.
 * @throws {Error} If the device is lost or has failed
 */
export async function trySubgroups(
  device: Device,
  { subgroupMinSize }: Pick<GPUAdapterInfo, "subgroupMinSize">,
): Promise<WgslSubgroups | string> {
  let refused = "";
  for (const enable of [true, false]) {
    let least = subgroupMinSize || Infinity;
    try {
      for (const threads of THREADS) {
        const seen = await trial(device, threads, enable), problem = wrongSize(seen, threads);
        if (problem) return problem;
        for (let i = 0; i < seen.length; i += 2) least = Math.min(least, seen[i] ?? 0);
      }
      return { least: Math.min(least, MOST), enable };
    } catch (error) {
      if (!device.usable) throw error;
      refused ||= (error as Error).message;
    }
  }
  return refused.replace(/\n[^]*/, "");
}

/** Null, or what is wrong with sizes and flags of the invocations of workgroups of so many. */
export function wrongSize(seen: Uint32Array, threads: number): string | null {
  for (let i = 0; i < seen.length; i += 2) {
    const size = seen[i] ?? 0;
    if (size < LEAST || (size & (size - 1)) !== 0) return `a subgroup has ${size} invocations`;
    if (seen[i + 1] !== 1) {
      return `invocation ${
        i / 2 % threads
      } of ${threads} isn't beside its neighbours in a subgroup of ${size}`;
    }
  }
  return null;
}

async function trial(device: Device, threads: number, enable: boolean): Promise<Uint32Array> {
  const { gpu, memory } = device, bytes = 8 * TRIALS * threads;
  const { pipeline, layout } = await device.pipeline({
    label: "subgroups",
    code: trialShader(threads, enable),
    bindings: [{ name: "seen", access: "read_write" }],
    sizes: { workgroups: TRIALS },
    workgroups: TRIALS,
  });
  const seen = memory.take(bytes), sizes = memory.take(16);
  device.write(sizes, Uint32Array.of(TRIALS, 0, 0, 0));
  const bindGroup = gpu.createBindGroup({
    layout,
    entries: [
      { binding: 0, resource: { buffer: seen, size: bytes } },
      { binding: 1, resource: { buffer: sizes, size: 16 } },
    ],
  });
  const encoder = gpu.createCommandEncoder(), pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(TRIALS);
  pass.end();
  device.submit([encoder.finish()]);
  const found = new Uint32Array(await device.read({ buffer: seen, offset: 0 }, bytes));
  memory.give(seen);
  memory.give(sizes);
  return found;
}
