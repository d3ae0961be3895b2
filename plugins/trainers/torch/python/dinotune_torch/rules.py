"""Optimizers by the names that kernels/engine/optimizer/rules.ts has for them, as transformers' Trainer makes them."""

from typing import Any

import torch
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from .ranks import Ranks

Groups = list[dict[str, Any]]


def kept(rule: str, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
    """Zeros for what a rule keeps of a parameter, by torch's names, shared out as the parameter is where it has its rows."""
    if rule == "sgd":
        return {}
    if rule == "adafactor" and parameter.dim() == 2:
        by_column = torch.zeros(parameter.shape[1], device=local(parameter).device)
        return {"exp_avg_sq_row": _zero_rows(parameter), "exp_avg_sq_col": by_column}
    names = {"adamw": ("exp_avg", "exp_avg_sq"), "adafactor": ("exp_avg_sq",), "adagrad": ("sum",), "rmsprop": ("square_avg",)}[rule]
    return {name: torch.zeros_like(parameter.detach()) for name in names}


def _zero_rows(parameter: torch.Tensor) -> torch.Tensor:
    zeros = torch.zeros(parameter.shape[0], device=local(parameter).device)
    if not isinstance(parameter, DTensor):
        return zeros
    return distribute_tensor(zeros, parameter.device_mesh, [Shard(0)])


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This rank's part of a sharded tensor, or the tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def make(groups: Groups, options: dict, ranks: Ranks) -> torch.optim.Optimizer:
    """The optimizer of the `open` frame's options."""
    rule = options["rule"]
    if rule == "adamw":
        return torch.optim.AdamW(groups, lr=0.0, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"])
    if rule == "adafactor":
        return Adafactor(groups, ranks)
    return {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "rmsprop": torch.optim.RMSprop}[rule](groups, lr=0.0)


class Adafactor(torch.optim.Optimizer):
    """
    transformers' `Adafactor(scale_parameter=False, relative_step=False)`, formulas in kernels/engine/optimizer/adafactor.ts, of parameters whose
    rows may be shared out: sums over rows and over all are made over the ranks.
    """

    def __init__(self, groups: Groups, ranks: Ranks) -> None:
        super().__init__(groups, {"lr": 0.0})
        self._ranks = ranks

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                self._update(parameter, group["lr"], group["weight_decay"])

    def _update(self, parameter: torch.Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=torch.tensor(0.0), **kept("adafactor", parameter))
        state["step"] += 1
        share = 1 - float(state["step"]) ** -0.8
        gradient, total = local(parameter.grad), parameter.numel()  # type: ignore[arg-type]
        # eps[0]
        squares = gradient.square().add_(1e-30)
        if parameter.dim() == 2:
            rows, columns = parameter.shape
            by_row, by_column = local(state["exp_avg_sq_row"]), state["exp_avg_sq_col"]
            by_row.lerp_(squares.mean(1), 1 - share)
            sums = self._sum(parameter, torch.cat([squares.double().sum(0), by_row.double().sum()[None]]))
            by_column.lerp_((sums[:columns] / rows).to(by_column), 1 - share)
            update = gradient * (by_row / (sums[-1] / rows)).rsqrt().to(gradient)[:, None] * by_column.rsqrt()
        else:
            average = local(state["exp_avg_sq"]).lerp_(squares, 1 - share)
            update = gradient * average.rsqrt()
        rms = float(self._sum(parameter, update.double().square().sum()[None])) ** 0.5 / total**0.5
        local(parameter.data).mul_(1 - rate * decay).sub_(update, alpha=rate / max(1.0, rms))

    def _sum(self, parameter: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return self._ranks.sum(values) if isinstance(parameter, DTensor) else values
