#!/usr/bin/env bash
# guess: lm-eval sends all stop texts of a task (until) to a chat server, as it does to a completions server
# what happens: local-chat-completions sends the first four (OpenAI's limit) and drops the rest, the tokenizer's own end included, without a word
# version: lm_eval 0.4.13
# why it matters: an answer goes on past the fifth stop text, so one task scores otherwise by chat than by completions; put those that matter first
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check 'lm_eval[api]==0.4.13' transformers==5.17.0
cat > ask.py <<'PY'
import lm_eval.models
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

texts = ["one", "two", "three", "four", "five"]
for name, kind, message in [("completions", LocalCompletionsAPI, "x"), ("chat", LocalChatCompletion, [{"role": "user", "content": "x"}])]:
    model = kind(model="m", base_url="http://127.0.0.1:9/v1", tokenizer_backend=None)
    sent = model._create_payload(message, generate=True, gen_kwargs={"until": list(texts)}, eos="</s>")
    print(f"{name}: {' '.join(sent['stop'])}")
PY
output=$(env/bin/python ask.py 2> /dev/null)
echo "$output"
expected="completions: one two three four five </s>|chat: one two three four"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
