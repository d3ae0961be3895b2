#!/usr/bin/env bash
# guess: the same tensors and the same metadata make the same safetensors file, since the format has no time and no names of machines in it
# what happens: tensors are put into a fixed order, but the pairs of __metadata__ come in another order at each call, even within one process: of
#   two keys both orders, of four keys all 24. With one key or none the bytes are the same
# version: safetensors 0.8.0 for Python (the Rust library's map has no order)
# why it matters: a checksum, a cache by content, a signature or "resumed gives the same bytes" fails now and then, once a second key stands beside
#   format: pt; files that were equal in a test of one run differ in the next. Compare tensors and metadata, or write the header oneself
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat > "$folder/save.py" <<'PY'
import json

import numpy as np
from safetensors.numpy import save

tensors = {"b": np.zeros(2, np.float32), "a": np.zeros(2, np.float32)}
keys = ["format", "base_model", "rank", "alpha"]


def header(file):
    return json.loads(file[8:8 + int.from_bytes(file[:8], "little")])


for count in range(5):
    files = {save(tensors, {key: "x" for key in keys[:count]}) for _ in range(2000)}
    assert len({json.dumps(header(file), sort_keys=True) for file in files}) == 1
    print(f"{count} keys of metadata, saved 2000 times: different files {len(files)}")
turned = {save(dict(pairs), {"format": "pt"}) for pairs in (tensors.items(), reversed(tensors.items()))}
print(f"tensors in either order, one key of metadata: different files {len(turned)}")
PY
output=$("$folder/venv/bin/python" "$folder/save.py")
echo "$output"
expected="1 1 2 6 24 1"
[ "$(sed 's/.*files //' <<< "$output" | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
