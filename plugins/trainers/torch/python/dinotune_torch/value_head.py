"""The value head of reward models in the output head's place, as trl's: dropout, then a product with one row and a bias."""

import torch

from .lora import Switch, drop

STREAM = -3
"""Number of its masks among those of the adapters, which count from 0. Not -2: Python's hash of that is the one of -1, the noise's."""


class ValueHead(torch.nn.Module):
    """Hidden states behind the last norm `[L, h]` → values `[L]`, float64; parameters `summary.weight` `[1, h]` and `summary.bias` `[1]`."""

    def __init__(self, width: int, rate: float, switch: Switch) -> None:
        super().__init__()
        self.summary = torch.nn.Linear(width, 1, dtype=torch.float32)
        self.rate, self.switch = rate, switch

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        wide = hidden.float()
        taken = wide if self.switch.step is None else drop(wide, self.rate, self.switch, STREAM)
        # A product of rows: autocast would make it in bfloat16.
        values = (taken * self.summary.weight.float()).sum(-1)
        # Slopes of compared values cancel in the bias' gradient: of what float32's sum leaves of them AdamW would make whole steps.
        return values.double() + self.summary.bias.double()
