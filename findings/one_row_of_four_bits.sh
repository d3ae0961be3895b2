#!/usr/bin/env bash
# guess: a row of a product has the same bits whatever rows stand beside it, when the weights are packed and the inputs are rounded row by row
# what happens: on x86 with AVX2 and without AVX-512, MatMulNBits with 4 bits, blocks of 32 or more and accuracy_level 4 gives a row other last bits
#   alone than beside others: one row has a kernel of its own, which takes zero points off before it multiplies, where several rows
#   get them from sums of blocks afterwards. Blocks of 16 and 8 bits have no such kernel, and agree
# version: onnxruntime 1.32.0 (1.30.0 alike)
# why it matters: a greedy answer then depends on whether another request ran at the same time. Dinotune tries it when a model is opened, and runs a
#   lone sequence with an unused row beside it where they differ, which costs up to a sixth of a step
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2
cat > "$folder/rows.py" <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

K, N = 128, 32
draw = np.random.default_rng(1)
rows = draw.standard_normal((2, K)).astype(np.float32)

for bits, block in [(4, 32), (4, 64), (4, 16), (8, 32)]:
    groups = K // block
    codes = draw.integers(0, 256, (N, groups, block * bits // 8), dtype=np.uint8)
    scales = draw.uniform(0.01, 0.02, N * groups).astype(np.float32)
    node = helper.make_node("MatMulNBits", ["x", "codes", "scales"], ["y"], domain="com.microsoft",
                            K=K, N=N, bits=bits, block_size=block, accuracy_level=4)
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["M", K])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", N])],
        [numpy_helper.from_array(codes, "codes"), numpy_helper.from_array(scales, "scales")])
    model = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    run = lambda x: session.run(None, {"x": x})[0]
    alone, beside = run(rows[:1])[0], run(rows)[0]
    apart = np.abs(alone - beside).max()
    print(f"{bits} bits, blocks of {block}: {'equal' if apart == 0 else f'differ by {apart:.1e}'}")
PY
output=$("$folder/venv/bin/python" "$folder/rows.py" 2> /dev/null)
echo "$output"
if ! grep -qw avx2 /proc/cpuinfo || grep -qwE "avx512f|avx_vnni" /proc/cpuinfo; then
  echo "this processor has other kernels: nothing to compare with"
  exit 0
fi
[ "$(sed 's/.*: \([a-z]*\).*/\1/' <<< "$output" | paste -sd' ')" = "differ differ equal equal" ] || { echo "changed: expected differ, differ, equal, equal"; exit 1; }
