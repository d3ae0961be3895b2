#!/usr/bin/env bash
# guess: an instruction of IFEval's kind with a count of 0 ("no bullet points", "at least 0 words") is checked as that count
# what happens: lm-eval drops every argument that is falsy before it makes the check, not only those that are null, so the check takes the 0 for
#   "not given" and draws a count at random, without a seed: a text without bullets fails "exactly 0 bullets" in every draw, and "at least 0
#   placeholders" fails too. The check itself takes its 0 where it gets it
# version: lm_eval 0.4.13
# why it matters: the released prompts have no 0, so their scores are right; prompts of one's own in that format get verdicts by chance. Write
#   "less than 1", or check such rules elsewhere
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check 'lm_eval[api]==0.4.13' nltk==3.10.4 langdetect==1.0.9 immutabledict==4.3.1
cat > check.py <<'PY'
from lm_eval.tasks.ifeval import instructions, utils


def verdicts(id, kwargs, text):
    asked = utils.InputExample(key=0, instruction_id_list=[id], prompt="", kwargs=[kwargs])
    seen = {utils.test_instruction_following_strict(asked, text).follow_instruction_list[0] for _ in range(200)}
    return " and ".join(map(str, sorted(seen)))


print("exactly 0 bullets, none in the text:", verdicts("detectable_format:number_bullet_lists", {"num_bullets": 0}, "No list."))
print("exactly 1 bullet, one in the text:", verdicts("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* A list."))
print("at least 0 placeholders, none:", verdicts("detectable_content:number_placeholders", {"num_placeholders": 0}, "No."))
print("at least 0 placeholders, two:", verdicts("detectable_content:number_placeholders", {"num_placeholders": 0}, "[a] [b]"))
check = instructions.PlaceholderChecker("detectable_content:number_placeholders")
check.build_description(num_placeholders=0)
print("the same check given its 0:", check.check_following("No."))
PY
output=$(HOME=$folder env/bin/python check.py 2> /dev/null | grep -E 'bullet|placeholders|its 0')
echo "$output"
expected="False|True|False|False and True|True"
[ "$(sed 's/.*: //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
