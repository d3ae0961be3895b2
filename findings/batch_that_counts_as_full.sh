#!/usr/bin/env bash
# guess: eval_loss of Seq2SeqTrainer is Trainer's, since the one extends the other by generation only
# what happens: with a last batch that isn't full they differ. Trainer repeats a batch's loss by the batch size and cuts the repeats to the rows that the data set has; Seq2SeqTrainer
#   gathers without cutting, so that a last batch of one row weighs as much as one of four
# version: transformers 5.17.0, accelerate 1.15.0, torch 2.15.0
# why it matters: LLaMA-Factory's stage sft evaluates with Seq2SeqTrainer, its other stages, TRL and your own Trainer don't: the same model on the same rows has two eval_loss, and
#   metric_for_best_model may choose another checkpoint for what the last row happens to be. Make the rows a multiple of per_device_eval_batch_size
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.15.0 transformers==5.17.0 accelerate==1.15.0 numpy==2.4.6
cat > evaluate.py <<'PY'
import torch
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, Trainer


class Constant(torch.nn.Module):
    """Its loss is the mean of the batch's values."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, value, labels=None):
        return {"loss": value.mean() + 0 * self.weight.sum(), "logits": value}


rows = [{"value": float(v), "labels": 0} for v in [1, 1, 1, 1, 9]]
for trainer in [Trainer, Seq2SeqTrainer]:
    how = Seq2SeqTrainingArguments("out", per_device_eval_batch_size=4, report_to="none", use_cpu=True, disable_tqdm=True, prediction_loss_only=True)
    print(f"{trainer.__name__}: {trainer(model=Constant(), args=how, eval_dataset=rows).evaluate()['eval_loss']:.4f}")
PY
output=$(venv/bin/python evaluate.py 2> /dev/null | grep -E '^(Seq2Seq)?Trainer:')
echo "$output"
expected="Trainer: 2.6000|Seq2SeqTrainer: 5.0000"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
