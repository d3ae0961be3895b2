#!/usr/bin/env bash
# guess: config.rope_scaling = {...}, as programs written for transformers 4 stretch a model's positions (LLaMA-Factory 0.9.5's
#   configure_rope does), leaves rope_theta as config.json has it
# what happens: in transformers 5 rope_scaling is another name of rope_parameters, where rope_theta lives: setting it drops rope_theta
#   without a word, and the rotary frequencies' function then fails with a TypeError (None to a power)
# version: transformers 5.17.0 (no PyTorch needed to see the field go; 4.57.6 keeps it)
# why it matters: rope_scaling of a training file works with one version and ends in an unrelated error with the next; a program that
#   writes the field has to write rope_theta with it
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
cat > set.py <<'PY'
import transformers
from transformers import LlamaConfig

config = LlamaConfig.from_dict({"rope_theta": 500000.0, "max_position_embeddings": 64})
config.rope_scaling = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 64}
theta = getattr(config, "rope_theta", None) or config.rope_scaling.get("rope_theta")
print(f"transformers {transformers.__version__}: rope_theta {theta}")
PY
output=$(for version in 4.57.6 5.17.0; do
  venv/bin/pip install --quiet --no-compile --disable-pip-version-check "transformers==$version"
  venv/bin/python set.py 2> /dev/null
done)
echo "$output"
expected="500000.0 None"
[ "$(sed 's/.*rope_theta //' <<< "$output" | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
