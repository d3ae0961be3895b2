#!/usr/bin/env bash
# guess: pref_loss says by which loss LLaMA-Factory's stage dpo trains: sigmoid, hinge, ipo and the others that it lists
# what happens: with TRL 0.24 hinge is sigmoid to the last bit: the trained adapters are equal byte for byte, and so are logs. ipo is another run, but of the sigmoid too, over answers' mean
#   log-probabilities: at the first step its loss is ln 2 (0.6931), where IPO's is 1 / (2 beta)^2 (25 with beta 0.1). TRL's dpo_loss takes the name as an argument since 0.20, with
#   sigmoid as the default, and LLaMA-Factory, which sets the trainer's own attribute, doesn't pass it. orpo and simpo are its own and do what they say
# version: llamafactory 0.9.5, trl 0.24.0, transformers 4.57.6, torch 2.11.0
# why it matters: a comparison of preference losses compares a run with itself, and a paper's "hinge" or "ipo" of such a run is DPO. Look at the first step's loss: only DPO's is ln 2 for
#   any beta (hinge's is 1)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.11.0 torchaudio==2.11.0 transformers==4.57.6 trl==0.24.0 peft==0.18.1 accelerate==1.11.0 datasets==4.0.0 \
  numpy==2.4.6 omegaconf==2.4.0 tyro==1.0.17 av==18.1.0
venv/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps llamafactory==0.9.5
cat > train.py <<'PY'
import hashlib, json, pathlib
import torch
from llamafactory.train.tuner import run_exp
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

words = ["<unk>", "<s>", "</s>"] + [f"w{i}" for i in range(40)]
tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>").save_pretrained("model")
torch.manual_seed(0)
size = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4)
LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **size)).save_pretrained("model")
rows = [{"prompt": f"w{i} w{i + 1}", "query": "", "chosen": f"w{i + 2} w{i + 3}", "rejected": f"w{i + 9}"} for i in range(8)]
pathlib.Path("pairs.json").write_text(json.dumps(rows))
columns = {"prompt": "prompt", "query": "query", "chosen": "chosen", "rejected": "rejected"}
pathlib.Path("dataset_info.json").write_text(json.dumps({"pairs": {"file_name": "pairs.json", "ranking": True, "columns": columns}}))
digests = {}
for loss in ["sigmoid", "hinge", "ipo", "simpo"]:
    run_exp(dict(
        model_name_or_path="model", stage="dpo", do_train=True, finetuning_type="lora", lora_rank=4, lora_target="all", pref_loss=loss, pref_beta=0.1,
        dataset="pairs", dataset_dir=".", template="empty", cutoff_len=32, output_dir=loss, per_device_train_batch_size=4, gradient_accumulation_steps=1,
        learning_rate=0.01, num_train_epochs=3, logging_steps=1, seed=1, report_to="none", disable_tqdm=True, use_cpu=True,
    ))
    digests[loss] = hashlib.sha256(pathlib.Path(loss, "adapter_model.safetensors").read_bytes()).hexdigest()
    first = json.loads(pathlib.Path(loss, "trainer_log.jsonl").read_text().splitlines()[0])["loss"]
    print(f"RESULT {loss}: first loss {first:.4f}, adapter as sigmoid's {digests[loss] == digests['sigmoid']}")
PY
output=$(venv/bin/python train.py 2> errors | grep '^RESULT' | cut -c8-) || { tail -5 errors; exit 1; }
echo "$output"
expected="sigmoid: first loss 0.6931, adapter as sigmoid's True|hinge: first loss 0.6931, adapter as sigmoid's True|ipo: first loss 0.6931, adapter as sigmoid's False|simpo: first loss 0.9740, adapter as sigmoid's False"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
