#!/usr/bin/env bash
# What the released TRACE script of this name did, with its three arguments:
#   bash examples/eval/evaluate_all_task_for_model.sh OUT_DIR MODEL_YAML EVALUATOR_YAML|all
# MODEL_YAML is relative to config/ ("models/vllm_qwen2_7b_trace_iopo.yaml"), EVALUATOR_YAML to this folder
# ("config/evaluator-trace-gpt-gpt.yaml"); "all" is the built-in list. No file is changed: model and directory are arguments of
# the run. For a model of type vllm a server is started unless one answers at its address, and stopped at the end.
set -euo pipefail
[ $# -eq 3 ] || { echo "Usage: bash $0 OUT_DIR MODEL_YAML EVALUATOR_YAML|all" >&2; exit 1; }
caller=$PWD
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
case $1 in /*) out=$1 ;; *) out=$caller/$1 ;; esac
case $2 in /*) model=$2 ;; *) model=$here/config/$2 ;; esac
[ -f "$model" ] || { echo "Cannot evaluate $2 as there is no file $model" >&2; exit 1; }

evaluators=(config/evaluator-trace-gpt-gpt.yaml)
[ "$3" = all ] || evaluators=("$3")
run=(deno)
command -v deno >/dev/null || run=(npx -y deno@2.9.6)

# one field of the resolved configuration
field() {
  "${run[@]}" task --quiet eval "$1" "model=$model" "out_dir=$out" --dry-run --json |
    "${run[@]}" eval 'const c = JSON.parse(await new Response(Deno.stdin.readable).text());
      const m = c.evaluator.model;
      console.log([m.type, m.args.api_base ?? "http://localhost:8000/v1", m.args.name ?? "", m.args.model_path ?? "", m.args.tensor_parallel_size ?? 1].join("\n"));'
}
# any answer will do: a server that wants a key answers too
answers() { curl -s -o /dev/null --max-time 5 "$1/models"; }

status=0
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
for evaluator in "${evaluators[@]}"; do
  case $evaluator in /*) file=$evaluator ;; *) file=$here/$evaluator ;; esac
  [ -f "$file" ] || { echo "Cannot evaluate with $evaluator as there is no file $file" >&2; exit 1; }
  fields=$(field "$file")
  { read -r type; read -r base; read -r name; read -r path; read -r parallel; } <<<"$fields"
  if [ "$type" = vllm ] && ! answers "$base"; then
    if ! command -v vllm >/dev/null; then
      echo "Cannot evaluate $name as nothing answers at $base and vllm isn't installed: start a server there," >&2
      echo "or use this project's own engine with a model file of type local (examples/eval/config/models/local_smollm2.yaml)" >&2
      exit 1
    fi
    port=${base##*:}
    vllm serve "$path" --served-model-name "$name" --port "${port%%/*}" --tensor-parallel-size "$parallel" >&2 &
    server=$!
    until answers "$base"; do
      kill -0 "$server" 2>/dev/null || { echo "Cannot evaluate $name as its server ended" >&2; exit 1; }
      sleep 5
    done
  fi
  dir=$out
  [ ${#evaluators[@]} -eq 1 ] || dir=$out/$(basename "$evaluator" .yaml)
  "${run[@]}" task eval "$file" "model=$model" "out_dir=$dir" || status=$?
done
exit "$status"
