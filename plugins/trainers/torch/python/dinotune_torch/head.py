"""Log-probabilities of labels without a `[T, vocabulary]` tensor: only rows that have a label, a tile of the vocabulary at a time."""

from typing import Any, Iterator

import torch

from .products import wide

TILES = {"cpu": 1 << 21}
"""Logits of a tile: 8 MiB in float32, which a CPU's cache holds while they are gone through."""

LARGE_TILE = 1 << 25
"""Logits of a tile elsewhere: enough work for a GPU."""

KEPT_BYTES = 1 << 28
"""Logits up to this size are kept for the backward pass; beyond it they are made again."""


class LabelHead(torch.autograd.Function):
    """
    hidden `[R, h]`, weight `[V, h]`, row and token of each label `[L]` → log-probabilities `[L]`, float32 (nats); cap: logits become
    cap · tanh(logit / cap) (Gemma 2).
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, rows: torch.Tensor, ids: torch.Tensor,
                keep: bool, cap: float | None = None) -> torch.Tensor:
        keep = keep and hidden.shape[0] * weight.shape[0] * hidden.element_size() <= KEPT_BYTES
        picked = torch.empty(len(ids), dtype=torch.float32, device=hidden.device)
        wider, sums, kept = wide(hidden), [], []
        for start, end in _tiles(hidden, weight):
            logits = _capped((wider @ weight[start:end].to(wider.dtype).t()).to(hidden.dtype), cap)
            exact = logits.float()
            # logit − logsumexp: a float32 log_softmax on the CPU leans one way by 1e-6 and more a label.
            sums.append(torch.logsumexp(exact, -1))
            here = _labels(ids, start, end)
            picked[here] = exact[rows[here], ids[here] - start]
            kept.append(logits if keep else None)
        total = torch.logsumexp(torch.stack(sums), 0)
        ctx.save_for_backward(hidden, weight, rows, ids, total)
        ctx.logits, ctx.cap = kept, cap
        return picked - total[rows]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        hidden, weight, rows, ids, total = ctx.saved_tensors
        wider = wide(hidden)
        of_hidden = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device)
        of_weight = torch.empty_like(weight) if ctx.needs_input_grad[1] else None
        weights = torch.zeros(len(hidden), dtype=torch.float32, device=hidden.device).index_add_(0, rows, gradient)
        for number, (start, end) in enumerate(_tiles(hidden, weight)):
            w, logits = weight[start:end].to(wider.dtype), ctx.logits[number]
            # Kept float32 logits are overwritten: nothing needs them again.
            slope = (_capped((wider @ w.t()).to(hidden.dtype), ctx.cap) if logits is None else logits).float()
            bend = None if ctx.cap is None else 1 - (slope / ctx.cap).square()
            ctx.logits[number] = None
            slope.sub_(total[:, None]).exp_().mul_(-weights[:, None])
            here = _labels(ids, start, end)
            slope.index_put_((rows[here], ids[here] - start), gradient[here], accumulate=True)
            if bend is not None:
                slope.mul_(bend)
            slope = slope.to(wider.dtype)
            if ctx.needs_input_grad[0]:
                of_hidden += slope @ w
            if of_weight is not None:
                of_weight[start:end] = slope.t() @ wider
        return of_hidden.to(hidden.dtype), of_weight, None, None, None, None


def _capped(logits: torch.Tensor, cap: float | None) -> torch.Tensor:
    return logits if cap is None else cap * torch.tanh(logits / cap)


def towards_mean(hidden: torch.Tensor, weight: torch.Tensor, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """
    Mean over the vocabulary of log p minus log p of the label, `[L]`: logsumexp is the same in both, so it is a product with the mean row.

    Not of capped logits, which the keys refuse. transformers' LabelSmoother spreads ε of a label over the vocabulary: (1 − ε) log p(label) + ε mean log p.
    """
    mean = weight.mean(0, dtype=torch.float32)
    return (hidden[rows].float() * (mean - weight[ids].float())).sum(-1)


@torch.no_grad()
def is_best(hidden: torch.Tensor, weight: torch.Tensor, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """`[L]`, 1 where no token has a larger logit than the label, else 0; the vocabulary's products are made once more."""
    own, tops, wider = torch.empty(len(ids), device=hidden.device), [], wide(hidden)
    for start, end in _tiles(hidden, weight):
        logits = (wider @ weight[start:end].to(wider.dtype).t()).to(hidden.dtype).float()
        tops.append(logits.amax(-1))
        here = _labels(ids, start, end)
        own[here] = logits[rows[here], ids[here] - start]
    return (own >= torch.stack(tops).amax(0)[rows]).float()


def _tiles(hidden: torch.Tensor, weight: torch.Tensor) -> Iterator[tuple[int, int]]:
    """Rows of the weight that make a tile's logits."""
    size = max(256, TILES.get(hidden.device.type, LARGE_TILE) // len(hidden) // 256 * 256)
    return ((start, min(start + size, len(weight))) for start in range(0, len(weight), size))


def _labels(ids: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Numbers of the labels whose token lies in a tile."""
    return ((ids >= start) & (ids < end)).nonzero()[:, 0]
