#!/usr/bin/env bash
# guess: after a step of DeepSpeed's ZeRO, safe_get_full_optimizer_state(parameter, "exp_avg") gives each trained parameter's moment, however many groups of parameters the optimizer has
# what happens: stages 1 and 2 step a group at a time and link parameters to the optimizer's state once, behind the first group's step, when the others have none. With two groups the
#   second one's parameters raise "exp_avg not found in optimizer state fragment" after the first step and still after the third, although the optimizer holds the state of both.
#   One group, and stage 3, give all. No report of it was found
# version: deepspeed 0.19.8, torch 2.15.0, one process on a CPU
# why it matters: several groups are usual (no weight decay on norms and biases, LoRA+'s rates), and moments by parameter are what a checkpoint that doesn't hang on the sharding is made
#   of; link again after the first step: clear _hp_optimizer_states_linked of the engine's optimizer and call its _lazy_init_hp_params_optimizer_state()
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.15.0 numpy==2.4.6 deepspeed==0.19.8
cat > groups.py <<'PY'
import os
import socket

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free.getsockname()[1]))

import deepspeed
import torch
from deepspeed.utils import safe_get_full_optimizer_state


def moment(parameter):
    try:
        return "a moment" if safe_get_full_optimizer_state(parameter, "exp_avg").abs().max() > 0 else "zeros"
    except ValueError as error:
        return str(error)


def moments(model):
    return "; ".join(f"{name}: {moment(parameter)}" for name, parameter in model.named_parameters())


def train(stage, groups, steps):
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    parameters = [{"params": [model.weight]}, {"params": [model.bias], "weight_decay": 0.0}] if groups == 2 else model.parameters()
    config = {
        "train_micro_batch_size_per_gpu": 1,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "zero_optimization": {"stage": stage},
    }
    engine, *_ = deepspeed.initialize(model=model, optimizer=torch.optim.AdamW(parameters, lr=1e-3), config=config)
    for _ in range(steps):
        engine.backward(engine(torch.ones(1, 4)).square().sum())
        engine.step()
    held = sum("exp_avg" in state for state in engine.optimizer.optimizer.state.values())
    print(f"found: stage {stage}, groups {groups} (with state {held}), steps {steps}: {moments(model)}", flush=True)
    return model, engine.optimizer


train(stage=2, groups=1, steps=1)
train(stage=1, groups=2, steps=1)
train(stage=2, groups=2, steps=1)
model, optimizer = train(stage=2, groups=2, steps=3)
optimizer._hp_optimizer_states_linked = False
optimizer._lazy_init_hp_params_optimizer_state()
print(f"found: and linked again: {moments(model)}", flush=True)
train(stage=3, groups=2, steps=1)
PY
export DS_ACCELERATOR=cpu CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 TORCH_EXTENSIONS_DIR="$folder/extensions"
venv/bin/python groups.py > log 2>&1 || { tail -n 20 log; exit 1; }
found=$(sed -n 's/^found: //p' log)
echo "$found"
[ "$found" = "stage 2, groups 1 (with state 1), steps 1: weight: a moment; bias: a moment
stage 1, groups 2 (with state 2), steps 1: weight: a moment; bias: exp_avg not found in optimizer state fragment
stage 2, groups 2 (with state 2), steps 1: weight: a moment; bias: exp_avg not found in optimizer state fragment
stage 2, groups 2 (with state 2), steps 3: weight: a moment; bias: exp_avg not found in optimizer state fragment
and linked again: weight: a moment; bias: a moment
stage 3, groups 2 (with state 2), steps 1: weight: a moment; bias: a moment" ]
