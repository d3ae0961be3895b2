#!/usr/bin/env bash
# trainer: torch on a machine with a GPU: the goldens on it, then seconds a step, memory and the GPU's use of IOPO with LoRA on Qwen2.5's
# shapes of 1.5B (ours and the plain script in turns) and 7B (ours), random weights, token ids of fixtures/bench.
# usage: tasks/bench/torch_device.sh [--try] [goldens] [1.5b] [7b]
#   parts      all three by default; each is some minutes
#   --try      a tiny shape in the place of both, few steps, on any machine: shows that all of it runs
# DINOTUNE_PYTHON: the Python with torch, transformers and peft. FOLDER: models and results (20 GB; default a new temporary one).
# QUADS: token ids as `deno task bench train --quads` takes them. PEAK_TFLOPS: the card's dense bfloat16 peak (default 989: H100, H200).
set -euo pipefail
cd "$(dirname "$0")/../.."
try=; if [ "${1:-}" = --try ]; then try=1; shift; fi
[ $# -gt 0 ] || set -- goldens 1.5b 7b
for part in "$@"; do
  case $part in goldens | 1.5b | 7b) ;; *) echo "Cannot measure $part: there are goldens, 1.5b and 7b" >&2; exit 2 ;; esac
done
quads=${QUADS:-fixtures/bench/smollm2_quads.json}
folder=${FOLDER:-$(mktemp -d)}
mkdir -p "$folder"
export DINOTUNE_PYTHON=${DINOTUNE_PYTHON:-python3} NO_COLOR=1
device=$("$DINOTUNE_PYTHON" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')
echo "device: $device; results in $folder"

sampler=
stop_sampler() {
  [ -z "$sampler" ] || kill "$sampler" 2>/dev/null || true
  [ -z "$sampler" ] || wait "$sampler" 2>/dev/null || true
  sampler=
}
trap stop_sampler EXIT

goldens() {
  # With one GPU there is one process.
  local filter="PyTorch"
  if [ "$device" = cuda ] && [ "$("$DINOTUNE_PYTHON" -c 'import torch; print(torch.cuda.device_count())')" -lt 2 ]; then
    filter="/one process|SmolLM2, none/"
  fi
  if [ -n "$try" ]; then
    deno test -A --no-check --filter "/one process/" plugins/trainers/torch/torch_goldens_test.ts
  else
    DINOTUNE_TORCH=full deno test -A --no-check --filter "$filter" plugins/trainers/torch
  fi
}

make_model() { # NAME hidden inner layers heads kv_heads vocabulary tied
  "$DINOTUNE_PYTHON" - "$folder/$1" "$device" "${@:2}" <<'PYTHON'
import os, sys, torch
from transformers import Qwen2Config, Qwen2ForCausalLM
path, device, *numbers = sys.argv[1:]
if os.path.exists(path + "/config.json"):
    sys.exit()
hidden, inner, layers, heads, kv, vocabulary, tied = map(int, numbers)
config = Qwen2Config(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                     num_key_value_heads=kv, vocab_size=vocabulary, tie_word_embeddings=bool(tied), rope_theta=1e6,
                     max_position_embeddings=32768, dtype=torch.bfloat16)
torch.manual_seed(0)
torch.set_default_dtype(torch.bfloat16)
with torch.device(device):
    model = Qwen2ForCausalLM(config)
model.save_pretrained(path)
PYTHON
}

measure() { # PROGRAM MODEL COMMAND…
  local program=$1 model=$2; shift 2
  : >"$folder/use.txt"
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -lms 200 >"$folder/use.txt" & sampler=$!
  fi
  "$@" >"$folder/lines.jsonl"
  stop_sampler
  "$DINOTUNE_PYTHON" - "$program" "$model" "$folder" "${PEAK_TFLOPS:-989}" <<'PYTHON'
import json, sys
program, model, folder, peak = sys.argv[1:]
lines = [json.loads(line) for line in open(folder + "/lines.jsonl") if line.startswith("{")]
last = lines[-1]
# Five samples a second: those of the timed steps, which end the program.
use, timed = open(folder + "/use.txt").read().split(), max(1, round(5 * last["seconds_per_step"] * last["steps"]))
use = [float(x) for x in use[:-3][-timed:] if x.replace(".", "").isdigit()]
row = {"program": program, "model": model, "seconds_a_step": last["seconds_per_step"], "reference_seconds_a_step": last.get("reference_seconds_per_step"),
       "tokens_a_second": last["tokens_per_second"], "device_mib": last["peak_device_mib"], "host_mib": last["peak_rss_mib"],
       # Of the products, those of recomputed blocks among them.
       "share_of_peak": last["gflops"] / 1000 / float(peak) if "gflops" in last else None,
       "gpu_use_percent": sum(use) / len(use) if use else None, "gpu_use_least": min(use) if use else None, "first_loss": lines[0]["loss"]}
print(json.dumps(row), flush=True)
open(folder + "/results.jsonl", "a").write(json.dumps(row) + "\n")
PYTHON
}

# Quadruples of a step and rows of a pack, and of the script's forward pass: so many that the GPU and not the host decides.
accumulation=16 rows=16384 micro=4 dtype=bfloat16
common=(--quads "$quads" --mode iopo --warmup 1)
ours() { # MODEL CHECKPOINTING STEPS
  measure dinotune "$1" deno run -A --no-check tasks/bench/train/train_child.ts --model "$folder/$1" --trainer torch --rows "$rows" \
    --checkpointing "$2" --steps "$3" --accum "$accumulation" --dtype "$dtype" "${common[@]}"
}
script() { # MODEL CHECKPOINTING STEPS
  measure script "$1" "$DINOTUNE_PYTHON" tasks/bench/bench_iopo_torch.py --model "$folder/$1" --device "$device" --micro "$micro" \
    --checkpointing "$2" --steps "$3" --accum "$accumulation" --dtype "$dtype" "${common[@]}"
}

small=qwen2.5-1.5b large=qwen2.5-7b steps_small=20 steps_large=8 rounds=2
if [ -n "$try" ]; then
  small=tiny large=tiny steps_small=1 steps_large=1 rounds=1 accumulation=2 micro=2 rows=2048 dtype=float32
fi
for part in "$@"; do
  case $part in
  goldens) goldens ;;
  1.5b)
    if [ -n "$try" ]; then make_model tiny 64 128 2 4 2 49152 1; else make_model "$small" 1536 8960 28 12 2 151936 1; fi
    for ((round = 0; round < rounds; round++)); do
      ours "$small" off "$steps_small"
      script "$small" off "$steps_small"
    done
    ;;
  7b)
    if [ -n "$try" ]; then make_model tiny 64 128 2 4 2 49152 1; else make_model "$large" 3584 18944 28 28 4 152064 0; fi
    ours "$large" on "$steps_large"
    ;;
  esac
done
[ ! -f "$folder/results.jsonl" ] || "$DINOTUNE_PYTHON" - "$folder/results.jsonl" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
mean = lambda name, model, program: (lambda found: sum(found) / len(found) if found else None)(
    [row[name] for row in rows if row["model"] == model and row["program"] == program and row[name] is not None])
for model in sorted({row["model"] for row in rows if row["program"] == "script"}):
    ours, reference, theirs = mean("seconds_a_step", model, "dinotune"), mean("reference_seconds_a_step", model, "dinotune"), mean("seconds_a_step", model, "script")
    memory = [mean("device_mib", model, program) or mean("host_mib", model, program) for program in ("dinotune", "script")]
    print(f"{model}: script ÷ ours {theirs / (ours + reference):.2f} with the reference on both sides, {theirs / ours:.2f} when it is known; "
          f"memory {memory[0] / memory[1]:.2f} of the script's")
print(f"all of it: {sys.argv[1]}")
PYTHON
