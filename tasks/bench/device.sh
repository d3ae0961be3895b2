#!/usr/bin/env bash
# All that a GPU has to show, most important first, in less than 10 minutes: bash tasks/bench/device.sh [FOLDER] (default device_figures).
# FOLDER/NN_NAME.txt has what a part said, NN_NAME.json its figures, codes.txt the exit codes and seconds, table.md the table with the goals of
# docs/performance_webgpu.md. The exit code is 1 when a part failed (a part that takes too long is cut and fails; one that wasn't begun doesn't).
# Each part that a goal needs has its own seconds (below), which make 570 together, and what those before it left of theirs: none of them
# keeps a later one from its turn.
# In two calls, where a command may last less than that: CALL_SECONDS=290 first, then GO_ON=1 CALL_SECONDS=290 with the same FOLDER and settings.
# A call begins no part whose most seconds it hasn't left; the next one goes on there, and the table is of both.
# Environment: MODEL (SmolLM2-135M as a folder or GGUF file), LARGE (1.5b, 7b or tiny for a made-up model, or one's path), AGAINST (a checkout of
# another version, run beside this one), PARTS (names, in place of all), PART_SECONDS (most of each part, in place of its own), ALL_SECONDS (570, of all calls),
# CALL_SECONDS (most of this call), GO_ON (1: what FOLDER has stays, and parts that ran there run again only where PARTS names them),
# BACKEND (webgpu), PROVIDER (cuda; cpu tries the script without a card),
# QUADS (token ids of the model, fixtures/bench/smollm2_quads.json), TRAIN, KERNELS, SHAPES and GENERATE (further flags of these benches, such as small sizes to try the script by),
# STREAMS (32, answers at once of generate_streams), DINOTUNE_LARGE (1; empty leaves the blocks of large models out of the last part).
# All of it by small sizes on an adapter that computes on a CPU: see docs/performance_webgpu.md, "On a card".
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "${1:-device_figures}" && cd "${1:-device_figures}" && pwd)
backend=${BACKEND:-webgpu} provider=${PROVIDER:-cuda} number=0 begun=0 full=0 spent=0
tested=$([ "$provider" = cpu ] && echo onnx || echo "$provider")
quads=${QUADS:-$PWD/fixtures/bench/smollm2_quads.json}
export NO_COLOR=1 BACKENDS="$backend" AGAINST="${AGAINST:-}" MODEL="${MODEL:-}" backend quads
card=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null)
settings=$(for name in MODEL LARGE AGAINST BACKEND PROVIDER QUADS TRAIN KERNELS SHAPES GENERATE STREAMS DINOTUNE_LARGE; do
  [ -z "${!name+set}" ] || echo "$name=${!name}"
done; echo "card $card")
if [ "${GO_ON:-}" = 1 ]; then
  if [ ! -e "$out/codes.txt" ]; then echo "Cannot go on in $out: no call before left its codes.txt there; leave GO_ON out" >&2 && exit 2; fi
  # One table is of one card and one set of sizes.
  if ! diff "$out/settings.txt" - <<<"$settings" >&2; then
    echo "Cannot go on in $out: the call before had other settings (<); give the same, or leave GO_ON out" >&2 && exit 2
  fi
  spent=$(awk '$2 ~ /^[0-9]+$/ { sum += $3 } END { print sum + 0 }' "$out/codes.txt")
else
  # What an earlier call left would be taken for this one's.
  rm -f "$out"/[0-9][0-9]_*.txt "$out"/[0-9][0-9]_*.json "$out"/[0-9][0-9]_*.gpu "$out/table.md" "$out/card.txt"
  : >"$out/codes.txt"
  echo "$settings" >"$out/settings.txt"
fi
[ -z "$card" ] || echo "$card" >"$out/card.txt"

# Seconds that a part has for sure, in their order; others have what is left, up to 120.
SURE=(doctor=10 exit_codes=20 contract=60 goldens=40 train=35 train_before=40 load=12 load_before=15 kernels=25 kernels_before=25 generate=30
  generate_before=35 cuda_right=30 cuda_host_bf16=35 cuda_device_bf16=25 model=28 large=35 large_cuda_host_bf16=40 large_cuda_device_bf16=30)

