#!/usr/bin/env bash
# Guess: "</s>" in a rendered chat becomes the end token's id, since it is in added_tokens and is called special.
# Happens: with "normalized": true, as in Llama 2's first tokenizer.json files, and a normalizer that puts "▁" in front, the token is looked
#   for as "▁</s>", so behind other text it is spelled in pieces. tokenizers and transformers agree. With "normalized": false it is one id.
# Versions: tokenizers 0.23.3, transformers 5.24.0.
# Why it matters: a model that is tuned on such answers never learns to stop. Dinotune warns at the start of a run, with the ids.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --no-compile tokenizers==0.23.3 transformers==5.24.0 jinja2==3.1.6
cat > check.py <<'PY'
import sys
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from transformers import PreTrainedTokenizerFast

vocab = {piece: i for i, piece in enumerate(["<unk>", "<s>", "</s>", "▁", "y", "e", "s", "<", "/", ">", "▁q", "q"])}


def ids(normalized):
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([AddedToken("</s>", normalized=normalized, special=True)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=AddedToken("</s>", normalized=normalized, special=True))
    fast.chat_template = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
    direct = tokenizer.encode("yes</s>", add_special_tokens=False).ids
    chat = fast.apply_chat_template([{"role": "assistant", "content": "yes"}], return_dict=False)
    return direct, chat


spelled, whole = ids(True), ids(False)
print("normalized: true ", *spelled)
print("normalized: false", *whole)
holds = all(2 not in one for one in spelled) and all(one[-1] == 2 for one in whole)
sys.exit(0 if holds else 1)
PY
venv/bin/python check.py
