"""Products of bfloat16 values, in float32 where a CPU has no instructions for them, or slow ones.

Without AVX-512 PyTorch multiplies bfloat16 matrices some ten times slower than float32 ones, and their transposes some forty times
(torch 2.15); by instructions that are slow (`is_slow`) at 0.55 of float32's rate. There values are widened, multiplied in float32 and
rounded once; they stay bfloat16 wherever they are kept.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F


def is_slow(vendor: str, flags: Collection[str]) -> bool:
    """Whether a processor's instruction for bfloat16 has half of float32's rate (docs/performance_log.md): Intel's beside AVX512_FP16, where AMX,
    which is fast, is missing or hidden from a virtual machine. By /proc/cpuinfo's words."""
    return vendor == "GenuineIntel" and "avx512_fp16" in flags and "amx_bf16" not in flags


def cpu_words(text: str) -> tuple[str, list[str]]:
    """Vendor and flags of the first processor in the text of /proc/cpuinfo; "" and none of another system's."""
    vendor, flags = (re.search(rf"^{key}\s*: (.*)$", text, re.MULTILINE) for key in ("vendor_id", "flags"))
    return vendor.group(1) if vendor else "", flags.group(1).split() if flags else []


@lru_cache(maxsize=None)
def cpu_has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 matrices on this CPU, and not slower than those of float32."""
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    info = Path("/proc/cpuinfo")
    return not (info.exists() and is_slow(*cpu_words(info.read_text())))


def widens(x: torch.Tensor) -> bool:
    """Whether products of such values are float32 ones here."""
    return x.dtype is torch.bfloat16 and x.device.type == "cpu" and not cpu_has_bfloat16()


def wide(x: torch.Tensor) -> torch.Tensor:
    """x as products take it."""
    return x.float() if widens(x) else x


class Product(torch.autograd.Function):
    """x Wᵀ (+ bias), rounded to x's type. x `[…, in]`, W `[out, in]` → `[…, out]`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, w)
        wider = wide(x)
        return F.linear(wider, w.to(wider.dtype), None if bias is None else bias.to(wider.dtype)).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        x, w = ctx.saved_tensors
        g = wide(gradient)
        of_x = (g @ w.to(g.dtype)).to(gradient.dtype) if ctx.needs_input_grad[0] else None
        of_w = of_bias = None
        rows = g.reshape(-1, g.shape[-1])
        if x is not None:
            of_w = (rows.t() @ x.reshape(-1, x.shape[-1]).to(g.dtype)).to(w.dtype)
        if ctx.needs_input_grad[2]:
            of_bias = rows.sum(0).to(w.dtype)
        return of_x, of_w, of_bias


class WideLinear(torch.nn.Linear):
    """A linear module that multiplies by `Product`, in bfloat16's values whatever its weights are stored in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = None if self.bias is None else self.bias.to(torch.bfloat16)
        return Product.apply(x.to(torch.bfloat16), self.weight.to(torch.bfloat16), bias)


def widen_products(model: torch.nn.Module) -> None:
    """Makes linear modules of a model `WideLinear`; quantised ones have products of their own."""
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = WideLinear