later() { # NAME: seconds of the parts behind it that are still to run
  local entry name behind='' sum=0
  for entry in "${SURE[@]}"; do
    name=${entry%=*}
    if [ "$name" = "$1" ]; then behind=1 && continue; fi
    [ -n "$behind" ] || continue
    case " ${PARTS:-$name} " in *" $name "*) ;; *) continue ;; esac
    case $name in *_before) [ -n "$AGAINST" ] || continue ;; model | large*) [ -n "${LARGE:-}" ] || continue ;; esac
    [ -n "$MODEL" ] || case $name in train* | load* | generate* | cuda_*_bf16) continue ;; esac
    grep -qE "^$name [0-9]" "$out/codes.txt" || sum=$((sum + ${entry#*=}))
  done
  echo "$sum"
}
sure() { # NAME: its seconds
  local entry
  for entry in "${SURE[@]}"; do [ "${entry%=*}" != "$1" ] || echo "${entry#*=}"; done
}

part() { # [--json] NAME COMMAND ...
  local json='' name base code left call own most start sampler=
  if [ "$1" = --json ]; then json=1 && shift; fi
  name=$1 && shift
  number=$((number + 1)) base=$(printf '%s/%02d_%s' "$out" "$number" "$name")
  case " ${PARTS:-$name} " in *" $name "*) ;; *) return ;; esac
  if grep -qE "^$name [0-9]" "$out/codes.txt"; then
    [ -n "${PARTS:-}" ] || return
    spent=$((spent - $(awk -v name="$name" '$1 == name { print $3 }' "$out/codes.txt")))
  fi
  left=$((${ALL_SECONDS:-570} - spent - SECONDS)) own=$(sure "$name") most=${PART_SECONDS:-120}
  if [ "$left" -lt 5 ]; then say "$name left out: the time is up" && return; fi
  # What the parts before left of their seconds is this one's, too.
  if [ -z "${PART_SECONDS:-}" ] && [ -n "$own" ]; then most=$((left - $(later "$name"))) && most=$((most < own ? own : most)); fi
  most=$((left < most ? left : most)) own=$((own && own < most ? own : most))
  if [ -n "${CALL_SECONDS:-}" ]; then
    call=$((CALL_SECONDS - SECONDS))
    # The first part of a call runs in any case, or calls that are too short would never end.
    if [ "$full" = 1 ] || [ "$begun" = 1 ] && [ "$call" -lt "$own" ]; then
      full=1 && say "$name left out: it is the next call's, GO_ON=1" && return
    fi
    most=$((call < most ? call : most))
  fi
  begun=1
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 200 >"$base.gpu" 2>/dev/null & sampler=$!
  fi
  start=$SECONDS
  if [ -n "$json" ]; then timeout -k 5 "$most" "$@" >"$base.json" 2>"$base.txt"; code=$?
  else timeout -k 5 "$most" "$@" >"$base.txt" 2>&1; code=$?; fi
  [ -z "$sampler" ] || { kill "$sampler"; wait "$sampler"; } 2>/dev/null
  say "$name $code $((SECONDS - start))"
  [ "$code" = 0 ] || tail -n 15 "$base.txt"
}
say() { # NAME ...: what becomes of the part, in place of what a call before said
  sed -i "/^${1%% *} /d" "$out/codes.txt"
  echo "$1" | tee -a "$out/codes.txt"
}
needs() { # VARIABLE [--json] NAME COMMAND ...
  local variable=$1 && shift
  if [ -n "${!variable:-}" ]; then part "$@"; else
    [ "$1" != --json ] || shift
    number=$((number + 1))
    case " ${PARTS:-$1} " in *" $1 "*) say "$1 left out: ${variable^^} isn't set" ;; esac
  fi
}
before() { # VARIABLE --json NAME COMMAND ...
  if [ -n "$AGAINST" ]; then needs "$@"; else needs AGAINST "${@:2}"; fi
}
other() { (cd "$AGAINST" && "$@"); }
export -f other
read -ra train <<<"${TRAIN:-}"
read -ra kernels <<<"${KERNELS:-}"
read -ra shapes <<<"${SHAPES:-}"
read -ra generate <<<"${GENERATE:-}"
export TRAIN="${TRAIN:-}" KERNELS="${KERNELS:-}" GENERATE="${GENERATE:-}"
# an earlier version has the child elsewhere
load='deno run -A $(ls tasks/bench/{train/,}train_child.ts 2>/dev/null) --model "$MODEL" --quads "$quads" --steps 1 --accum 1 --backend "$backend"'

