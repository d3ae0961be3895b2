#!/usr/bin/env bash
# All that a GPU has to show, most important first, in one call: bash tasks/bench/device.sh [FOLDER] (default device_figures).
# Each part's output is FOLDER/NN_NAME.txt; exit codes are in FOLDER/codes.txt, and the script's own is 1 when a part failed.
# Environment: MODEL (SmolLM2-135M as a folder or GGUF file), LARGE (a model of 1.5B), PART_SECONDS (600, most of one part),
# BACKEND (webgpu), PARTS (names, in place of all), AGAINST (a checkout of another version, run beside this one),
# TRAIN, KERNELS and GENERATE (further flags of these benches, such as small sizes to try the script by).
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "${1:-device_figures}" && cd "${1:-device_figures}" && pwd)
export NO_COLOR=1
backend=${BACKEND:-webgpu} seconds=${PART_SECONDS:-600} failed=0 number=0
: >"$out/codes.txt"

part() { # NAME COMMAND ...
  local name=$1 code
  shift
  number=$((number + 1))
  case " ${PARTS:-$name} " in *" $name "*) ;; *) return ;; esac
  local file
  file=$(printf '%s/%02d_%s.txt' "$out" "$number" "$name")
  timeout "$seconds" "$@" >"$file" 2>&1
  code=$?
  echo "$name $code" | tee -a "$out/codes.txt"
  [ "$code" = 0 ] || { failed=1; tail -n 15 "$file"; }
}
needs() { # NAME VARIABLE COMMAND ...
  local name=$1 variable=$2
  shift 2
  if [ -n "${!variable:-}" ]; then part "$name" "$@"; else number=$((number + 1)); echo "$name left out: $variable isn't set" | tee -a "$out/codes.txt"; fi
}
other() { (cd "$AGAINST" && "$@"); }
export -f other
export backend BACKENDS="$backend" AGAINST="${AGAINST:-}"
read -ra train <<<"${TRAIN:-}"
read -ra kernels <<<"${KERNELS:-}"
read -ra generate <<<"${GENERATE:-}"

part doctor deno task doctor
part exit_codes deno test -A --no-check tests/exit_code_test.ts
part contract deno test -A --no-check kernels/contract_test.ts
part shaders deno test -A --no-check tests/shaders_test.ts
part webgpu deno test -A --no-check kernels/backends/webgpu kernels/engine/dispatches_test.ts kernels/engine/pack_rows_test.ts \
  plugins/trainers/local/ahead_test.ts kernels/engine/generate/picks_test.ts
part goldens deno test -A --no-check kernels/engine/engine_test.ts plugins/trainers/local/loop_test.ts
needs train MODEL deno task bench train --model "${MODEL:-}" --backend "$backend" "${train[@]}"
[ -z "$AGAINST" ] || needs train_before MODEL bash -c 'other deno task bench train --model "$MODEL" --backend "$backend"'
part kernels deno task bench kernels --backend "$backend" "${kernels[@]}"
part shapes deno task bench kernels --backend "$backend" --shapes
[ -z "$AGAINST" ] || part kernels_before bash -c 'other deno task bench kernels --backends "$backend"'
needs generate MODEL deno task bench generate --model "${MODEL:-}" --backend "$backend" "${generate[@]}"
needs cuda MODEL deno task bench train --model "${MODEL:-}" --backend onnx --provider cuda
needs large LARGE deno task bench train --model "${LARGE:-}" --backend "$backend" --checkpointing on
exit "$failed"
