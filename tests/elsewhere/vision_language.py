"""What transformers and PEFT make of exports of models that see, on text.

usage: vision_language.py JSON, with {"models": [{base, adapter, merged, ours}], "prompt": ids, "count": N}

Prints JSON: of each model the class and number type of the merged one, the largest difference between its logits and those of the adapter beside its base (sums in float64) and their range, the same
difference of an adapter that was written here (`ours`, of the same matrices), greedy ids, and the largest difference of any weight from PEFT's merge.
"""

import json
import sys

import peft
import torch
import transformers

if not torch.cuda.is_available():
    # A build for GPUs asks its driver, which may be a stand-in here.
    torch.cuda.is_current_stream_capturing = lambda: False


def opened(path: str) -> torch.nn.Module:
    model, info = transformers.AutoModelForImageTextToText.from_pretrained(
        path, dtype=torch.float32, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    return model.double().eval()


def compare(base: str, adapter: str, merged: str, ours: str | None, ids: torch.Tensor, count: int) -> dict:
    whole, range_of = opened(merged), lambda logits: (logits.max() - logits.min()).item()
    beside = peft.PeftModel.from_pretrained(opened(base), adapter).eval()
    with torch.no_grad():
        expected = beside(input_ids=ids).logits
        plain = opened(base)(input_ids=ids).logits
        found = whole(input_ids=ids).logits
        own = None
        if ours is not None:
            own = (peft.PeftModel.from_pretrained(opened(base), ours).eval()(input_ids=ids).logits - expected).abs().max()
    output = whole.generate(input_ids=ids, max_new_tokens=count, do_sample=False, pad_token_id=0)
    theirs, mine = beside.merge_and_unload().state_dict(), whole.state_dict()
    assert theirs.keys() == mine.keys(), theirs.keys() ^ mine.keys()
    return {
        "class": type(whole).__name__,
        "dtype": str(transformers.AutoConfig.from_pretrained(merged).dtype),
        "difference": (found - expected).abs().max().item(),
        "range": range_of(expected),
        "change": (plain - expected).abs().max().item(),
        "ours": None if own is None else own.item(),
        "weights": max((theirs[name] - mine[name]).abs().max().item() for name in mine),
        "greedy": output[0, ids.shape[1] :].tolist(),
    }


def main(models: list[dict], prompt: list[int], count: int) -> None:
    print(json.dumps([compare(**paths, ids=torch.tensor([prompt]), count=count) for paths in models]))


main(**json.loads(sys.argv[1]))
