#!/usr/bin/env bash
# guess: IFEval's checks are rules, so the same answers get the same score in every run and in every copy of the code
# what happens: two of its prompts (keys 1122 and 1129) count a "letter" that is none, # and !. The released code of 2023 and the packages that carry it
#   draw a letter from a to z in its place at each check, without a seed: an answer with every hashtag that was asked for fails in most draws, and
#   one without any passes in some. Letters proper are as certain as they look
# version: if-verifiable 0.1.2; lm-evaluation-harness 0.4.13, lighteval 0.13.0, evalscope 1.14.1, opencompass 0.5.4 and HELM 0.5.16 give
#   the same range of scores for GPT-4's recorded answers: 415 to 417 of 541 prompts
# why it matters: two runs over one file of answers differ by up to 0.4 points of prompts, so two models that do aren't different; which
#   of the copies counted is no help, as each draws anew. Take both prompts out, or a checker that counts the sign
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check if-verifiable==0.1.2 datasets==5.2.0 nltk==3.10.4 langdetect==1.0.9
cat > "$folder/check.py" <<'PY'
from if_verifiable import IFEvalSample, evaluate_output_for_sample

tags = "the sea is so blue today #sea #sun #sand #salt"
cries = "an ice cream that is so gentle! yes! really! taste it! today! now!"


def show(key, letter, least, text, what):
    arguments = {"let_relation": "at least", "letter": letter, "let_frequency": least}
    sample = IFEvalSample(key, "a prompt", ["keywords:letter_frequency"], [arguments])
    seen = {evaluate_output_for_sample("ifeval", sample, text)[0][0].strict_pass for _ in range(400)}
    print(f"{key}, at least {least} {letter}, {what}: verdicts {' and '.join(map(str, sorted(seen)))}")


show(1122, "#", 4, tags, "four in the text")
show(1122, "#", 4, tags.replace("#", ""), "none in the text")
show(1129, "!", 6, cries, "six in the text")
show(1122, "s", 4, tags, "more in the text")
show(1122, "q", 1, tags, "none in the text")
PY
output=$(HOME=$folder "$folder/venv/bin/python" "$folder/check.py" 2> /dev/null)
echo "$output"
expected="False and True|False and True|False and True|True|False"
[ "$(sed 's/.*verdicts //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
