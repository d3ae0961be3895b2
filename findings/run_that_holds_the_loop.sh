#!/usr/bin/env bash
# guess: `await session.run(…)` of onnxruntime-node leaves the event loop free meanwhile, as its result is a promise, and two runs go side by side
# what happens: run() returns at once, and then the run holds the event loop's thread from begin to end: no timer, request or signal is heard,
#   AbortSignal.timeout comes too late, and runs in Promise.all go one after the other
# version: onnxruntime-node 1.30.0 in Node 20 and Deno 2.9.6
# why it matters: a server that awaits a model answers no health check while a prompt is computed, and its own time limits can't end it. Give the
#   session to a Worker
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 > /dev/null
cat > count.mjs <<'JS'
import proto from "onnx-proto";
import ort from "onnxruntime-node";

const side = 400, products = 150;
const matrix = (name) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: side }, { dimValue: side }] } } } });
const { ModelProto } = proto.onnx;
const node = Array.from({ length: products }, (_, i) => ({
  opType: "MatMul",
  input: [i ? `y${i}` : "x", "x"],
  output: [i + 1 < products ? `y${i + 1}` : "y"],
}));
const model = ModelProto.encode(ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: { name: "products", node, input: [matrix("x")], output: [matrix("y")] },
})).finish();
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
const x = new ort.Tensor("float32", new Float32Array(side * side), [side, side]);

// the order of what happens, whatever the time that it takes
const events = [];
const run = (name) => session.run({ x }).then(() => events.push(`end of ${name}`));
await run("warm-up");

const signal = AbortSignal.timeout(20);
signal.onabort = () => events.push("abort after 20 ms");
let ticks = 0;
const begun = performance.now(), timer = setInterval(() => ticks++, 1);
const first = run("first"), second = run("second");
events.push("both calls returned");
await Promise.all([first, second]);
const taken = performance.now() - begun;
clearInterval(timer);
await new Promise((done) => setTimeout(done, 50));
console.log(events.slice(1).join(", "));
console.log(`a timer of 1 ms: ${ticks <= 4 ? "4 ticks at most" : `${ticks} ticks`} while two runs took ${taken > 40 ? "40 ms and more" : `${taken} ms`}`);
JS
output=$(node count.mjs)
echo "$output"
grep -q "^both calls returned, .*40 ms and more" <<< "$(paste -sd' ' <<< "$output")" && grep -q "4 ticks at most" <<< "$output" || { echo "changed: expected 4 ticks at most"; exit 1; }
