#!/usr/bin/env bash
# guess: a NaN among logits is seen in their maximum, as in NumPy and PyTorch: ReduceMax gives NaN, and TopK has it in front or nowhere
# what happens: ReduceMax and TopK of onnxruntime see it where it stands first in a row and pass over it elsewhere: the maximum of [5, NaN, 7]
#   is 7. TopK loses numbers to it: the largest of that row is 7, the two largest are 5 and NaN. Max of two tensors gives NaN wherever it stands
# version: onnxruntime-node 1.30.0, x86_64
# why it matters: "the largest logit is finite" says nothing about a broken model, and a sampler on TopK draws from candidates that aren't the
#   likeliest. Ask IsNaN before reducing
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 > /dev/null
cat > largest.mjs <<'JS'
import proto from "onnx-proto";
import ort from "onnxruntime-node";

const { ModelProto } = proto.onnx, FLOAT = 1, INT64 = 7;
const value = (name, elemType, ...dims) => ({
  name,
  type: { tensorType: { elemType, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
});

async function run(opType, row, largest) {
  const x = new ort.Tensor("float32", Float32Array.from(row), [1, row.length]);
  const k = largest ? { k: new ort.Tensor("int64", BigInt64Array.of(BigInt(largest)), [1]) } : {};
  const dims = largest ?? (opType === "Max" ? row.length : 1);
  const model = ModelProto.encode(ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "largest",
      node: [{ opType, input: opType === "Max" ? ["x", "x"] : ["x", ...Object.keys(k)], output: largest ? ["y", "at"] : ["y"] }],
      input: [value("x", FLOAT, 1, row.length), ...(largest ? [value("k", INT64, 1)] : [])],
      output: [value("y", FLOAT, 1, dims)],
    },
  })).finish();
  const session = await ort.InferenceSession.create(model);
  return `[${Array.from((await session.run({ x, ...k })).y.data).join(" ")}]`;
}

for (const row of [[NaN, 5, 7], [5, NaN, 7], [5, 7, NaN]]) {
  const ask = async (opType, largest) => `${opType} ${await run(opType, row, largest)}`;
  console.log(`[${row.join(" ")}]:`, await ask("ReduceMax"), await await ask("TopK", 1), await ask("TopK", 2), await ask("Max"));
}
JS
output=$(node largest.mjs)
echo "$output"
expected="[NaN 5 7]: ReduceMax [NaN] TopK [NaN] TopK [NaN 7] Max [NaN 5 7]|[5 NaN 7]: ReduceMax [7] TopK [7] TopK [5 NaN] Max [5 NaN 7]|[5 7 NaN]: ReduceMax [7] TopK [7] TopK [7 5] Max [5 7 NaN]"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
