#!/usr/bin/env bash
# guess: in a shader x != x tells a NaN and x - x an infinity, as everywhere else
# what happens: on this device both are worked out before anything runs: x != x is false for NaN, x - x is 0 for NaN and infinity, and max(x, 1) and clamp make a
#   number of NaN. WGSL allows it (an implementation may take it that neither occurs), and has no isNan for that reason. x > 3.4e38 sees infinity, the bits see both
# version: Deno 2.9.6 (wgpu 29) on Mesa 22.3's lavapipe. Needs an adapter: mesa-vulkan-drivers is enough
# why it matters: a guard in a kernel (skip a step whose gradient is no number, mask a row) passes tests on finite values and never acts. Ask
#   (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u, or read the values back
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.ts" <<'TS'
const x = Float32Array.of(NaN, Infinity, 2);
const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
const buffer = (usage: number) => device.createBuffer({ size: x.byteLength, usage });
for (const text of ["select(0.0, 1.0, v != v)", "v - v", "max(v, 1.0)", "clamp(v, 0.0, 1.0)", "select(0.0, 1.0, v > 3.4e38)", "select(0.0, 1.0, (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u)"]) {
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>; @group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) at: vec3u) { let v = x[at.x]; y[at.x] = ${text}; }`;
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code }), entryPoint: "main" } });
  const [from, to, back] = [GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST].map(buffer);
  device.queue.writeBuffer(from!, 0, x);
  const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [from, to].map((buffer, binding) => ({ binding, resource: { buffer: buffer! } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(x.length);
  pass.end();
  encoder.copyBufferToBuffer(to!, 0, back!, 0, x.byteLength);
  device.queue.submit([encoder.finish()]);
  await back!.mapAsync(GPUMapMode.READ);
  console.log(`${text}, v = ${[...x].join(", ")}: ${[...new Float32Array(back!.getMappedRange())].join(" ")}`);
}
Deno.exit(0);
TS
output=$(deno run --no-config --no-check --allow-env "$folder/try.ts" 2> /dev/null)
echo "$output"
expected="0 0 0|0 0 0|1 Infinity 2|0 1 1|0 1 0|1 1 0"
[ "$(sed 's/.*: //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
