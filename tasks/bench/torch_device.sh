#!/usr/bin/env bash
# trainer: torch on a machine with a GPU, in one go: the goldens on it, then seconds a step, memory and the GPU's use of LoRA and IOPO on
# Qwen2.5's shapes of 1.5B and 7B (random weights), ours and the plain script in turns, the script on 1.5B only.
# usage: tasks/bench/torch_device.sh [--try] QUADS.json [FOLDER]
#   QUADS.json     token ids as `deno task bench train --quads` takes them; FOLDER: models and results (20 GB), a new temporary one by default
#   --try          a tiny shape and one step, on any machine: shows that all of it runs
# DINOTUNE_PYTHON names the Python with torch, transformers and peft; PEAK_TFLOPS the card's dense bfloat16 peak (default 989: H100, H200).
set -euo pipefail
cd "$(dirname "$0")/../.."
try=; if [ "${1:-}" = --try ]; then try=1; shift; fi
quads=${1:?usage: tasks/bench/torch_device.sh [--try] QUADS.json [FOLDER]}
folder=${2:-$(mktemp -d)}
export DINOTUNE_PYTHON=${DINOTUNE_PYTHON:-python3} DINOTUNE_TORCH=full NO_COLOR=1
gpus=$("$DINOTUNE_PYTHON" -c 'import torch; print(torch.cuda.device_count())')
device=$([ "$gpus" -gt 0 ] && echo cuda || echo cpu)
echo "GPUs: $gpus; results in $folder"

# With one GPU there is one process.
if [ "$gpus" -ge 2 ]; then filter="PyTorch"; else filter="/one process|SmolLM2, none/"; fi
[ -n "$try" ] || deno test -A --no-check --filter "$filter" plugins/trainers/torch

make_model() { # NAME hidden inner layers heads kv_heads vocabulary tied
  "$DINOTUNE_PYTHON" - "$folder/$1" "${@:2}" <<'PYTHON'
import os, sys, torch
from transformers import Qwen2Config, Qwen2ForCausalLM
path, *numbers = sys.argv[1:]
if os.path.exists(path + "/config.json"):
    sys.exit()
hidden, inner, layers, heads, kv, vocabulary, tied = map(int, numbers)
config = Qwen2Config(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                     num_key_value_heads=kv, vocab_size=vocabulary, tie_word_embeddings=bool(tied), rope_theta=1e6,
                     max_position_embeddings=32768, dtype=torch.bfloat16)
torch.manual_seed(0)
torch.set_default_dtype(torch.bfloat16)
Qwen2ForCausalLM(config).save_pretrained(path)
PYTHON
}

measure() { # PROGRAM MODEL COMMAND…
  local program=$1 model=$2 sampler=; shift 2
  if [ "$device" = cuda ]; then
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -l 1 >"$folder/use.txt" & sampler=$!
  fi
  "$@" >"$folder/lines.jsonl" || { [ -z "$sampler" ] || kill "$sampler"; return 1; }
  if [ -n "$sampler" ]; then kill "$sampler"; wait "$sampler" 2>/dev/null || true; fi
  "$DINOTUNE_PYTHON" - "$program" "$model" "$folder" "${PEAK_TFLOPS:-989}" <<'PYTHON'
import json, os, sys
program, model, folder, peak = sys.argv[1:]
lines = [json.loads(line) for line in open(folder + "/lines.jsonl") if line.startswith("{")]
last = lines[-1]
use = [int(x) for x in open(folder + "/use.txt").read().split()] if os.path.exists(folder + "/use.txt") else []
busy = sorted(use)[len(use) // 2:]  # loading and compiling leave the GPU alone
row = {"program": program, "model": model, "seconds_a_step": last["seconds_per_step"], "reference_seconds_a_step": last.get("reference_seconds_per_step", 0),
       "tokens_a_second": last["tokens_per_second"], "device_mib": last.get("peak_device_mib"), "host_mib": last["peak_rss_mib"],
       "share_of_peak": last["gflops"] / 1000 / float(peak) if "gflops" in last else None, "gpu_use_percent": sum(busy) / len(busy) if busy else None,
       "first_loss": lines[0]["loss"]}
print(json.dumps(row))
open(folder + "/results.jsonl", "a").write(json.dumps(row) + "\n")
PYTHON
}

# Rows of a pack and quadruples of a step: so many that the GPU and not the host decides.
if [ -n "$try" ]; then
  rows=1024 accumulation=2 steps=1 rounds=1
  make_model tiny 64 128 2 4 2 49152 1; models=tiny
else
  rows=16384 accumulation=32 steps=4 rounds=2
  make_model qwen2.5-1.5b 1536 8960 28 12 2 151936 1
  make_model qwen2.5-7b 3584 18944 28 28 4 152064 0
  models="qwen2.5-1.5b qwen2.5-7b"
fi
common=(--quads "$quads" --mode iopo --dtype bfloat16 --accum "$accumulation" --steps "$steps" --warmup 1)
for ((round = 0; round < rounds; round++)); do
  for model in $models; do
    checkpointing=$([ "$model" = qwen2.5-7b ] && echo on || echo off)
    measure dinotune "$model" deno run -A tasks/bench/train_child.ts --model "$folder/$model" --trainer torch --rows "$rows" \
      --checkpointing "$checkpointing" "${common[@]}"
    [ "$model" = qwen2.5-7b ] || measure script "$model" "$DINOTUNE_PYTHON" tasks/bench/bench_iopo_torch.py --model "$folder/$model" \
      --device "$device" --checkpointing "$checkpointing" "${common[@]}"
  done
done
echo "all of it: $folder/results.jsonl"
