"""DeepSpeed's ZeRO in the place of FSDP2, where it is installed and asked for: its engine shares out, reduces and steps; losses stay ours.

A step of ours is one gradient accumulation of DeepSpeed's. It has to know in a backward pass whether that is the step's last, so
each pass waits until the next request tells.
"""

import math
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .failure import Refused, Unusable
from .optimizer import Parameters, check_state, optimizer_of, set_rate
from .ranks import Ranks

if TYPE_CHECKING:
    from .model import Setup

MOMENTS = ("exp_avg", "exp_avg_sq")


class Zero:
    """A model under DeepSpeed's engine, with the operations of optimizer.py's."""

    def __init__(self, model: torch.nn.Module, parameters: Parameters, options: dict, ranks: Ranks, setup: "Setup") -> None:
        deepspeed = imported()
        self._parameters, self._options, self._rank, self._world = parameters, options, ranks.rank, ranks.world
        self._stage = 3 if setup.reshard else 2
        cpu = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
        offload = ("offload_optimizer", "offload_param")[: self._stage - 1] if setup.cpu_offload else ()
        config = {
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": 1,
            "train_batch_size": ranks.world,
            "steps_per_print": sys.maxsize,
            # AdamW is torch's, as without DeepSpeed.
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,
            "bf16": {"enabled": setup.dtype == "bfloat16"},
            "zero_optimization": {
                "stage": self._stage,
                "overlap_comm": False,
                # As transformers has it: what is smaller stays whole.
                "stage3_param_persistence_threshold": 10 * model.config.hidden_size,  # type: ignore[union-attr, operator]
                **{name: cpu for name in offload},
            },
        }
        self._engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer_of(parameters, options, ranks), config=config)
        self._waiting: torch.Tensor | None = None
        self._steps = 0.0
        # Backward passes since the last step, and whether some of them were given up.
        self._passes, self._dropped = 0, False

    def __call__(self, *inputs: Any) -> torch.Tensor:
        return self._engine(*inputs)

    def backward(self, out: torch.Tensor, slopes: torch.Tensor) -> None:
        # DeepSpeed takes the mean over the ranks, and the step needs their sum.
        self._waiting = (out * (slopes * self._world)).sum()

    def settle(self, last: bool = False) -> None:
        """Carries out the backward pass that waits."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if self._dropped:
                raise Refused("Cannot train on after gradients were dropped, as DeepSpeed keeps what it has reduced: start again from the checkpoint")
            self._passes += 1
            self._engine.set_gradient_accumulation_boundary(last)
            self._engine.backward(waiting)

    def discard(self) -> None:
        """Drops the gradients of a step that won't be made, before a checkpoint is saved and training ends."""
        self._waiting = None
        self._dropped = self._passes > 0

    def step(self, rate: float, max_norm: float) -> float:
        """As Optimizer.step. @raises Refused if a gradient isn't finite; DeepSpeed has skipped the step then"""
        self.settle(last=True)
        set_rate(self._engine.optimizer, rate)
        self._engine.optimizer.clip_grad = max_norm
        self._engine.step()
        norm = float(self._engine.get_global_grad_norm())
        if not math.isfinite(norm):
            raise Refused(
                f"Cannot step as the gradient needs finite numbers: current value of its norm is {norm}. Lower learning_rate, or "
                "look at the rows of this step"
            )
        if self._stage == 2 and self._steps == 0:
            # DeepSpeed 0.19.8 does so when the first group of parameters has been stepped, and the others have no state yet.
            self._link_state()
        self._steps += 1
        self._passes = 0
        return norm

    def value(self, parameter: torch.nn.Parameter) -> np.ndarray:
        """All of a trained tensor, float32; every rank has to ask."""
        from deepspeed.utils import safe_get_full_fp32_param

        return as_array(safe_get_full_fp32_param(parameter))

    def put(self, parameter: torch.nn.Parameter, values: np.ndarray) -> None:
        """Overwrites a trained tensor and its float32 copy with all of its values."""
        import deepspeed

        full = torch.from_numpy(values.copy())
        self._write(parameter, full)
        gathered = [parameter] if self._stage == 3 else []
        with torch.no_grad(), deepspeed.zero.GatheredParameters(gathered, modifier_rank=0, enabled=bool(gathered)):
            parameter.data.copy_(full.view(shape_of(parameter)))

    def _write(self, parameter: torch.nn.Parameter, full: torch.Tensor, moment: str | None = None) -> None:
        """This rank's part of a float32 copy, or of a moment."""
        from deepspeed import utils

        if self._stage == 2 and moment is None:
            return utils.safe_set_full_fp32_param(parameter, full)
        if self._stage == 2:
            return utils.safe_set_full_optimizer_state(parameter, full, moment)
        size = parameter.ds_tensor.numel()  # type: ignore[attr-defined]
        # The last part may be longer than what is left for it.
        part = torch.nn.functional.pad(full, (0, size * self._world - full.numel()))[size * self._rank : size * (self._rank + 1)]
        if moment is None:
            return utils.safe_set_local_fp32_param(parameter, part)
        return utils.safe_set_local_optimizer_state(parameter, part, moment)

    def state(self) -> dict[str, np.ndarray]:
        """As Optimizer.state."""
        from deepspeed.utils import safe_get_full_optimizer_state

        arrays = {"step": np.array([self._steps])}
        for name, parameter in self._parameters.items():
            for moment in MOMENTS:
                empty = self._steps == 0
                arrays[f"{moment}.{name}"] = (
                    np.zeros(math.prod(shape_of(parameter)), np.float32) if empty
                    else as_array(safe_get_full_optimizer_state(parameter, moment))
                )
        return arrays

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """As Optimizer.restore."""
        check_state(self._parameters, self._options, arrays)
        self._steps = float(arrays["step"][0])
        zero = self._engine.optimizer
        zero.optimizer.state.clear()
        if self._steps == 0:
            return
        flat = zero.fp32_partitioned_groups_flat if self._stage == 3 else zero.single_partition_of_fp32_groups
        for partition in flat:
            zero.optimizer.state[partition] = {"step": torch.tensor(self._steps), **{m: torch.zeros_like(partition) for m in MOMENTS}}
        if self._stage == 2:
            self._link_state()
        for name, parameter in self._parameters.items():
            for moment in MOMENTS:
                self._write(parameter, torch.from_numpy(arrays[f"{moment}.{name}"].astype(np.float32)), moment)

    def _link_state(self) -> None:
        """Makes ZeRO-2 find the optimizer's state by parameter."""
        zero = self._engine.optimizer
        zero._hp_optimizer_states_linked = False
        zero._lazy_init_hp_params_optimizer_state()


def shape_of(parameter: torch.nn.Parameter) -> torch.Size:
    """Of all of it: ZeRO-3 leaves an empty tensor in a parameter's place."""
    return getattr(parameter, "ds_shape", parameter.shape)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy().reshape(-1)


def imported() -> Any:
    """@raises Unusable if it isn't installed"""
    os.environ.setdefault("DS_SKIP_CUDA_CHECK", "1")
    try:
        import deepspeed
    except ImportError as error:
        raise Unusable(
            f"Cannot use sharding: deepspeed as {sys.executable} lacks deepspeed: {sys.executable} -m pip install deepspeed, "
            "or set sharding: fsdp"
        ) from error
    return deepspeed
