"""Attention over a pack's trees, registered with transformers under the name ATTENTION."""

import contextlib
from functools import lru_cache
from typing import Any, Callable

import torch
import torch.nn.functional as F
from torch.autograd.graph import saved_tensors_hooks

from .products import wide
from .trees import ChainTree, FlexTree, Tree

ATTENTION = "dinotune_tree"


def register() -> None:
    """Makes the name known. No mask function goes with it, so transformers makes no mask of its own."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, tree_attention)


def tree_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    tree: Tree | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """query `[1, heads, T, d]`, key and value `[1, kv heads, T, d]` → `[1, T, heads, d]`; softcap: scores become softcap · tanh(score / softcap) (Gemma 2)."""
    if isinstance(tree, FlexTree):
        out = compiled_flex(query.device.type)(query, key, value, score_mod=score_cap(softcap), block_mask=tree.mask(sliding_window), scale=scaling, enable_gqa=True)
    elif isinstance(tree, ChainTree):
        return chain_attention(query, key, value, tree, scaling, sliding_window, softcap).to(value.dtype), None
    else:
        raise TypeError("Cannot attend: the pack's tree didn't reach the attention of this model")
    return out.transpose(1, 2).contiguous(), None


# Not compiled: a program of its own for every tree's chains would be.
@torch.compiler.disable
def chain_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, tree: ChainTree, scale: float | None,
    window: int | None, softcap: float | None = None,
) -> torch.Tensor:
    """
    Each chain's rows against its ancestors and itself, `[1, T, heads, d]`. `split` and `cat` have cheap backward passes, slices
    haven't.
    """
    groups = query.shape[1] // key.shape[1]
    queries = wide(query).split(tree.sizes, dim=2)
    keys, values = (repeated(wide(x), groups).split(tree.sizes, dim=2) for x in (key, value))
    out = []
    for number, chain in enumerate(tree.chains):
        q, k, v = queries[number], keys[number], values[number]
        seen = [*chain.ancestors, number]
        if chain.ancestors:
            k, v = (torch.cat([part[i] for i in seen], dim=2) for part in (keys, values))
        mask = tree.mask(number, window)
        made = [(q, Rebuilt(query, tree, [number], 1)), (k, Rebuilt(key, tree, seen, groups)), (v, Rebuilt(value, tree, seen, groups))]
        with rebuilt_later(made) if tree.rebuilds else contextlib.nullcontext():
            # `is_causal` is aligned to the first key, so it fits roots only.
            found = (
                F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None, scale=scale)
                if softcap is None
                else capped_attention(q, k, v, mask, scale, softcap)
            )
        out.append(found.transpose(1, 2))
    return torch.cat(out, dim=1) if len(out) > 1 else out[0].contiguous()


def capped_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None, scale: float | None, cap: float
) -> torch.Tensor:
    """As `scaled_dot_product_attention`, which caps nothing; scores are whole in memory."""
    scores = cap * torch.tanh((q @ k.mT) * ((q.shape[-1] ** -0.5 if scale is None else scale) / cap))
    if mask is None:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    else:
        scores = scores + mask
    return torch.softmax(scores, -1) @ v


@lru_cache(maxsize=None)
def score_cap(cap: float | None) -> Callable[..., torch.Tensor] | None:
    """FlexAttention's function of a score."""
    if cap is None:
        return None

    def capped(score: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return cap * torch.tanh(score / cap)

    return capped


class Rebuilt:
    """Rows of some chains, made again from the pack's own, `[1, heads, T, d]`: those are narrower, held anyway, and in there once."""

    def __init__(self, source: torch.Tensor, tree: ChainTree, numbers: list[int], times: int) -> None:
        self._source, self._tree, self._numbers, self._times = source.detach(), tree, numbers, times

    def make(self) -> torch.Tensor:
        spans = [self._tree.chains[number] for number in self._numbers]
        rows = torch.cat([self._source[:, :, span.start : span.end] for span in spans], dim=2)
        return repeated(wide(rows), self._times)


def rebuilt_later(made: list[tuple[torch.Tensor, Rebuilt]]) -> saved_tensors_hooks:
    """Where autograd would keep one of these tensors for the backward pass, it makes it again there: a third of a step's memory."""
    known = {(tensor.data_ptr(), tensor.shape): again for tensor, again in made}
    return saved_tensors_hooks(
        lambda tensor: known.get((tensor.data_ptr(), tensor.shape), tensor),
        lambda kept: kept.make() if isinstance(kept, Rebuilt) else kept,
    )


def repeated(x: torch.Tensor, times: int) -> torch.Tensor:
    """Heads of keys or values as often as query heads share them, `[1, h, T, d]` → `[1, h × times, T, d]`."""
    if times == 1:
        return x
    batch, heads, rows, size = x.shape
    return x[:, :, None].expand(batch, heads, times, rows, size).reshape(batch, heads * times, rows, size)


@lru_cache(maxsize=None)
def compiled_flex(device: str) -> Callable[..., torch.Tensor]:
    """FlexAttention is slow and hungry unless compiled; on a CPU only its forward pass exists."""
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention if device == "cpu" else torch.compile(flex_attention, dynamic=True)
