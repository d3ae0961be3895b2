#!/usr/bin/env bash
# guess: truncation and padding that a call of a tokenizer asks for hold for that call
# what happens: transformers sets them in the tokenizer underneath and leaves them there, so save_pretrained writes the last call's max_length and
#   padding into tokenizer.json. tokenizers then cuts and fills every text of whoever loads the file, without a word. transformers itself
#   sets both anew at each call and never shows it, and @huggingface/tokenizers for JavaScript reads neither: one file, two lengths
# version: transformers 5.24.0 (4.57.6 alike), tokenizers 0.23.3, @huggingface/tokenizers 0.2.0
# why it matters: a training script that tokenizes its data and saves the tokenizer beside the model ships a tokenizer that cuts prompts at the
#   training's length in programs on the tokenizers library. Look at "truncation" in tokenizer.json, or call the backend's no_truncation() and no_padding()
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3
npm install --silent --no-audit --no-fund @huggingface/tokenizers@0.2.0 > /dev/null
cat > save.py <<'PY'
import json

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

text = "one two three four five"
file = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["<pad>", *text.split()])}, "<pad>"))
file.pre_tokenizer = pre_tokenizers.Whitespace()


def show(name, calls):
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(file.to_str()), pad_token="<pad>")
    for settings in calls:
        made([text], **settings)
    made.save_pretrained(name)
    saved = json.load(open(f"{name}/tokenizer.json"))
    length, padding = (saved["truncation"] or {}).get("max_length"), (saved["padding"] or {}).get("strategy")
    ids = Tokenizer.from_file(f"{name}/tokenizer.json").encode(text).ids
    again = AutoTokenizer.from_pretrained(name)(text)["input_ids"]
    print(f"{name}: saved max_length {length}, padding {padding}: tokenizers {ids}, transformers {again}")


show("no call", [])
show("cut", [{"truncation": True, "max_length": 3}])
show("filled", [{"padding": "max_length", "max_length": 8}])
show("cut, then plain", [{"truncation": True, "max_length": 3}, {}])
PY
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

for (const name of ["cut", "filled"]) {
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(`${name}/tokenizer.json`, "utf8")), {});
  console.log(`${name}: @huggingface/tokenizers ${JSON.stringify(tokenizer.encode("one two three four five").ids)}`);
}
JS
output="$(venv/bin/python save.py 2> /dev/null)
$(node read.mjs)"
echo "$output"
whole="[1, 2, 3, 4, 5]"
expected="no call: saved max_length None, padding None: tokenizers $whole, transformers $whole
cut: saved max_length 3, padding None: tokenizers [1, 2, 3], transformers $whole
filled: saved max_length None, padding {'Fixed': 8}: tokenizers [1, 2, 3, 4, 5, 0, 0, 0], transformers $whole
cut, then plain: saved max_length None, padding None: tokenizers $whole, transformers $whole
cut: @huggingface/tokenizers [1,2,3,4,5]
filled: @huggingface/tokenizers [1,2,3,4,5]"
[ "$output" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
