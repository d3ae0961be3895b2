#!/usr/bin/env bash
# All that a GPU has to show, most important first, in one call of at most 13 minutes: bash tasks/bench/device.sh [FOLDER] (default device_figures).
# FOLDER/NN_NAME.txt has what a part said, NN_NAME.json its figures, codes.txt the exit codes and seconds, table.md the table with the goals of
# docs/performance.md. The exit code is 1 when a part failed (a part that takes too long is cut and fails; one that wasn't begun doesn't).
# Each part of the issue's list has its own most seconds (below), which make 780 together: none of them keeps a later one from its turn.
# Environment: MODEL (SmolLM2-135M as a folder or GGUF file), LARGE (1.5b, 7b or tiny for a made-up model, or one's path), AGAINST (a checkout of
# another version, run beside this one), PARTS (names, in place of all), PART_SECONDS (most of each part, in place of its own), ALL_SECONDS (780, of all),
# BACKEND (webgpu), PROVIDER (cuda; cpu tries the script without a card),
# QUADS (token ids of the model, fixtures/bench/smollm2_quads.json), TRAIN, KERNELS, SHAPES and GENERATE (further flags of these benches, such as small sizes to try the script by),
# STREAMS (32, answers at once of generate_streams), DINOTUNE_LARGE (1; empty leaves the blocks of large models out of the last part).
# All of it by small sizes on an adapter that computes on a CPU: see docs/performance.md, "On a card".
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "${1:-device_figures}" && cd "${1:-device_figures}" && pwd)
backend=${BACKEND:-webgpu} provider=${PROVIDER:-cuda} failed=0 number=0
tested=$([ "$provider" = cpu ] && echo onnx || echo "$provider")
quads=${QUADS:-$PWD/fixtures/bench/smollm2_quads.json}
export NO_COLOR=1 BACKENDS="$backend" AGAINST="${AGAINST:-}" MODEL="${MODEL:-}" backend quads
# What an earlier call left would be taken for this one's.
rm -f "$out"/[0-9][0-9]_*.txt "$out"/[0-9][0-9]_*.json "$out"/[0-9][0-9]_*.gpu "$out/table.md"
: >"$out/codes.txt"

# Most seconds of a part; of others 120.
declare -A MOST=([doctor]=15 [exit_codes]=45 [contract]=120 [goldens]=60 [train]=75 [load]=25 [kernels]=60 [generate]=60
  [cuda_right]=60 [cuda_host_bf16]=45 [cuda_device_bf16]=45 [model]=25 [large]=60 [large_cuda_host_bf16]=45 [large_cuda_device_bf16]=40)

