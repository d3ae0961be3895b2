#!/usr/bin/env bash
# guess: "multipleOf": 0.01 in a JSON schema takes every number of two digits behind the point, so validators take 0.07
# what happens: AJV divides and asks for a whole number; 0.07 / 0.01 is 7.000000000000001 in doubles. It refuses 1,363 of the 10,000 prices from 0.00 to 99.99, and 348 of 1,000
#   numbers with 0.1. jsonschema for Python refuses the same ones, zod takes all. multipleOfPrecision of AJV is off by default and mends it
# version: ajv 8.17.1, jsonschema 4.26.0, zod 4.6.7
# why it matters: answers that fit their schema (prices, ratings with a tenth) are thrown away, asked for again, or counted as a model's faults,
#   every seventh of them. Set multipleOfPrecision, or count in whole cents
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ajv@8.17.1 zod@4.6.7 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check jsonschema==4.26.0
cat > count.mjs <<'JS'
import { Ajv } from "ajv";
import { z } from "zod";

for (const [digits, count] of [[2, 10000], [1, 1000]]) {
  const multipleOf = Number(`1e-${digits}`), schema = { type: "number", multipleOf };
  const numbers = Array.from({ length: count }, (_, i) => Number((i / 10 ** digits).toFixed(digits)));
  const refused = (takes) => numbers.filter((number) => !takes(number));
  const of = { "AJV": new Ajv().compile(schema), "AJV, multipleOfPrecision 6": new Ajv({ multipleOfPrecision: 6 }).compile(schema), zod: (n) => z.number().multipleOf(multipleOf).safeParse(n).success };
  for (const [name, takes] of Object.entries(of)) {
    const those = refused(takes);
    console.log(`${name} with ${multipleOf}: refuses ${those.length} of ${count}${those.length ? `, ${those.slice(0, 4).join(", ")} …` : ""}`);
  }
}
JS
cat > count.py <<'PY'
import json

from jsonschema import Draft202012Validator

for digits, count in ((2, 10000), (1, 1000)):
    validator = Draft202012Validator({"type": "number", "multipleOf": float(f"1e-{digits}")})
    refused = [x for x in (json.loads(f"{i / 10**digits:.{digits}f}") for i in range(count)) if not validator.is_valid(x)]
    print(f"jsonschema with {10**-digits}: refuses {len(refused)} of {count}")
PY
output=$(node count.mjs; venv/bin/python count.py)
echo "$output"
expected="1363 0 0 348 0 0 1363 348"
[ "$(sed 's/.*refuses \([0-9]*\) of.*/\1/' <<< "$output" | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
