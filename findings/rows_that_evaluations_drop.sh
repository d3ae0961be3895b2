#!/usr/bin/env bash
# guess: dataloader_drop_last is about training (a last batch that isn't full makes a noisy step); evaluate() and predict() of 7 rows in batches of 4 see 7 rows
# what happens: Trainer gives the key to the loaders of evaluation and prediction, too. 7 rows give the loss and the predictions of 4;
#   3 rows give metrics without any eval_loss, and no word says so
# version: transformers 5.17.0, accelerate 1.15.0, torch 2.15.0
# why it matters: predictions lie beside rows by their place in a file, and up to batch - 1 of them are missing at the end; eval_loss falls or rises with per_device_eval_batch_size, as it
#   leaves other rows out; metric_for_best_model: eval_loss ends a run whose evaluation set is smaller than a batch. dataloader_drop_last says nothing about evaluations here
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.15.0 transformers==5.17.0 accelerate==1.15.0 numpy==2.4.6
cat > evaluate.py <<'PY'
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

size = dict(vocab_size=16, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1)
for rows in [8, 7, 3]:
    data = [{"input_ids": [1, 2 + i, 3, 4], "labels": [1, 2 + i, 3, 4]} for i in range(rows)]
    for drop in [False, True]:
        torch.manual_seed(0)
        how = TrainingArguments("out", per_device_eval_batch_size=4, dataloader_drop_last=drop, report_to="none", use_cpu=True, disable_tqdm=True)
        trainer = Trainer(model=LlamaForCausalLM(LlamaConfig(**size)), args=how, eval_dataset=data)
        metrics = trainer.evaluate()
        predictions = trainer.predict(data).predictions
        predicted = 0 if predictions is None else len(predictions)
        print(f"rows {rows}, drop_last {drop}: eval_loss {'there' if 'eval_loss' in metrics else 'missing'}, predicted {predicted}")
PY
output=$(venv/bin/python evaluate.py 2> /dev/null | grep '^rows')
echo "$output"
expected="rows 8, drop_last False: eval_loss there, predicted 8
rows 8, drop_last True: eval_loss there, predicted 8
rows 7, drop_last False: eval_loss there, predicted 7
rows 7, drop_last True: eval_loss there, predicted 4
rows 3, drop_last False: eval_loss there, predicted 3
rows 3, drop_last True: eval_loss missing, predicted 0"
[ "$output" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