cuda() { # NAME FOLDER TENSORS OPERANDS
  needs "$2" --json "$1" deno task bench train --model "${!2:-}" --json --quads "$quads" --checkpointing on --backend onnx --provider "$provider" \
    --tensors "$3" --operands "$4" "${train[@]}"
}
part doctor deno task doctor
part exit_codes deno test -A --no-check tests/exit_code_test.ts
part contract deno test -A --no-check kernels/contract_test.ts
part goldens deno test -A --no-check kernels/engine/engine_test.ts plugins/trainers/local/loop/loop_test.ts
needs MODEL --json train deno task bench train --model "$MODEL" --json --quads "$quads" --checkpointing on --backend "$backend" "${train[@]}"
before MODEL --json train_before bash -c 'other deno task bench train --model "$MODEL" --json --quads "$quads" --checkpointing on --backend "$backend" $TRAIN'
needs MODEL --json load bash -c "$load"
before MODEL --json load_before bash -c "other eval '$load'"
part --json kernels deno task bench kernels --json --backend "$backend" "${kernels[@]}"
# Of the other version those alone that the table compares.
before backend --json kernels_before bash -c 'other deno task bench kernels --json --backend "$backend" ${KERNELS:---kernels linear,attention,attention_grad}'
needs MODEL --json generate deno task bench generate --model "$MODEL" --json --backend "$backend" "${generate[@]}"
before MODEL --json generate_before bash -c 'other deno task bench generate --model "$MODEL" --json --backend "$backend" $GENERATE'
part cuda_right env BACKENDS="$tested" deno test -A --no-check --filter '/every kernel|Engine|roundings/' kernels/contract_test.ts kernels/backends/onnx/half_test.ts kernels/engine/engine_test.ts
cuda cuda_host_bf16 MODEL host bf16
cuda cuda_device_bf16 MODEL device bf16
large=${LARGE:-}
case $large in
  1.5b | 7b | tiny)
    large=$out/model_$large
    if [ -e "$large/config.json" ] && [ -e "$large/model.safetensors" ]; then number=$((number + 1)); else
      # A call before may have made it on a machine that is gone.
      sed -i '/^model /d' "$out/codes.txt"
      part model deno run -A tasks/bench/random_model.ts "$large" "$LARGE"
    fi ;;
  *) number=$((number + 1)) ;;
esac
needs large --json large deno task bench train --model "$large" --json --quads "$quads" --checkpointing on --backend "$backend" "${train[@]}"
cuda large_cuda_host_bf16 large host bf16
cuda large_cuda_device_bf16 large device bf16
# Above: what the goals need. Below: what takes longer.
part --json shapes deno task bench kernels --json --backend "$backend" --shapes "${shapes[@]}"
part shaders deno test -A --no-check tests/shaders_test.ts
cuda cuda_host_float32 MODEL host float32
cuda cuda_device_float32 MODEL device float32
needs MODEL --json generate_streams deno task bench generate --model "$MODEL" --json --backend "$backend" "${generate[@]}" --streams "${STREAMS:-32}"
part webgpu env DINOTUNE_LARGE="${DINOTUNE_LARGE-1}" deno test -A --no-check kernels/backends/webgpu kernels/engine/programs/dispatches_test.ts kernels/engine/body/large_blocks_test.ts kernels/engine/pack_rows_test.ts \
  plugins/trainers/local/loop/ahead_test.ts kernels/engine/generate/blocks/picks_test.ts
deno run --allow-read --allow-env tasks/bench/device/device_table.ts "$out" | tee "$out/table.md"
awk '$2 ~ /^[0-9]+$/ && $2 != 0 { failed = 1 } END { exit failed }' "$out/codes.txt"
