"""Log-probabilities of labels without a `[T, vocabulary]` tensor: only rows that have a label, in chunks."""

from typing import Any

import torch

CHUNK = 256
"""Rows of a chunk."""

KEPT_BYTES = 1 << 28
"""Logits up to this size are kept for the backward pass; beyond it they are made again."""


class LabelHead(torch.autograd.Function):
    """hidden `[R, h]`, weight `[V, h]`, row and token of each label `[L]` → log-probabilities `[L]`, float32 (nats)."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, rows: torch.Tensor, ids: torch.Tensor,
                keep: bool) -> torch.Tensor:
        w = weight.to(hidden.dtype)
        keep = keep and hidden.shape[0] * weight.shape[0] * hidden.element_size() <= KEPT_BYTES
        out = torch.empty(len(ids), dtype=torch.float32, device=hidden.device)
        sums, kept = [], []
        for start in range(0, len(hidden), CHUNK):
            logits = hidden[start : start + CHUNK] @ w.t()
            exact = logits.float()
            # logit − logsumexp: a float32 log_softmax on the CPU leans one way by 1e-6 and more a label.
            total = torch.logsumexp(exact, -1)
            here = _labels(rows, start)
            out[here] = exact[rows[here] - start, ids[here]] - total[rows[here] - start]
            sums.append(total)
            kept.append(logits if keep else None)
        ctx.save_for_backward(hidden, weight, rows, ids, *sums)
        ctx.logits = kept
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        hidden, weight, rows, ids, *sums = ctx.saved_tensors
        w = weight.to(hidden.dtype)
        of_hidden = torch.empty_like(hidden)
        of_weight = torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        for number, start in enumerate(range(0, len(hidden), CHUNK)):
            part = hidden[start : start + CHUNK]
            logits = ctx.logits[number]
            # Kept float32 logits are overwritten: nothing needs them again.
            slope = (part @ w.t() if logits is None else logits).float()
            ctx.logits[number] = None
            here = _labels(rows, start)
            row, weights = rows[here] - start, gradient[here]
            total = torch.zeros(len(part), dtype=torch.float32, device=part.device).index_add_(0, row, weights)
            slope.sub_(sums[number][:, None]).exp_().mul_(-total[:, None])
            slope.index_put_((row, ids[here]), weights, accumulate=True)
            slope = slope.to(hidden.dtype)
            of_hidden[start : start + CHUNK] = slope @ w
            if of_weight is not None:
                of_weight += slope.t() @ part
        return of_hidden, None if of_weight is None else of_weight.to(weight.dtype), None, None, None


def _labels(rows: torch.Tensor, start: int) -> torch.Tensor:
    """Numbers of the labels whose row lies in the chunk at `start`."""
    return ((rows >= start) & (rows < start + CHUNK)).nonzero()[:, 0]
