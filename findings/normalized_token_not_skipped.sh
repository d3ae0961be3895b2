#!/usr/bin/env bash
# Guess: decode(ids, skip_special_tokens=True) leaves out every token that is special, and an added token decodes to its content.
# Happens: from tokenizers 0.23 on an added token with "normalized": true decodes to what the normalizer makes of it ("▁</s>", "[x]"), and the special ones
#   are looked for under that text, where there are none: "</s>" isn't skipped. 0.22 decodes the content and skips it.
# Versions: tokenizers 0.22.2 and 0.23.3.
# Why it matters: answers of Llama 2's first tokenizer.json files, whose "</s>" is normalized, end with a visible " </s>", and added words get a
#   blank or another letter case, depending on the library's version. Dinotune decodes the content, and skips special tokens.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > check.py <<'PY'
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers


def texts(normalizer, word, normalized):
    tokenizer = Tokenizer(models.BPE({"▁yes": 0}, []))
    tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken("</s>", normalized=normalized, special=True)])
    tokenizer.add_tokens([AddedToken(word, normalized=normalized)])
    return tokenizer.decode([0, 1], skip_special_tokens=True), tokenizer.decode([0, 2])


for normalized in (True, False):
    for normalizer in (normalizers.Prepend("▁"), normalizers.Lowercase()):
        print(type(normalizer).__name__, "normalized" if normalized else "as it is", *texts(normalizer, "[X]", normalized), sep=" | ")
PY
for version in 0.22.2 0.23.3; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install -q --no-compile --disable-pip-version-check "tokenizers==$version"
  "venv-$version/bin/python" check.py | tee "$version.txt" | sed "s/^/$version | /"
done
cat > old.txt <<'TEXT'
Prepend | normalized |  yes |  yes[X]
Lowercase | normalized |  yes |  yes[X]
Prepend | as it is |  yes |  yes[X]
Lowercase | as it is |  yes |  yes[X]
TEXT
cat > new.txt <<'TEXT'
Prepend | normalized |  yes </s> |  yes [X]
Lowercase | normalized |  yes |  yes[x]
Prepend | as it is |  yes |  yes[X]
Lowercase | as it is |  yes |  yes[X]
TEXT
diff 0.22.2.txt old.txt && diff 0.23.3.txt new.txt
