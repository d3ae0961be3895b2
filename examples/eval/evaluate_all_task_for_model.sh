#!/usr/bin/env bash
# What the released TRACE script of this name did, with its three arguments:
#   bash examples/eval/evaluate_all_task_for_model.sh OUT_DIR MODEL_YAML EVALUATOR_YAML|all
# MODEL_YAML is relative to config/ ("models/vllm_qwen2_7b_trace_iopo.yaml"), EVALUATOR_YAML to this folder
# ("config/evaluator-trace-gpt-gpt.yaml"), both else to where you are, and MODEL_YAML to config/ there; "all" is the built-in list. No file is changed: model and
# directory are arguments of the run. For a model of type vllm on this machine a server is started unless one answers at its address,
# and stopped at the end. Run it again to go on with a run that was stopped.
set -euo pipefail
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
[ $# -eq 3 ] || fail "Cannot evaluate as three arguments are needed: bash $0 OUT_DIR MODEL_YAML EVALUATOR_YAML|all"
caller=$PWD
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
find_file() { # what it is for, its name, the folders where it may be
  local what=$1 name=$2 folder path found=
  case $name in /*) set -- / ;; *) shift 2 ;; esac
  for folder; do
    path=${folder%/}/${name#/}
    [ -f "$path" ] || continue
    # a copy of an example that was changed is meant no less than the example
    [ -z "$found" ] || cmp -s "$found" "$path" || fail "Cannot evaluate as two files are the $what $name, $found and $path: give its whole path"
    found=${found:-$path}
  done
  [ -n "$found" ] || fail "Cannot evaluate as there is no $what $name in $*"
  printf '%s\n' "$found"
}
case $1 in /*) out=$1 ;; *) out=$caller/$1 ;; esac
model=$(find_file "model file" "$2" "$here/config" "$caller" "$caller/config")
names=(config/evaluator-trace-gpt-gpt.yaml)
[ "$3" = all ] || names=("$3")
evaluators=()
for name in "${names[@]}"; do evaluators+=("$(find_file "evaluator file" "$name" "$here" "$caller")"); done
cd "$here/../.."
deno=(deno)
command -v deno >/dev/null || deno=(npx -y deno@2.9.6)

# Lines: type, address, its host and port, name, path, share of memory, prefix caching, parallel. Keys and addresses that lack are told
# before a server is started.
resolved() {
  local json
  json=$("${deno[@]}" task --quiet eval "$1" "model=$model" "out_dir=$out" --dry-run --json) || return 1
  printf '%s' "$json" | "${deno[@]}" eval 'const { model } = JSON.parse(await new Response(Deno.stdin.readable).text()).evaluator;
    const args = model.args, base = (args.api_base ?? "http://localhost:8000/v1").replace(/\/+$/, ""), url = new URL(base);
    console.log([model.type, base, url.hostname, url.port || (url.protocol === "https:" ? 443 : 80), args.name ?? args.model_path ?? "",
      args.model_path ?? "", args.gpu_memory_utilization ?? "", args.enable_prefix_caching ?? "", args.tensor_parallel_size ?? 1].join("\n"));'
}
# 0: a server of chat completions answers, if only to ask for a key; 1: nothing is there; 2: something else answers; 3: what is there
# doesn't answer in time
answers() {
  "${deno[@]}" eval 'let response, text;
    try {
      response = await fetch(Deno.args[0] + "/models", { signal: AbortSignal.timeout(20000) });
      text = await response.text();
    } catch (error) { Deno.exit(error.name === "TimeoutError" ? 3 : 1); }
    try { if (response.status !== 401 && response.status !== 403) JSON.parse(text); } catch { Deno.exit(2); }' "$1"
}

server=
job=
# Ctrl-C reaches the evaluation by itself, which ends what is under way; other signals are passed on to it
trap ':' INT
trap '[ -z "$job" ] || kill -TERM "$job" 2>/dev/null || true; [ -n "$job" ] || exit 143' TERM HUP
stop_server() {
  [ -n "$server" ] && kill "$server" 2>/dev/null || return 0
  for _ in {1..50}; do kill -0 "$server" 2>/dev/null || return 0; sleep 0.2; done
  kill -KILL "$server" 2>/dev/null || true
}
trap stop_server EXIT

start_server() { # address, host, port, name, path, share of memory, prefix caching, parallel
  case $2 in localhost | 127.* | 0.0.0.0 | "[::1]") ;; *) fail "Cannot evaluate $4 as nothing answers at $1, which isn't this machine" ;; esac
  [ -n "$5" ] || fail "Cannot start a server for $4 as $model has no args.model_path, and nothing answers at $1"
  command -v vllm >/dev/null || fail "Cannot evaluate $4 as nothing answers at $1 and vllm isn't installed: start a server there, or use" \
    "this project's own engine with a model file of type local, such as models/local_smollm2.yaml"
  local options=(--served-model-name "$4" --host 127.0.0.1 --port "$3" --tensor-parallel-size "$8")
  [ "$2" != "[::1]" ] || options[3]=::1
  [ -z "$6" ] || options+=(--gpu-memory-utilization "$6")
  [ "$7" != true ] || options+=(--enable-prefix-caching)
  echo "Starting vllm serve $5 for $4 at $1; it may take minutes" >&2
  vllm serve "$5" "${options[@]}" >&2 &
  server=$!
  until answers "$1"; do
    kill -0 "$server" 2>/dev/null || { wait "$server" || fail "Cannot evaluate $4 as its server ended with exit code $?; what it said is above"; }
    sleep 2 || exit 130
  done
}

status=0
for evaluator in "${evaluators[@]}"; do
  fields=$(resolved "$evaluator")
  { read -r type; read -r base; read -r host; read -r port; read -r name; read -r path; read -r memory; read -r prefix; read -r parallel; } <<<"$fields"
  if [ "$type" = vllm ]; then
    answered=0
    answers "$base" || answered=$?
    [ "$answered" != 2 ] || fail "Cannot evaluate $name as what answers at $base is no server of chat completions: stop it, or set args.api_base"
    [ "$answered" != 3 ] || fail "Cannot evaluate $name as what listens at $base gives no answer within 20 s: wait until it does, or stop it"
    [ "$answered" != 1 ] || start_server "$base" "$host" "$port" "$name" "$path" "$memory" "$prefix" "$parallel"
  fi
  dir=$out
  [ ${#evaluators[@]} -eq 1 ] || dir=$out/$(basename "$evaluator" .yaml)
  "${deno[@]}" task eval "$evaluator" "model=$model" "out_dir=$dir" &
  job=$!
  # a signal ends wait, not the evaluation
  while :; do code=0; wait "$job" || code=$?; kill -0 "$job" 2>/dev/null || break; done
  job=
  [ "$code" = 0 ] || status=$code
  case $code in 129 | 130 | 143) break ;; esac
done
exit "$status"
