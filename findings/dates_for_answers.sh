#!/usr/bin/env bash
# guess: a string in a JSON or JSON Lines file is a string in the data set that `datasets` makes of it
# what happens: where all values of a field look like ISO dates, or dates with times, the field becomes timestamps, at any depth, the contents of
#   messages as well: rows give datetime objects, and written as JSON again "2024-01-05" is the number 1704412800000. One value that is no date, an
#   empty one too, keeps the whole field text; a missing one doesn't. The same rows as CSV stay text
# version: datasets 5.2.0 with pyarrow 26.0.1 (whose JSON reader guesses so)
# why it matters: rows whose answer is a date lose it: templates render "2024-01-05 00:00:00", trainers that ask for a string drop the rows,
#   and a filter or a shard decides which type a set has. Give `features`, or look at them once loaded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1
cat > "$folder/load.py" <<'PY'
import json
import pathlib
import sys

import datasets

datasets.disable_progress_bars()
folder = pathlib.Path(sys.argv[1])
count = 0


def show(name, rows, read="json"):
    global count
    count += 1
    path = folder / f"rows{count}"
    path.write_text("\n".join(["output", *(row["output"] for row in rows)] if read == "csv" else map(json.dumps, rows)))
    made = datasets.load_dataset(read, data_files=str(path), split="train", cache_dir=str(folder / "cache"))
    made.to_json(f"{path}.again")
    again = pathlib.Path(f"{path}.again").read_text().splitlines()[0]
    print(f"{name}: {json.dumps(rows[0])} is {again} again")


answers = [{"output": "2024-01-05"}, {"output": "2023-11-30"}]
show("dates", answers)
show("a date with a time", [{"output": "2024-01-05T10:00:00Z"}])
show("one is missing", [*answers, {"output": None}])
show("one is empty", [*answers, {"output": ""}])
show("one in words", [*answers, {"output": "5 January"}])
show("messages", [{"messages": [{"role": "assistant", "content": "2024-01-05"}]}])
show("the better answer alone", [{"chosen": "2024-01-05", "rejected": "in January"}])
show("as CSV", answers, "csv")
PY
output=$(HF_HOME="$folder/home" "$folder/venv/bin/python" "$folder/load.py" "$folder" 2> /dev/null)
echo "$output"
expected="number number number text text number number text"
[ "$(sed -E 's/.* is .*[0-9]{10}.*/number/; s/.* is .*/text/' <<< "$output" | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
