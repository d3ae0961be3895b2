#!/usr/bin/env bash
# guess: label_smoothing_factor changes the loss a little, and gradient_accumulation_steps not at all: a step over four micro-batches of one row is the step over one of four
# what happens: with smoothing the losses of the micro-batches are added up and never divided: four give four times the loss, the logged one too, and four times the gradient, which
#   max_grad_norm then cuts. Trainer leaves the division to the model's own loss, which knows the number of tokens of the whole step; the label smoother takes the place of that loss and
#   the mean over its own micro-batch. Without smoothing both steps are the same
# version: transformers 4.57.6, accelerate 1.11.0, torch 2.15.0 (with transformers 5.17.0 the two steps are the same)
# why it matters: a smoothed run that logs losses of 12 where its evaluations say 6 isn't broken data, and turning smoothing on multiplies the gradient by the accumulation: clipping hides it,
#   and nothing does where max_grad_norm is 0 or the optimizer isn't of Adam's kind. LLaMA-Factory 0.9.5 on this version does so
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.15.0 transformers==4.57.6 accelerate==1.11.0 numpy==2.4.6
cat > step.py <<'PY'
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

rows = [{"input_ids": [1, 2 + i, 3, 4], "labels": [1, 2 + i, 3, 4]} for i in range(4)]
size = dict(vocab_size=16, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1)
for factor in [0.0, 0.1]:
    logs = []
    for batch, steps in [(4, 1), (1, 4)]:
        torch.manual_seed(0)
        how = TrainingArguments(
            "out", per_device_train_batch_size=batch, gradient_accumulation_steps=steps, max_steps=1, logging_steps=1, learning_rate=0.0,
            label_smoothing_factor=factor, report_to="none", use_cpu=True, disable_tqdm=True, save_strategy="no",
        )
        trainer = Trainer(model=LlamaForCausalLM(LlamaConfig(**size)), args=how, train_dataset=rows)
        trainer.train()
        logs.append(trainer.state.log_history[0])
    one, four = logs
    print(f"smoothing {factor}: loss times {four['loss'] / one['loss']:.2f}, gradient times {four['grad_norm'] / one['grad_norm']:.2f}")
PY
output=$(venv/bin/python step.py 2> /dev/null | grep '^smoothing')
echo "$output"
expected="smoothing 0.0: loss times 1.00, gradient times 1.00|smoothing 0.1: loss times 4.00, gradient times 4.00"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
