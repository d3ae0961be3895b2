"""An optimizer over what is trained, its gradients made those of one device first; its state goes in and out as named arrays."""

import math
import re

import numpy as np
import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from .failure import Refused
from .lora import is_of_b
from .ranks import Ranks
from .rules import kept, local, make

Parameters = dict[str, torch.nn.Parameter]

# As transformers' get_decay_parameter_names; kernels/engine/weights/parameter_groups.ts has the same rule.
NO_DECAY = re.compile(r"bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)", re.IGNORECASE)


def whole(tensor: torch.Tensor) -> np.ndarray:
    """All of a tensor as float32 on the host; every rank has to ask, since the parts come together for it."""
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().to("cpu", torch.float32, copy=True).numpy().reshape(-1)


def put(tensor: torch.Tensor, values: np.ndarray) -> None:
    """Overwrites a tensor with all of its values."""
    full = torch.from_numpy(values.copy()).view(tensor.shape)
    with torch.no_grad():
        if isinstance(tensor, DTensor):
            mesh = tensor.device_mesh
            tensor.copy_(distribute_tensor(full.to(tensor.dtype).to(mesh.device_type), mesh, tensor.placements))
        else:
            tensor.copy_(full)


def optimizer_of(parameters: Parameters, options: dict, ranks: Ranks) -> torch.optim.Optimizer:
    """The optimizer of the `open` frame's options."""
    # LoRA+: B has a learning rate of its own. A group's "ratio" is ours, kept by torch, see set_rate.
    groups = [
        {"params": [p for name, p in parameters.items()
                    if (NO_DECAY.search(name) is None) == decays and is_of_b(name) == of_b],
         "weight_decay": options["weight_decay"] if decays else 0.0,
         "ratio": options.get("ratio_of_b", 1.0) if of_b else 1.0}
        for decays in (True, False)
        for of_b in (False, True)
    ]
    return make([group for group in groups if group["params"]], options, ranks)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["ratio"]


def check_state(parameters: Parameters, options: dict, arrays: dict[str, np.ndarray]) -> None:
    """@raises Refused if a tensor of a saved state is missing or left over"""
    expected = {"step"} | {f"{what}.{name}" for name, p in parameters.items() for what in kept(options["rule"], p)}
    for name in sorted(expected ^ set(arrays)):
        problem = "needs" if name in expected else "doesn't know"
        raise Refused(f'Cannot restore {options["name"]} as it {problem} "{name}": the checkpoint is of another run')


class Optimizer:
    """One step: sum over the ranks, norm, clip, the rule's update."""

    def __init__(self, parameters: Parameters, options: dict, ranks: Ranks) -> None:
        self._parameters, self._ranks = parameters, ranks
        self._sharded = any(isinstance(p, DTensor) for p in parameters.values())
        self._optimizer, self._options, self._steps = optimizer_of(parameters, options, ranks), options, 0.0

    def step(self, rate: float, max_norm: float) -> float:
        """
        Clips, steps and zeroes gradients. Gives their norm before clipping.

        @raises Refused if a gradient isn't finite; nothing was changed then
        """
        self._complete()
        norm = self._norm()
        factor = 1.0 if max_norm == 0 else min(1.0, max_norm / (norm + 1e-6))
        for parameter in self._parameters.values():
            if factor < 1:
                local(parameter.grad).mul_(factor)  # type: ignore[arg-type]
        set_rate(self._optimizer, rate)
        self._optimizer.step()
        self._steps += 1
        self.zero()
        return norm

    def zero(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)

    def _complete(self) -> None:
        """Gradients of the whole step: FSDP has reduced its own in the backward pass, else they are summed here at once."""
        for parameter in self._parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if self._ranks.world == 1 or self._sharded:
            return
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        flat = self._ranks.sum(torch.cat([g.reshape(-1) for g in gradients]))
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(part.view_as(gradient))

    def _norm(self) -> float:
        squares = torch.stack([
            local(p.grad).double().square().sum()  # type: ignore[arg-type]
            for p in self._parameters.values()
        ])
        if self._sharded:
            self._ranks.sum(squares)
        sums = squares.tolist()
        for name, total in zip(self._parameters, sums):
            if not math.isfinite(total):
                raise Refused(self._not_finite(name))
        return math.sqrt(sum(sums))

    def _not_finite(self, name: str) -> str:
        gradient = whole(self._parameters[name].grad)  # type: ignore[arg-type]
        index = int(np.argmax(~np.isfinite(gradient)))
        return (
            f'Cannot use the gradient of "{name}" as it needs finite numbers: current value at index {index} is '
            f"{gradient[index]}. Lower learning_rate, or look at the rows of this step"
        )

    def state(self) -> dict[str, np.ndarray]:
        """`step`, and `STATE.NAME` of what the rule keeps, as kernels/engine/optimizer/ names them."""
        arrays = {"step": np.array([self._steps])}
        for name, parameter in self._parameters.items():
            state = self._optimizer.state.get(parameter, {})
            for what, zeros in kept(self._options["rule"], parameter).items():
                arrays[f"{what}.{name}"] = whole(state.get(what, zeros))
        return arrays

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """@raises Refused if a tensor is missing or left over"""
        check_state(self._parameters, self._options, arrays)
        self._steps = float(arrays["step"][0])
        for name, parameter in self._parameters.items():
            tensors = kept(self._options["rule"], parameter)
            for what, tensor in tensors.items():
                put(tensor, arrays[f"{what}.{name}"].astype(np.float32))
            self._optimizer.state[parameter] = {"step": torch.tensor(self._steps), **tensors} if tensors else {}
