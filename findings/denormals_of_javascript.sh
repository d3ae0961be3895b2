#!/usr/bin/env bash
# guess: set_denormal_as_zero of an onnxruntime session makes that session's operators take subnormal numbers for zero
# what happens: where it is the first session of the process, the thread that made it does so from then on for everything: JavaScript reads a
#   Float32Array's 2^-133 as 0, takes 5e-324 for 0 and Number.MIN_VALUE > 0 for false. Releasing the session changes nothing back, and a
#   Worker that is started later inherits it. Behind a plain session the same setting changes nothing at all in JavaScript
# version: onnxruntime-node 1.30.0 in Node 20 and in Deno 2.9.6, x86_64
# why it matters: float16's and bfloat16's small values, tables of weights and tests' goldens come out as zeros in code that never touches the
#   library, and whether they do depends on which file of a test run made the first session. Compare bits, not numbers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 > /dev/null
cat > flush.mjs <<'JS'
import { Worker } from "node:worker_threads";
import proto from "onnx-proto";
import ort from "onnxruntime-node";

const one = (name) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } } });
const { ModelProto } = proto.onnx;
const model = ModelProto.encode(ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: { name: "sum", node: [{ opType: "Add", input: ["x", "x"], output: ["y"] }], input: [one("x")], output: [one("y")] },
})).finish();

const look = () => {
  const number = new Float32Array(Uint32Array.of(1 << 16).buffer)[0];
  return number === 2 ** -133 && Number.MIN_VALUE > 0 ? "subnormal numbers" : `${number} for 2^-133, MIN_VALUE > 0 is ${Number.MIN_VALUE > 0}`;
};
const tell = (when, seen = look()) => console.log(`${when}: ${seen}`);
tell("before any session");
if (process.argv[2] === "second") {
  await ort.InferenceSession.create(model);
  tell("after a plain session");
}
const session = await ort.InferenceSession.create(model, { extra: { session: { set_denormal_as_zero: "1" } } });
tell("after a session that flushes");
await session.release();
tell("after its release");
const text = `require("node:worker_threads").parentPort.postMessage((${look})())`;
tell("in a new Worker", await new Promise((done) => new Worker(text, { eval: true }).once("message", done)));
JS
if [ "$(uname -m)" != x86_64 ]; then
  echo "this processor has other switches: nothing to compare with"
  exit 0
fi
first=$(node flush.mjs)
second=$(node flush.mjs second)
printf '%s\n' "first session of the process:" "$first" "second session of the process:" "$second"
[ "$(grep -c '2^-133, MIN_VALUE > 0 is false' <<< "$first") $(grep -c 'subnormal numbers' <<< "$second")" = "3 5" ] || { echo "changed: expected 3 flushed lines, then none"; exit 1; }
