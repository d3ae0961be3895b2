#!/usr/bin/env bash
# What `llamafactory-cli train examples/qwen2_lora_iopo.yaml` did. Arguments go on to the run:
#   bash examples/train_iopo.sh model_name_or_path=Qwen/Qwen2-7B-Instruct dataset_dir=data
set -euo pipefail
cd "$(dirname "$0")/.."
run=(deno)
command -v deno >/dev/null || run=(npx -y deno@2.9.6)
exec "${run[@]}" task train examples/qwen2_lora_iopo.yaml "$@"
