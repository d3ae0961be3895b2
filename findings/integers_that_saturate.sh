#!/usr/bin/env bash
# guess: MatMulInteger gives the exact sum of products in 32 bits, as the ONNX standard says ("the production MUST never overflow")
# what happens: on x86 without VNNI instructions, uint8 times int8 adds pairs of products in 16 bits, and a pair ends at 32767: 64 products of
#   255 and 127 give half of their sum. uint8 times uint8, and int8 on the left, are exact. No option of a session changes it
# version: onnxruntime-node 1.30.0 on a CPU with AVX2 and no VNNI (its pages on quantization speak of it, the operator's don't)
# why it matters: uint8 inputs with int8 weights are what dynamic quantization writes by default, so the same "q8" file is right on a newer server and
#   wrong on an older one or in a small cloud machine, most where values are large. Export uint8 weights, or 7 bits (reduce_range)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 > /dev/null
cat > products.mjs <<'JS'
import { readFileSync } from "node:fs";
import proto from "onnx-proto";
import ort from "onnxruntime-node";

const { ModelProto } = proto.onnx, K = 64, ELEMENT = { uint8: 2, int8: 3, int32: 6 };
const value = (name, type, dims) => ({
  name,
  type: { tensorType: { elemType: ELEMENT[type], shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
});
const largest = (type) => new (type === "uint8" ? Uint8Array : Int8Array)(K).fill(type === "uint8" ? 255 : 127);

let changed = false;
const vnni = /vnni/.test(readFileSync("/proc/cpuinfo", "utf8"));
console.log(`VNNI instructions: ${vnni ? "yes" : "no"}`);
for (const [left, right, share] of [["uint8", "int8", vnni ? 1 : 0.506], ["uint8", "uint8", 1], ["int8", "int8", 1], ["int8", "uint8", 1]]) {
  const model = ModelProto.encode(ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "product",
      node: [{ opType: "MatMulInteger", input: ["a", "b"], output: ["y"] }],
      input: [value("a", left, [1, K]), value("b", right, [K, 1])],
      output: [value("y", "int32", [1, 1])],
    },
  })).finish();
  const session = await ort.InferenceSession.create(model);
  const a = largest(left), b = largest(right), truth = a.reduce((sum, v, i) => sum + v * b[i], 0);
  const { y } = await session.run({ a: new ort.Tensor(left, a, [1, K]), b: new ort.Tensor(right, b, [K, 1]) });
  console.log(`${left} times ${right}: ${y.data[0]} of ${truth}`);
  changed ||= Math.abs(y.data[0] / truth - share) > 0.001;
}
process.exit(changed ? 1 : 0);
JS
node products.mjs || { echo "changed"; exit 1; }
