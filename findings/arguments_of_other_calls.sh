#!/usr/bin/env bash
# guess: a row of tool calls is in the data set as it was in the list or the file: {"city": "Rome"} are the arguments of one call, {"a": 1, "b": 2} those of another
# what happens: Dataset.from_list makes one type for all rows, so each call has the arguments of all of them, null where they aren't its own, and each
#   tool's schema the properties of all tools; written to JSON Lines or parquet, the nulls are in the file. load_dataset("json") of the same rows keeps them
#   as they were (its type Json)
# version: datasets 5.2.0 with pyarrow 26.0.1 (datasets 4.0.0 fills in load_dataset("json"), too)
# why it matters: whoever reads the file, or renders a chat template from the rows, has the nulls in prompts and in calls that are learnt:
#   {"city": "Rome", "a": null, "b": null}. Write JSON Lines with json.dumps, not through a list's data set
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1
cat > load.py <<'PY'
import json
import pathlib

import datasets

datasets.disable_progress_bars()


def row(name, arguments):
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [call]}]}


def arguments(made):
    return json.dumps(made["messages"][1]["tool_calls"][0]["function"]["arguments"])


def written(made, kind):
    path = f"again.{kind}"
    made.to_json(path) if kind == "jsonl" else made.to_parquet(path)
    return json.loads(pathlib.Path(path).read_text().splitlines()[0]) if kind == "jsonl" else datasets.Dataset.from_parquet(path)[0]


rows = [row("weather", {"city": "Rome"}), row("sum", {"a": 1, "b": 2})]
listed = datasets.Dataset.from_list(rows)
pathlib.Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
loaded = datasets.load_dataset("json", data_files="rows.jsonl", split="train")
print("given:", arguments(rows[0]))
print("from_list:", arguments(listed[0]))
print("from_list, to_json:", arguments(written(listed, "jsonl")))
print("from_list, to_parquet:", arguments(written(listed, "parquet")))
print("load_dataset json:", arguments(loaded[0]))
tools = [{"tools": [{"name": "weather", "properties": {"city": {"type": "string"}}}]}, {"tools": [{"name": "sum", "properties": {"a": {"type": "integer"}}}]}]
print("from_list, a tool's properties:", json.dumps(datasets.Dataset.from_list(tools)[0]["tools"][0]["properties"]))
PY
output=$(HF_HOME="$folder/home" venv/bin/python load.py 2> /dev/null)
echo "$output"
filled='{"city": "Rome", "a": null, "b": null}'
expected="given: {\"city\": \"Rome\"}
from_list: $filled
from_list, to_json: $filled
from_list, to_parquet: $filled
load_dataset json: {\"city\": \"Rome\"}
from_list, a tool's properties: {\"city\": {\"type\": \"string\"}, \"a\": null}"
[ "$output" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
