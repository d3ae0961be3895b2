#!/usr/bin/env bash
# guess: transformers computes a Gemma 2 as its config.json says, attn_logit_softcapping among it, whichever attention it chooses
# what happens: it chooses PyTorch's own (sdpa), which has no place for a cap of scores; the value is handed to it and passed over without a warning, and logits are those of a model
#   without the cap. attn_implementation="eager" caps (flex_attention and flash_attention take the value, too; not run here)
# version: transformers 5.17.0, torch 2.15.0 on a CPU
# why it matters: answers, losses and gradients by from_pretrained(path) alone are another model's than the one that was trained and that llama.cpp computes; compare with
#   attn_implementation="eager"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.15.0 transformers==5.17.0 numpy==2.4.6
cat > caps.py <<'PY'
import torch
from transformers import AutoModelForCausalLM, Gemma2Config

torch.manual_seed(0)
sizes = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16, initializer_range=0.5)
AutoModelForCausalLM.from_config(Gemma2Config(**sizes, attn_logit_softcapping=2.0)).save_pretrained("capped")
ids = torch.arange(3, 19)[None]


def logits(**options):
    model = AutoModelForCausalLM.from_pretrained("capped", **options).eval()
    with torch.no_grad():
        return model.config._attn_implementation, model(ids).logits


chosen, found = logits()
_, capped = logits(attn_implementation="eager")
_, without = logits(attn_implementation="eager", attn_logit_softcapping=None)
far = lambda a, b: "the same logits" if (a - b).abs().max() < 1e-4 else "other logits"
print(f"by default ({chosen}) and eager: {far(found, capped)}; and eager without a cap: {far(found, without)}")
PY
found=$(HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES= venv/bin/python caps.py 2>/dev/null)
echo "$found"
[ "$found" = "by default (sdpa) and eager: other logits; and eager without a cap: the same logits" ]
