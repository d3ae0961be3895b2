"""What transformers computes with a folder that GPTQ quantised, its matrices read by the format's formula.

usage: transformers_gptq.py JSON, with {"model": folder, "prompt": ids}

Prints JSON: the largest difference from the logits in the file "logits" (float32, [T, vocabulary]), their range, and what transformers' GPTQConfig
reads of the settings. Nothing here comes from the program that wrote the folder: the formula is the one of GPTQModel's TorchLinear,
w[i, o] = scale[g_idx[i], o] * (code[i, o] - zero[g_idx[i], o]), zero points of `checkpoint_format: gptq` stored as one less.
"""

import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import torch
import transformers


def unpacked(words: torch.Tensor, bits: int) -> torch.Tensor:
    """Words [k, n] to codes [k * 32 / bits, n], the lowest bits first."""
    shifts = torch.arange(0, 32, bits).view(1, -1, 1)
    codes = words.to(torch.int64).unsqueeze(1) >> shifts & (2**bits - 1)
    return codes.flatten(0, 1)


def main(model: str, prompt: list[int], logits: str) -> None:
    config = transformers.AutoConfig.from_pretrained(model)
    settings = transformers.GPTQConfig.from_dict(dict(config.quantization_config))
    tensors = safetensors.torch.load_file(pathlib.Path(model) / "model.safetensors")
    state = {}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        if part == "qweight":
            zeros = unpacked(tensors[f"{module}.qzeros"].T, settings.bits).T
            zeros = (zeros + (1 if settings.format == "gptq" else 0)) % 2**settings.bits
            groups = tensors[f"{module}.g_idx"].to(torch.int64)
            scales = tensors[f"{module}.scales"].float()
            state[f"{module}.weight"] = (scales[groups] * (unpacked(tensor, settings.bits) - zeros[groups])).T.contiguous()
        elif part not in ("qzeros", "scales", "g_idx"):
            state[name] = tensor.float()
    del config.quantization_config
    whole = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    missing, foreign = whole.load_state_dict(state, strict=False)
    with torch.no_grad():
        found = whole(torch.tensor([prompt])).logits[0].numpy()
    expected = np.fromfile(logits, np.float32).reshape(found.shape)
    print(
        json.dumps({
            "missing": [name for name in missing if name != "lm_head.weight"],
            "foreign": foreign,
            "difference": float(np.abs(found - expected).max()),
            "range": float(found.max() - found.min()),
            "settings": [settings.bits, settings.group_size, settings.desc_act, settings.sym, settings.format],
        })
    )


main(**json.loads(sys.argv[1]))
