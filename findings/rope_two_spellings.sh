#!/usr/bin/env bash
# guess: a config.json with both rope_parameters (the new name) and rope_scaling (the old one) is read by the new name
# what happens: transformers takes rope_scaling whole and drops rope_parameters; rope_theta falls back to 10000 without a
#   word when it stood only in rope_parameters, even where rope_scaling says no more than {"rope_type": "default"}
# version: transformers 5.24.0 (no PyTorch needed)
# why it matters: a tool that reads rope_parameters trains other rotary frequencies than transformers and vLLM run
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0
cat > "$folder/read.py" <<'PY'
from transformers import LlamaConfig

new = {"rope_type": "default", "rope_theta": 1000000.0}
for old in [None, {"rope_type": "default"}, {"rope_type": "linear", "factor": 2.0}]:
    given = {"rope_parameters": dict(new), "rope_scaling": old and dict(old)}
    read = LlamaConfig.from_dict(given).rope_parameters
    print(f"rope_parameters {new}, rope_scaling {old}: rope_theta {read['rope_theta']}, {read['rope_type']}")
PY
output=$("$folder/venv/bin/python" "$folder/read.py" 2> /dev/null)
echo "$output"
expected="1000000.0, default 10000.0, default 10000.0, linear"
[ "$(sed 's/.*rope_theta //' <<< "$output" | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