part() { # [--json] NAME COMMAND ...
  local json='' name base code left most start sampler=
  if [ "$1" = --json ]; then json=1 && shift; fi
  name=$1 && shift
  number=$((number + 1)) base=$(printf '%s/%02d_%s' "$out" "$number" "$name")
  case " ${PARTS:-$name} " in *" $name "*) ;; *) return ;; esac
  left=$((${ALL_SECONDS:-780} - SECONDS)) most=${PART_SECONDS:-${MOST[$name]:-120}}
  if [ "$left" -lt 5 ]; then say "$name left out: the time is up" && return; fi
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 200 >"$base.gpu" 2>/dev/null & sampler=$!
  fi
  start=$SECONDS
  if [ -n "$json" ]; then timeout -k 5 $((left < most ? left : most)) "$@" >"$base.json" 2>"$base.txt"; code=$?
  else timeout -k 5 $((left < most ? left : most)) "$@" >"$base.txt" 2>&1; code=$?; fi
  [ -z "$sampler" ] || { kill "$sampler"; wait "$sampler"; } 2>/dev/null
  say "$name $code $((SECONDS - start))"
  [ "$code" = 0 ] || { failed=1; tail -n 15 "$base.txt"; }
}
say() { echo "$1" | tee -a "$out/codes.txt"; }
needs() { # VARIABLE [--json] NAME COMMAND ...
  local variable=$1 && shift
  if [ -n "${!variable:-}" ]; then part "$@"; else
    [ "$1" != --json ] || shift
    number=$((number + 1)) && say "$1 left out: $variable isn't set"
  fi
}
before() { [ -z "$AGAINST" ] || needs "$@"; }
other() { (cd "$AGAINST" && "$@"); }
export -f other
read -ra train <<<"${TRAIN:-}"
read -ra kernels <<<"${KERNELS:-}"
read -ra shapes <<<"${SHAPES:-}"
read -ra generate <<<"${GENERATE:-}"
export TRAIN="${TRAIN:-}" KERNELS="${KERNELS:-}" GENERATE="${GENERATE:-}"
load='deno run -A tasks/bench/train_child.ts --model "$MODEL" --quads "$quads" --steps 1 --accum 1 --backend "$backend"'

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader >"$out/card.txt" 2>/dev/null || rm -f "$out/card.txt"
cuda() { # NAME FOLDER TENSORS OPERANDS
  needs "$2" --json "$1" deno task bench train --model "${!2:-}" --json --quads "$quads" --checkpointing on --backend onnx --provider "$provider" \
    --tensors "$3" --operands "$4" "${train[@]}"
}
part doctor deno task doctor
part exit_codes deno test -A --no-check tests/exit_code_test.ts
part contract deno test -A --no-check kernels/contract_test.ts
part goldens deno test -A --no-check kernels/engine/engine_test.ts plugins/trainers/local/loop_test.ts
needs MODEL --json train deno task bench train --model "$MODEL" --json --quads "$quads" --checkpointing on --backend "$backend" "${train[@]}"
needs MODEL --json load bash -c "$load"
part --json kernels deno task bench kernels --json --backend "$backend" "${kernels[@]}"
needs MODEL --json generate deno task bench generate --model "$MODEL" --json --backend "$backend" "${generate[@]}"
part cuda_right env BACKENDS="$tested" deno test -A --no-check --filter '/every kernel|Engine|roundings/' kernels/contract_test.ts kernels/backends/onnx/half_test.ts kernels/engine/engine_test.ts
cuda cuda_host_bf16 MODEL host bf16
cuda cuda_device_bf16 MODEL device bf16
large=${LARGE:-}
case $large in
  1.5b | 7b | tiny) large=$out/model_$large; [ -e "$large/config.json" ] || part model deno run -A tasks/bench/random_model.ts "$large" "$LARGE" ;;
esac
needs large --json large deno task bench train --model "$large" --json --quads "$quads" --checkpointing on --backend "$backend" "${train[@]}"
cuda large_cuda_host_bf16 large host bf16
cuda large_cuda_device_bf16 large device bf16
# Above: the issue's list. Below: the other version's, then what takes longer.
before MODEL --json train_before bash -c 'other deno task bench train --model "$MODEL" --json --quads "$quads" --checkpointing on --backend "$backend" $TRAIN'
before MODEL --json load_before bash -c "other $load"
before MODEL --json generate_before bash -c 'other deno task bench generate --model "$MODEL" --json --backend "$backend" $GENERATE'
before backend --json kernels_before bash -c 'other deno task bench kernels --json --backend "$backend" $KERNELS'
part --json shapes deno task bench kernels --json --backend "$backend" --shapes "${shapes[@]}"
part shaders deno test -A --no-check tests/shaders_test.ts
cuda cuda_host_float32 MODEL host float32
cuda cuda_device_float32 MODEL device float32
needs MODEL --json generate_streams deno task bench generate --model "$MODEL" --json --backend "$backend" "${generate[@]}" --streams "${STREAMS:-32}"
part webgpu env DINOTUNE_LARGE="${DINOTUNE_LARGE-1}" deno test -A --no-check kernels/backends/webgpu kernels/engine/dispatches_test.ts kernels/engine/large_blocks_test.ts kernels/engine/pack_rows_test.ts \
  plugins/trainers/local/ahead_test.ts kernels/engine/generate/picks_test.ts
deno run --allow-read --allow-env tasks/bench/device_table.ts "$out" | tee "$out/table.md"
exit "$failed"
