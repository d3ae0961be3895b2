#!/usr/bin/env bash
# guess: AutoTokenizer cuts texts as the folder's tokenizer.json says, whatever the class is called in tokenizer_config.json
# what happens: transformers 5 takes only vocabulary, merges and added tokens from tokenizer.json where a class of its own is chosen, and
#   puts that class's normalizer and pre-tokenizer in place of the file's, without a word. In a folder whose config.json says
#   qwen2 it always chooses Qwen2Tokenizer, also against PreTrainedTokenizerFast and against TokenizersBackend, which is what its own warning
#   tells to write; elsewhere the class of tokenizer_config.json decides. transformers 4.57.6 reads all of these folders as tokenizer.json says
# version: transformers 5.24.0, tokenizers 0.23.3 (no PyTorch needed)
# why it matters: a Qwen2-shaped model with another tokenizer gets other ids from transformers 5 than from vLLM with version 4, llama.cpp and what
#   it was trained with; ids are valid and texts decode, so only the answers get worse. Compare with Tokenizer.from_file
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3
cat > "$folder/cut.py" <<'PY'
import json
import pathlib
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

# numbers in threes and texts in lower case, as tokenizers of one's own may have them
letters = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["12", "123", "<|end|>"]
file = Tokenizer(models.BPE({piece: i for i, piece in enumerate(letters)}, [("1", "2"), ("12", "3")]))
file.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"\p{N}{1,3}|\s+|[^\s\p{N}]+"), "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
])
file.decoder = decoders.ByteLevel()
text = "a 1234"
print("tokenizer.json:", *file.encode(text).tokens)

folder = pathlib.Path(sys.argv[1])
file.save(str(folder / "tokenizer.json"))
for model, name in [
    ("llama", "PreTrainedTokenizerFast"), ("llama", "TokenizersBackend"), ("llama", "Qwen2TokenizerFast"),
    ("qwen2", "PreTrainedTokenizerFast"), ("qwen2", "TokenizersBackend"), ("qwen3", "TokenizersBackend"), ("qwen3", "Qwen2TokenizerFast"),
]:
    (folder / "config.json").write_text(json.dumps({"model_type": model}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, "eos_token": "<|end|>"}))
    read = AutoTokenizer.from_pretrained(str(folder))
    print(f"{model}, {name}: read as {type(read).__name__}:", *read.tokenize(text))
PY
output=$("$folder/venv/bin/python" "$folder/cut.py" "$folder" 2> /dev/null)
echo "$output"
whole="a Ġ 123 4" cut="a Ġ 1 2 3 4"
expected="$whole|$whole|$whole|$cut|$cut|$cut|$whole|$cut"
[ "$(sed 's/.*: //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
