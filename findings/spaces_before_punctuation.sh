#!/usr/bin/env bash
# guess: a byte-level BPE tokenizer gives back the text that its ids were made of, in every library that reads its folder
# what happens: @huggingface/tokenizers for JavaScript, which transformers.js stands on, takes spaces off before . , ! ? and n't 's 'm 've 're unless
#   tokenizer_config.json says "clean_up_tokenization_spaces": false: a missing key means true. transformers 4.57.6 does so where the key is true, as
#   Llama 3's files have it, and takes a missing key for false. transformers 5.24.0 never does for BPE: it warns and keeps the text
# version: @huggingface/tokenizers 0.2.0 (in @huggingface/transformers 4.3.2), transformers 4.57.6 and 5.24.0, tokenizers 0.22.2 and 0.23.3
# why it matters: the ids agree, the answers don't: code ("b != 3" becomes "b!= 3"), and every check that reads texts letter by letter, comes
#   out otherwise in a browser than on a server. Write the key, and write false
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @huggingface/tokenizers@0.2.0
python3 -m venv four
four/bin/pip install -q --disable-pip-version-check --no-compile transformers==4.57.6 tokenizers==0.22.2
python3 -m venv five
five/bin/pip install -q --disable-pip-version-check --no-compile transformers==5.24.0 tokenizers==0.23.3
cat > make.py <<'PY'
import json, os
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
for name, value in {"true": True, "false": False, "missing": None}.items():
    os.makedirs(name)
    tokenizer.save(f"{name}/tokenizer.json")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    with open(f"{name}/tokenizer_config.json", "w") as file:
        json.dump(config if value is None else {**config, "clean_up_tokenization_spaces": value}, file)
PY
four/bin/python make.py
cat > read.py <<'PY'
import json, os, sys
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(tokenizer.decode(tokenizer(sys.argv[2])["input_ids"]))
PY
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
const [folder, text] = process.argv.slice(2);
const [model, config] = ["tokenizer.json", "tokenizer_config.json"].map((name) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8")));
const tokenizer = new Tokenizer(model, config);
console.log(tokenizer.decode(tokenizer.encode(text).ids));
JS
text="if b != 3 : print ( x , y ) . It 's done !"
clean="if b!= 3 : print ( x, y ). It's done!"
failed=0
expect() { # key, what is expected, command
  seen=$("${@:4}" "$1" "$text" 2>/dev/null)
  printf '%-8s %-34s %s\n' "$1" "$3" "$seen"
  [ "$seen" = "$2" ] || failed=1
}
expect true "$clean" "@huggingface/tokenizers 0.2.0" node read.mjs
expect missing "$clean" "@huggingface/tokenizers 0.2.0" node read.mjs
expect false "$text" "@huggingface/tokenizers 0.2.0" node read.mjs
expect true "$clean" "transformers 4.57.6" four/bin/python read.py
expect missing "$text" "transformers 4.57.6" four/bin/python read.py
expect true "$text" "transformers 5.24.0" five/bin/python read.py
expect missing "$text" "transformers 5.24.0" five/bin/python read.py
exit $failed
