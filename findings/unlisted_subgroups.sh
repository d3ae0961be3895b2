#!/usr/bin/env bash
# guess: requestDevice rejects a feature that adapter.features doesn't list, as the WebGPU standard says, and a shader that calls subgroup
#   functions begins with `enable subgroups;`, as WGSL demands
# what happens: Deno doesn't list "subgroups", grants it all the same, compiles and runs subgroup functions rightly without the line,
#   and refuses the line; without the feature they don't compile
# version: Deno 2.9.6 (wgpu 29) on Mesa 22.3's lavapipe; the same was seen on an H100. Needs an adapter: mesa-vulkan-drivers is enough
# why it matters: code that looks into adapter.features leaves reductions to workgroup memory and its barriers, and text that Chromium
#   takes isn't taken here, so whether there are subgroup functions can only be found out by trying
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.ts" <<'TS'
const ask = async () => (await navigator.gpu.requestAdapter())!;
const text = `@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { y[i] = subgroupShuffleXor(i, 1u); }`;
console.log("listed:", (await ask()).features.has("subgroups" as GPUFeatureName));
for (const features of [[], ["subgroups"]] as GPUFeatureName[][]) {
  const device = await (await ask()).requestDevice({ requiredFeatures: features });
  console.log(features.length ? "asked for:" : "not asked for:", "granted", device.features.has("subgroups" as GPUFeatureName));
  for (const line of ["enable subgroups;\n", ""]) {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code: line + text });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const error = await device.popErrorScope();
    let values = "";
    if (!error) {
      const y = device.createBuffer({ size: 16, usage: 132 }), read = device.createBuffer({ size: 16, usage: 9 });
      const entries = [{ binding: 0, resource: { buffer: y } }], encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(1);
      pass.end();
      encoder.copyBufferToBuffer(y, 0, read, 0, 16);
      device.queue.submit([encoder.finish()]);
      await read.mapAsync(1);
      values = ` ${new Uint32Array(read.getMappedRange())}`;
    }
    console.log(line ? "  with the line:" : "  without it:", error ? "refused" : `compiles${values}`);
  }
  device.destroy();
}
TS
output=$(deno run --no-config --no-check --allow-env "$folder/try.ts" 2> /dev/null)
echo "$output"
expected="listed: false
not asked for: granted false
  with the line: refused
  without it: refused
asked for: granted true
  with the line: refused
  without it: compiles 1,0,3,2"
[ "$output" = "$expected" ] || { echo "changed: expected
$expected"; exit 1; }
