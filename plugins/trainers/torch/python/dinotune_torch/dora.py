"""Weight-decomposed LoRA (DoRA, Liu et al. 2024), as PEFT computes it: with V = W + s B A, y = m / |V| ∘ V x, lengths of rows; |V| is a constant to
gradients. Lengths come without V, as in kernels/engine/decoder/dora.ts: |V|² = |W|² + s Σ B (2 (A Wᵀ)ᵀ + s B A Aᵀ).

PEFT's own forward makes V in every pass.
"""

from typing import Any

import torch
import torch.nn.functional as F

from .failure import Refused
from .products import Product, wide

MAGNITUDE, NORM = "lora_magnitude_vector", "lora_weight_norm"


def add_lengths(layer: Any, name: str) -> None:
    """
    Gives an adapted layer its trained lengths m and the frozen rows' own, which m begins as, `[out]` float32. Both are parameters, so that both
    are shared out alike.

    @raises Refused if a row is all zeros, which has no direction
    """
    weight = layer.base_layer.weight
    norms = torch.stack([row.detach().double().norm() for row in weight]).float()
    zero = (norms == 0).nonzero()
    if len(zero):
        raise Refused(
            f"Cannot train {name} with DoRA: row {int(zero[0])} of its weight is all zeros, which has no direction; leave the module out of "
            "lora_target, or use_dora"
        )
    # PEFT has a dict of modules of this name, empty without its own DoRA.
    delattr(layer, MAGNITUDE)
    layer.register_parameter(MAGNITUDE, torch.nn.Parameter(norms.clone()))
    layer.register_parameter(NORM, torch.nn.Parameter(norms, requires_grad=False))


def factor(layer: Any, a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    """m / |V|, `[out]` float32."""
    weight, norm = layer.base_layer.weight, getattr(layer, NORM)
    with torch.no_grad():
        rows = wide(a.to(weight.dtype))
        aw = F.linear(rows, weight.to(rows.dtype)).float()
        added = (b * (2 * aw.t() + scale * (b @ (a @ a.t())))).sum(1)
        length = torch.sqrt(norm * norm + scale * added)
    return getattr(layer, MAGNITUDE) / length


def frozen(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """x Wᵀ without a bias, as the layer's own product."""
    weight = layer.base_layer.weight
    return F.linear(x, weight) if type(layer.base_layer) is torch.nn.Linear else Product.apply(x.to(torch.bfloat16), weight.to(torch.bfloat16), None)
