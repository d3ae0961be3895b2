"""NEFTune (arXiv 2310.05914): noise on embeddings in training passes, uniform in ±α/√(L·D) as transformers' neftune_post_forward_hook
draws it, L being the tokens of the row's sequence: packed rows have no padding."""

from typing import Any, Callable

import torch

from .lora import Switch, uniform

STREAM = -1
"""Number of the generator among those of the adapters' dropout, which count from 0."""


def noise_hook(switch: Switch, alpha: float) -> Callable[..., torch.Tensor | None]:
    """A forward hook of the embedding, whose output is `[1, T, D]`. Its numbers depend on seed and step alone, so a resumed run draws the same."""

    def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor | None:
        if switch.step is None or switch.lengths is None or not switch.on:
            return None
        unit = uniform(output, switch, STREAM) * 2 - 1
        limit = torch.zeros(output.shape[1], device=output.device)
        # FlexAttention's packs have empty rows behind the others.
        limit[: len(switch.lengths)] = alpha / torch.sqrt(switch.lengths.to(output.device, torch.float32) * output.shape[-1])
        return output + (unit * limit[:, None]).to(output.dtype)

    return hook
