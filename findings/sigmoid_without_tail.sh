#!/usr/bin/env bash
# guess: Sigmoid of onnxruntime is right to float32's precision, or nearly, as its Exp and Softplus are
# what happens: it is right to 2^-24 of 1, not of the value: on x86 it is 0 from -18 down (1.5e-8 in truth, and float32 reaches to 1e-38), and between -14 and -18
#   it is off by 7 % to twice the value. Exp and Softplus are right there; Sigmoid of doubles is right to 2^-53 of 1, and 0 from -37 down
# version: onnxruntime-node 1.30.0, x86_64
# why it matters: Log of Sigmoid is -Infinity where a log-sigmoid is -18, so a preference loss (DPO, reward models) that is exported as written
#   gives infinity for a pair that is very wrong, and SiLU's tail is 0. Write -Softplus(-x)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 > /dev/null
cat > tail.mjs <<'JS'
import proto from "onnx-proto";
import ort from "onnxruntime-node";

const { ModelProto } = proto.onnx;
const x = [-8, -14, -16, -17, -18, -40];
const value = (name, elemType) => ({ name, type: { tensorType: { elemType, shape: { dim: [{ dimValue: x.length }] } } } });

async function run(operators, type = "float32") {
  const elemType = type === "float32" ? 1 : 11;
  const node = operators.map((opType, i) => ({ opType, input: [`v${i}`], output: [`v${i + 1}`] }));
  const model = ModelProto.encode(ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: { name: "tail", node, input: [value("v0", elemType)], output: [value(`v${node.length}`, elemType)] },
  })).finish();
  const session = await ort.InferenceSession.create(model);
  const data = type === "float32" ? Float32Array.from(x) : Float64Array.from(x);
  return Array.from(Object.values(await session.run({ v0: new ort.Tensor(type, data, [x.length]) }))[0].data);
}

const truth = x.map((v) => 1 / (1 + Math.exp(-v)));
const shares = (values) => values.map((y, i) => (y / truth[i]).toFixed(2)).join(" ");
console.log("x:                                 ", x.join(" "));
console.log("Sigmoid of its true value:         ", shares(await run(["Sigmoid"])));
console.log("Sigmoid of doubles:                ", shares(await run(["Sigmoid"], "float64")));
console.log("exp(-Softplus(-x)):                ", shares(await run(["Neg", "Softplus", "Neg", "Exp"])));
console.log("Log(Sigmoid):                      ", (await run(["Sigmoid", "Log"])).map((y) => y.toFixed(2)).join(" "));
console.log("-Softplus(-x):                     ", (await run(["Neg", "Softplus", "Neg"])).map((y) => y.toFixed(2)).join(" "));
JS
output=$(node tail.mjs)
echo "$output"
expected="1.00 0.93 0.53 2.16 0.00 0.00|1.00 1.00 1.00 1.00 1.00 0.00|1.00 1.00 1.00 1.00 1.00 1.00|-8.00 -14.07 -16.64 -16.23 -Infinity -Infinity|-8.00 -14.00 -16.00 -17.00 -18.00 -40.00"
[ "$(tail -n +2 <<< "$output" | sed 's/.*: *//' | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
