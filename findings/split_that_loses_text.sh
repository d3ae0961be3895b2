#!/usr/bin/env bash
# guess: @huggingface/tokenizers for JavaScript gives the ids of the Rust library of that name for every tokenizer.json that it takes
# what happens: a Split with "invert": true keeps the matches and drops all text between them, unless its behavior is Removed, as GPT-4's files
#   have it; MergedWithNext cuts otherwise where two matches stand side by side; single_word of an added token isn't read.
#   No message, and the ids are valid: decoded, words are missing
# version: @huggingface/tokenizers 0.2.0 (in @huggingface/transformers 4.3.2), tokenizers 0.23.3
# why it matters: a model that is right in Python sees a prompt with holes in a browser. For Isolated and Contiguous leave "invert" out, the
#   Rust library cuts alike; else compare decode(encode(text)) with the text when a file is taken over
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check tokenizers==0.23.3
npm install --silent --no-audit --no-fund @huggingface/tokenizers@0.2.0 > /dev/null
cat > make.py <<'PY'
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

vocabulary = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
merges = [("Ġ", "b"), ("a", "Ġ")]
for pair in merges:
    vocabulary["".join(pair)] = len(vocabulary)


def case(name, text, split=None, token=None):
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    parts = [split] if split else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*parts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    if token:
        tokenizer.add_tokens([token])
    return {"name": name, "text": text, "file": json.loads(tokenizer.to_str()), "tokens": tokenizer.encode(text).tokens}


cases = [
    case(f"Split {behavior}, invert {invert}", "go to  bed at 10", pre_tokenizers.Split(Regex(r"\s|\d+"), behavior, invert))
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"] for invert in [False, True]
]
cases.append(case("token ab, single_word", "cabin", token=AddedToken("ab", single_word=True)))
json.dump(cases, open("cases.json", "w"))
PY
cat > compare.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

for (const { name, text, file, tokens } of JSON.parse(readFileSync("cases.json", "utf8"))) {
  const ours = new Tokenizer(file, {}).encode(text).tokens;
  const same = ours.join("|") === tokens.join("|");
  console.log(`${name}: ${same ? "equal" : `differ: ${JSON.stringify(tokens.join("|"))} in Rust, ${JSON.stringify(ours.join("|"))} in JavaScript`}`);
}
JS
venv/bin/python make.py
output=$(node compare.mjs)
echo "$output"
expected="equal equal equal differ equal differ differ differ equal differ differ"
[ "$(grep -oE ': (equal|differ)' <<< "$output" | cut -c3- | paste -sd' ')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
