#!/usr/bin/env bash
# Guess: an npm package made to render chat templates gives the text that Python's Jinja2 gives, so that token ids agree.
# Happens: both differ in plain expressions: printed booleans and None, chars to strip, whole division of negatives, printed
#   lists, comparisons of texts. A model that is tuned on such a text sees other tokens than at inference.
# Versions: @huggingface/jinja 0.5.11, minijinja-js 2.11.0 (Python methods on), Jinja2 3.1.6.
# Why it matters: chat templates are written and tested with Python; Dinotune renders them by code of its own for this reason.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q jinja2==3.1.6
npm install --silent --no-fund --no-audit @huggingface/jinja@0.5.11 minijinja-js@2.11.0

cat > cases.json <<'JSON'
["{{ true }} {{ none }}", "{{ '\n\n a\n'.lstrip('\n') }}|", "{{ -7 // 2 }} {{ -7 % 3 }}", "{{ ['a', 1.0] }}", "{{ 'a' < 'b' }}"]
JSON
cat > python.py <<'PY'
import json
from jinja2.sandbox import ImmutableSandboxedEnvironment
env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
print(json.dumps([env.from_string(t).render() for t in json.load(open("cases.json"))], ensure_ascii=False))
PY
cat > javascript.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";
import mini from "minijinja-js";
const cases = JSON.parse(readFileSync("cases.json", "utf8"));
const env = new mini.Environment();
env.trimBlocks = env.lstripBlocks = true;
env.enablePyCompat();
const text = (render) => { try { return render(); } catch (error) { return `error: ${error.message}`; } };
const all = {
  huggingface: cases.map((t) => text(() => new Template(t).render({}))),
  minijinja: cases.map((t) => text(() => env.renderStr(t, {}))),
};
console.log(JSON.stringify(all));
JS
venv/bin/python python.py > python.json
node javascript.mjs > javascript.json
python3 - <<'PY'
import json, sys
cases, python, javascript = (json.load(open(f"{n}.json")) for n in ("cases", "python", "javascript"))
counts = {name: sum(a != b for a, b in zip(python, texts)) for name, texts in javascript.items()}
for i, case in enumerate(cases):
    print(f"{case!r}\n  Python {python[i]!r}" + "".join(f"\n  {n} {t[i]!r}" for n, t in javascript.items()))
print("differ:", counts)
sys.exit(0 if counts["huggingface"] >= 5 and counts["minijinja"] >= 2 else 1)
PY
