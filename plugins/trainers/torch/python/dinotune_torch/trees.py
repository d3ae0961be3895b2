"""A pack's trees, for attention: token q sees token k where k ≤ q < until[k].

On CPUs a tree is a set of chains: runs of rows in which each row is the only child of the one before. A chain sees its ancestors'
chains whole and itself causally, so exactly the pairs that exist are computed. GPUs take the rule itself as a FlexAttention mask.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass
class Chain:
    """Rows `start … end − 1`; `ancestors` are numbers of chains, from the root down."""

    start: int
    end: int
    ancestors: list[int]


def chains_of(until: np.ndarray, positions: np.ndarray) -> list[Chain]:
    """Every row is in one chain; chains are in the order of their rows."""
    ends, depths, rows = until.tolist(), positions.tolist(), len(until)
    found: list[Chain] = []
    above: list[int] = []
    start = 0
    while start < rows:
        while above and ends[found[above[-1]].start] <= start:
            above.pop()
        end = start + 1
        # One deeper: a child; its subtree ends where its parent's does: the only one.
        while end < rows and ends[end] == ends[start] and depths[end] == depths[end - 1] + 1:
            end += 1
        found.append(Chain(start, end, list(above)))
        above.append(len(found) - 1)
        start = end
    return found


class ChainTree:
    """Chains and their masks, made once a pack and used by every layer."""

    def __init__(
        self, until: np.ndarray, positions: np.ndarray, dtype: torch.dtype, device: torch.device, rebuilds: bool
    ) -> None:
        self.rebuilds = rebuilds
        """Whether attention makes its operands again for the backward pass; under checkpointing they are short-lived anyway."""
        self.chains = chains_of(until, positions)
        self.sizes = [chain.end - chain.start for chain in self.chains]
        self._positions, self._dtype, self._device = torch.from_numpy(positions.astype(np.int64)), dtype, device
        self._deepest = int(positions.max())
        self._masks: dict[tuple[int, int | None], torch.Tensor | None] = {}

    def mask(self, number: int, window: int | None) -> torch.Tensor | None:
        """
        Additive, `[1, 1, rows, keys]`, the keys being those of the ancestors and the chain's own; None for a plainly causal root.

        @param window Tokens that a token sees, itself included; None: all
        """
        # A window that no row of the pack reaches over changes nothing.
        window = None if window is None or self._deepest < window else window
        if (number, window) not in self._masks:
            self._masks[number, window] = self._make(number, window)
        return self._masks[number, window]

    def _make(self, number: int, window: int | None) -> torch.Tensor | None:
        chain = self.chains[number]
        if not chain.ancestors and window is None:
            return None
        spans = [self.chains[ancestor] for ancestor in chain.ancestors] + [chain]
        keys = torch.cat([self._positions[span.start : span.end] for span in spans])
        # On the way from the root to a row, positions are the order.
        distance = self._positions[chain.start : chain.end, None] - keys[None, :]
        hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
        mask = torch.zeros(distance.shape, dtype=self._dtype).masked_fill_(hidden, float("-inf"))
        return mask.to(self._device)[None, None]


class FlexTree:
    """FlexAttention's block masks of a pack that was padded to whole blocks."""

    def __init__(self, until: torch.Tensor, positions: torch.Tensor) -> None:
        self._until, self._positions = until, positions
        self._deepest = int(positions.max())
        self._masks: dict[int | None, Any] = {}

    def mask(self, window: int | None) -> Any:
        """As ChainTree.mask, for all rows at once."""
        from torch.nn.attention.flex_attention import create_block_mask

        window = None if window is None or self._deepest < window else window
        until, positions, rows = self._until, self._positions, len(self._until)

        def sees(_batch: Any, _head: Any, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
            inside = (key <= query) & (query < until[key])
            return inside if window is None else inside & (positions[query] - positions[key] < window)

        if window not in self._masks:
            self._masks[window] = create_block_mask(sees, 1, None, rows, rows, device=until.device)
        return self._masks[window]


Tree = ChainTree | FlexTree

FLEX_BLOCK = 128


def padded(ids: np.ndarray, until: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A pack with rows behind it up to a multiple of FlexAttention's blocks; such a row sees itself alone."""
    rows, more = len(ids), -len(ids) % FLEX_BLOCK
    alone = np.arange(rows + 1, rows + more + 1, dtype=until.dtype)
    zeros = np.zeros(more, dtype=ids.dtype)
    return np.concatenate([ids, zeros]), np.concatenate([until, alone]), np.concatenate([positions, zeros])
