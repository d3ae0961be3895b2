"""LoRA: PEFT puts the adapters in; their product runs in one autograd function that keeps the input and x·Aᵀ alone.

PEFT's own forward casts and adds what bfloat16 and float32 make of it in between; its `disable_adapter()` also thaws parts.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F

from .dora import MAGNITUDE, add_lengths, factor, frozen
from .products import WideLinear, wide

NAME = "default"


@dataclass
class Switch:
    """State that all adapters of a model share in a forward pass."""

    on: bool = True
    """False: the base model alone."""
    dropout: float = 0.0
    seed: int = 0
    step: int | None = None
    """Number that decides dropout's masks and noise; None: neither."""
    lengths: torch.Tensor | None = None
    """Tokens of each row's sequence, for noise on embeddings; None: no noise."""
    by_modules: bool = False
    """Products by the modules' own forward passes: DeepSpeed brings a module's parts together when it is called."""


class LoraProduct(torch.autograd.Function):
    """x Wᵀ (+ bias) + scale · (d Aᵀ) Bᵀ with a frozen W; d is x, or x after dropout."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dropped: torch.Tensor | None, w: torch.Tensor, bias: torch.Tensor | None,
                a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        flat = rows if dropped is None else dropped.reshape(rows.shape)
        wider = wide(rows)
        inner = (wider if dropped is None else wide(flat)) @ a.to(wider.dtype).t()
        y = F.linear(wider, w.to(wider.dtype), None if bias is None else bias.to(wider.dtype))
        y.addmm_(inner, b.to(wider.dtype).t(), alpha=scale)
        ctx.save_for_backward(flat, inner, w, a, b)
        ctx.scale, ctx.shape, ctx.split = scale, x.shape, dropped is not None
        return y.to(x.dtype).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        flat, inner, w, a, b = ctx.saved_tensors
        g = wide(gradient.reshape(-1, gradient.shape[-1]))
        of_inner = (g @ b.to(g.dtype)) * ctx.scale
        of_x = of_dropped = None
        if ctx.needs_input_grad[0]:
            of_x = g @ w.to(g.dtype)
            if ctx.split:
                of_dropped = (of_inner @ a.to(g.dtype)).to(gradient.dtype).view(ctx.shape)
            else:
                of_x.addmm_(of_inner, a.to(g.dtype))
            of_x = of_x.to(gradient.dtype).view(ctx.shape)
        of_a = (of_inner.t() @ flat.to(g.dtype)).to(a.dtype)
        of_b = (g.t() @ inner).mul_(ctx.scale).to(b.dtype)
        return of_x, of_dropped, None, None, of_a, of_b, None


def add_adapters(model: torch.nn.Module, modules: dict[str, dict[str, float]], switch: Switch) -> None:
    """Adapts the named modules, each with its own rank and scale, and lengths with `dora`; all float32."""
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    ranks = {f"^{name}$": int(spec["rank"]) for name, spec in modules.items()}
    config = LoraConfig(r=1, lora_alpha=1, lora_dropout=0.0, target_modules=list(modules), rank_pattern=ranks)
    inject_adapter_in_model(config, model, adapter_name=NAME)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for number, (name, spec) in enumerate(modules.items()):
        layer = model.get_submodule(name)
        assert isinstance(layer, LoraLayer)
        for part in (layer.lora_A[NAME], layer.lora_B[NAME]):
            part.to(torch.float32).requires_grad_(True)
        layer.dora = bool(spec.get("dora", False))
        if layer.dora:
            add_lengths(layer, name)
        layer.__class__ = _adapted(type(layer))
        layer.scale, layer.switch, layer.number = float(spec["scale"]), switch, number


@lru_cache(maxsize=None)
def _adapted(base: type) -> type:
    """PEFT's class with our product. A class and not a closure a layer: torch.compile would compile every layer anew."""
    return type(f"Adapted{base.__name__}", (base,), {"forward": _forward})


def _forward(self: Any, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    base = self.base_layer
    if not self.switch.on:
        return base(x)
    scale = self.scale
    switch = self.switch
    dropped = drop(x, switch.dropout, switch, self.number) if switch.step is not None and switch.dropout > 0 else None
    if self.switch.by_modules:
        return base(x) + scale * self.lora_B[NAME](self.lora_A[NAME](x if dropped is None else dropped))
    a, b = self.lora_A[NAME].weight, self.lora_B[NAME].weight
    if self.dora:
        return _dora(self, x, dropped, a, b)
    if type(base) in (torch.nn.Linear, WideLinear):
        return LoraProduct.apply(x, dropped, base.weight, base.bias, a, b, scale)
    # Quantised weights have a product of their own.
    d = x if dropped is None else dropped
    return base(x) + scale * F.linear(F.linear(d, a.to(x.dtype)), b.to(x.dtype))


def _dora(self: Any, x: torch.Tensor, dropped: torch.Tensor | None, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """With dropout PEFT drops the inputs of all that isn't the frozen module's own output."""
    base, scale = self.base_layer, self.scale
    taken = x if dropped is None else dropped
    merged = LoraProduct.apply(taken, None, base.weight, None, a, b, scale)
    y = (factor(self, a, b, scale) * merged).to(merged.dtype)
    if dropped is not None:
        return base(x) - frozen(self, dropped) + y
    return y if base.bias is None else y + base.bias.to(y.dtype)


def is_of_b(name: str) -> bool:
    """True if LoRA+ gives a trained tensor the rate of B, as PEFT does: B, and DoRA's lengths."""
    return name.endswith(("lora_B.weight", MAGNITUDE))


def drop(x: torch.Tensor, rate: float, switch: Switch, number: int) -> torch.Tensor:
    """x after dropout. The mask depends on numbers alone, so checkpointing and a resumed run make the same one again."""
    if rate == 0:
        return x
    kept = uniform(x, switch, number) >= rate
    return x * kept.to(x.dtype) / (1 - rate)


def uniform(like: torch.Tensor, switch: Switch, number: int) -> torch.Tensor:
    """Float32 numbers in [0, 1) of a tensor's shape, the same for the same seed, step and number of a stream."""
    generator = torch.Generator(like.device)
    generator.manual_seed(hash((switch.seed, switch.step, number)) & 0x7FFF_FFFF_FFFF_FFFF)
    return torch.rand(like.shape, generator=generator, device=like.device)
