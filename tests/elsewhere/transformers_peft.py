"""What transformers and PEFT make of exports.

usage: transformers_peft.py JSON, with {"models": [{base, adapter, merged, prompt}], "count": N, "tokenizer": folder, "text": text}

Prints JSON: versions; of each model the number type of the merged one, the largest difference between its logits and those of the adapter beside its base, and greedy ids
of merged, adapter and base; of the tokenizer ids of the text and of a conversation.
"""

import json
import sys

import peft
import torch
import transformers

if not torch.cuda.is_available():
    # A build for GPUs asks its driver, which may be a stand-in here.
    torch.cuda.is_current_stream_capturing = lambda: False


def compare(base: str, adapter: str, merged: str, prompt: list[int], count: int) -> dict:
    ids = torch.tensor([prompt])

    def greedy(model: torch.nn.Module) -> list[int]:
        output = model.generate(input_ids=ids, max_new_tokens=count, do_sample=False, pad_token_id=0)
        return output[0, ids.shape[1] :].tolist()

    # PyTorch's own attention, which is transformers' choice, caps no scores of a Gemma 2 (findings/caps_passed_over.sh).
    capped = getattr(transformers.AutoConfig.from_pretrained(base), "attn_logit_softcapping", None) is not None
    options = {"attn_implementation": "eager"} if capped else {}
    whole = transformers.AutoModelForCausalLM.from_pretrained(merged, **options)
    bare = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, **options)
    of_base = greedy(bare)
    beside = peft.PeftModel.from_pretrained(bare, adapter)
    with torch.no_grad():
        difference = (whole(ids).logits - beside(input_ids=ids).logits).abs().max().item()
    return {
        "dtype": str(whole.dtype),
        "difference": difference,
        "merged": greedy(whole),
        "adapter": greedy(beside),
        "base": of_base,
    }


def main(models: list[dict], count: int, tokenizer: str, text: str) -> None:
    read = transformers.AutoTokenizer.from_pretrained(tokenizer)
    conversation = [{"role": "user", "content": text}]
    print(
        json.dumps({
            "versions": {name: sys.modules[name].__version__ for name in ("torch", "transformers", "peft")},
            "models": [compare(**model, count=count) for model in models],
            "text": read(text)["input_ids"],
            "chat": read.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False),
            "ends": transformers.GenerationConfig.from_pretrained(tokenizer).eos_token_id,
        })
    )


main(**json.loads(sys.argv[1]))
