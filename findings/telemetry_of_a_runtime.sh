#!/usr/bin/env bash
# guess: onnxruntime-node, a library that runs a file of mine on my processor, writes no files that I didn't ask for
# what happens: with the first session it makes a device id and a data base of events under the home folder's
#   .cache/Microsoft/DeveloperTools, and two files in the temporary folder, one of them a log named after the process: one more for each process.
#   Nothing is printed. Versions up to 1.27 do none of it; ORT_DISABLE_TELEMETRY=1 prevents it, if it is set before the library is loaded
# version: onnxruntime-node 1.30.0 on Linux (transformers.js 4.3.2 for Node stands on this library)
# why it matters: a read-only home, a container's small /tmp and a sandbox's list of paths all meet files that no code of one's own writes, and a device
#   has an id that nobody was told of
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 older@npm:onnxruntime-node@1.27.0 onnx-proto@8.0.1 > /dev/null
cat > session.mjs <<'JS'
import proto from "onnx-proto";

const { default: ort } = await import(process.argv[2]);
const one = (name) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } } });
const model = proto.onnx.ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: { name: "negative", node: [{ opType: "Neg", input: ["x"], output: ["y"] }], input: [one("x")], output: [one("y")] },
});
await ort.InferenceSession.create(proto.onnx.ModelProto.encode(model).finish());
await new Promise((done) => setTimeout(done, 200));
JS
for setting in "older 0" "onnxruntime-node 1" "onnxruntime-node 0"; do
  read -r package off <<< "$setting"
  rm -rf home temporary && mkdir home temporary
  for process in first second; do
    HOME=$folder/home XDG_CACHE_HOME='' TMPDIR=$folder/temporary ORT_DISABLE_TELEMETRY=$off node session.mjs "$package"
    echo "$package, ORT_DISABLE_TELEMETRY=$off, $process process:" $(find home temporary -type f | sed 's/debug-[0-9]*/debug-PROCESS/' | LC_ALL=C sort)
  done
done > seen
cat seen
events="home/.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid home/.cache/Microsoft/DeveloperTools/.onnxruntime/onnxruntime.db temporary/.ses"
log=temporary/mat-debug-PROCESS.log
expected="||||$events $log|$events $log $log"
[ "$(sed 's/.*process: *//' seen | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
