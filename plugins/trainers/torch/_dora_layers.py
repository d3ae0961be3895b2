"""Layers with DoRA by PEFT itself and by the package, for dora_torch_test.ts: prints how far outputs and gradients are apart, by dropout and by bias."""

import json

import torch
from dinotune_torch.lora import NAME, Switch, add_adapters, drop
from peft import LoraConfig, inject_adapter_in_model

SCALE, RATE = 2.0, 0.4


class Holder(torch.nn.Module):
    """A linear layer that an adapter is put on."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = torch.nn.Linear(24, 40, bias=bias)


class Dropped(torch.nn.Module):
    """The package's dropout in PEFT's place."""

    def __init__(self, switch: Switch) -> None:
        super().__init__()
        self.switch = switch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return drop(x, self.switch.dropout, self.switch, 0)


def difference(bias: bool, dropout: bool) -> float:
    """Largest difference from PEFT of output and gradients, over the largest of each."""
    switch = Switch(dropout=RATE if dropout else 0.0, seed=5, step=1 if dropout else None)
    ours, theirs = Holder(bias), Holder(bias)
    add_adapters(ours, {"layer": {"rank": 4, "scale": SCALE, "dora": True}}, switch)
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, target_modules=["layer"], use_dora=True), theirs, adapter_name=NAME)
    peft = theirs.layer
    if dropout:
        peft.lora_dropout[NAME] = Dropped(switch)
    torch.manual_seed(7)
    a0, b, lengths, x, slopes = torch.randn(4, 24), torch.randn(40, 4), 1 + torch.rand(40), torch.randn(2, 9, 24), torch.randn(2, 9, 40)
    own = [x.clone().requires_grad_(), ours.layer.lora_A[NAME].weight, ours.layer.lora_B[NAME].weight, ours.layer.lora_magnitude_vector]
    of_peft = [x.clone().requires_grad_(), peft.lora_A[NAME].weight, peft.lora_B[NAME].weight, peft.lora_magnitude_vector[NAME].weight]
    with torch.no_grad():
        for (_, a, up, m) in (own, of_peft):
            a.copy_(a0)
            up.copy_(b)
            m.copy_(lengths)
    outputs = [ours.layer(own[0]), peft(of_peft[0])]
    for y in outputs:
        y.backward(slopes)
    pairs = [tuple(y.detach() for y in outputs), *((p.grad, q.grad) for p, q in zip(own, of_peft))]
    return max(float((p - q).abs().max() / q.abs().max()) for p, q in pairs)


print(json.dumps({f"bias {bias}, dropout {dropout}": difference(bias, dropout) for bias in (False, True) for dropout in (False, True)}))
