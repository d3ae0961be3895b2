#!/usr/bin/env bash
# guess: a CSV file's text columns come as the texts that the file has, as the same rows do from JSON Lines
# what happens: `datasets` makes None of every cell that reads None, NA, null or nan, quoted or not, in a column of other texts as well; none and nil stay.
#   Naming the column a string by `features` changes nothing, keep_default_na=False keeps the words
# version: datasets 5.2.0 (pandas 3.1.1 reads the file)
# why it matters: "None" and "null" are answers of classifiers and of questions on code, NA is Namibia: those rows, and only those, lose their answer, are dropped as empty or trained on
#   "None" by another road; the rest of the file looks right. Pass keep_default_na=False, or write JSON Lines
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check datasets==5.2.0 pandas==3.1.1
cat > load.py <<'PY'
import csv
import json

import datasets

datasets.disable_progress_bars()
answers = ["Lisbon", "None", "NA", "null", "nan", "none", "nil"]
with open("rows.csv", "w", newline="") as file:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([["question", "answer"], *(("q", answer) for answer in answers)])
with open("rows.jsonl", "w") as file:
    file.writelines(json.dumps({"question": "q", "answer": answer}) + "\n" for answer in answers)
texts = datasets.Features({"question": datasets.Value("string"), "answer": datasets.Value("string")})
for label, kind, path, options in [
    ("JSON Lines", "json", "rows.jsonl", {}),
    ("CSV", "csv", "rows.csv", {}),
    ("CSV, features", "csv", "rows.csv", {"features": texts}),
    ("CSV, keep_default_na=False", "csv", "rows.csv", {"keep_default_na": False}),
]:
    rows = datasets.load_dataset(kind, data_files=path, split="train", cache_dir="cache", **options)
    print(f"{label}: {json.dumps(rows['answer'][:])}")
PY
output=$(HF_HUB_OFFLINE=1 venv/bin/python load.py)
echo "$output"
all='["Lisbon", "None", "NA", "null", "nan", "none", "nil"]' lost='["Lisbon", null, null, null, null, "none", "nil"]'
expected="JSON Lines: $all|CSV: $lost|CSV, features: $lost|CSV, keep_default_na=False: $all"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
