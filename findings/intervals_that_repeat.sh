#!/usr/bin/env bash
# guess: a tokenizer.json whose Split pattern is tiktoken's own text cuts as tiktoken does; cl100k_base's has \p{N}{1,3}+ for at most three digits
# what happens: in the Oniguruma of tokenizers, {n,m}+ isn't possessive: it is a group repeated, so that a number is one piece however long it is.
#   ++, ?+ and *+ are possessive in both. tiktoken's reader gives three digits at most
# version: tokenizers 0.23.3, tiktoken 0.12.0
# why it matters: who writes tokenizer.json from tiktoken's pattern gets other ids wherever a number has more than three digits; ids are valid and texts
#   decode, so that only the answers get worse. \p{N}{1,3} (without +) means the same to both
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check tokenizers==0.23.3 tiktoken==0.12.0
cat > "$folder/cut.py" <<'PY'
import tiktoken
from tokenizers import Regex, pre_tokenizers

text = "1234567"
# every number is a token of its own if it is a piece, so tokens are pieces
ranks = {bytes([i]): i for i in range(256)}
for size in range(2, 8):
    ranks.update({text[i : i + size].encode(): len(ranks) + i for i in range(8 - size)})
for pattern in [r"\p{N}{1,3}+|[^\p{N}]++", r"\p{N}{1,3}|[^\p{N}]++"]:
    encoding = tiktoken.Encoding("numbers", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    print(f"tiktoken {pattern}:", *[encoding.decode([i]) for i in encoding.encode(text)])
    cut = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)
    print(f"tokenizers {pattern}:", *[piece for piece, _ in cut])
PY
output=$("$folder/venv/bin/python" "$folder/cut.py")
echo "$output"
expected="123 456 7|1234567|123 456 7|123 456 7"
[ "$(sed 's/.*: //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
