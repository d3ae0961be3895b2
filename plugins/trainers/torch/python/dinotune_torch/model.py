"""The model: transformers' AutoModelForCausalLM whose forward pass goes from a pack to log-probabilities of labels."""

import copy
import sys
import types
from dataclasses import dataclass
from typing import Any

import torch

from .attention import ATTENTION, register
from .failure import Unusable
from .head import LabelHead, is_best, towards_mean
from .lora import Switch, add_adapters
from .noise import noise_hook
from .products import cpu_has_bfloat16, widen_products
from .ranks import Ranks
from .value_head import ValueHead


@dataclass
class Setup:
    """Fields of the `open` frame (frames.ts)."""

    model: str
    tuning: str
    """lora, freeze, full or none."""
    modules: dict[str, dict[str, float]]
    dropout: float
    seed: int
    smoothing: float
    """ε of smoothed labels; 0: none."""
    neftune: float
    """α of noise on embeddings; 0: none."""
    checkpointing: bool
    sharding: str
    reshard: bool
    """FSDP: whether a block's weights are given back after its forward pass (ZeRO-3) or kept until its backward one (ZeRO-2)."""
    cpu_offload: bool
    dtype: str
    attention: str
    compile: bool
    quantization: str
    threads: int
    tensors: tuple[str, ...] = ()
    """Of freeze: names of the parameters that are trained."""
    value_head: float | None = None
    """Dropout of what a value head reads, which then is trained in the output head's place; None: log-probabilities of labels."""

    @property
    def own(self) -> bool:
        """Whether the model's own weights are trained, all or some."""
        return self.tuning in ("full", "freeze")


def load(setup: Setup, ranks: Ranks, switch: Switch) -> torch.nn.Module:
    """A model ready to train: adapted, sharded, on its device. Its forward pass is `_forward`."""
    from transformers import AutoConfig, AutoModelForCausalLM

    register()
    half = torch.bfloat16 if setup.dtype == "bfloat16" else torch.float32
    # Trained tensors are kept in float32: steps of 1e-5 vanish in bfloat16.
    stored = torch.float32 if setup.own else half
    options: dict[str, Any] = {"dtype": stored, "attn_implementation": ATTENTION}
    if setup.quantization == "4bit":
        options.update(_four_bits(setup, half, ranks))
    config = copy.deepcopy(AutoConfig.from_pretrained(setup.model))
    config.use_cache = False
    model = AutoModelForCausalLM.from_pretrained(setup.model, config=config, **options)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(setup.tuning == "full" or name in setup.tensors)
    if widened(setup, ranks):
        widen_products(model.model)
    if setup.tuning == "lora":
        add_adapters(model, setup.modules, switch)
    model.v_head = None
    if setup.value_head is not None:
        # nothing reads it
        model.lm_head = torch.nn.Identity()
        model.v_head = ValueHead(config.hidden_size, setup.value_head, switch).to(ranks.device)
    if setup.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    # Checkpointing works in training mode only; dropout is the adapters' own and off otherwise.
    model.train()
    model.forward = types.MethodType(_forward, model)
    model.label_smoothing = setup.smoothing
    if setup.neftune > 0:
        model.get_input_embeddings().register_forward_hook(noise_hook(switch, setup.neftune))
    if setup.compile:
        if setup.tuning != "freeze":
            # Else the first block's input alone would need no gradient, and have programs of its own. Below the lowest trained block no gradient is made.
            model.enable_input_require_grads()
        for block in model.model.layers:
            block.compile(dynamic=True)
    if setup.sharding == "fsdp":
        _shard(model, setup, half)
    elif setup.quantization == "none":
        model.to(ranks.device)
    return model


def widened(setup: Setup, ranks: Ranks) -> bool:
    """Whether products of bfloat16 values run in float32 (products.py)."""
    return setup.dtype == "bfloat16" and ranks.device.type == "cpu" and not cpu_has_bfloat16()


def _forward(self: Any, ids: torch.Tensor, positions: torch.Tensor, tree: Any, rows: torch.Tensor, labels: torch.Tensor,
             keep: bool, best: bool = False) -> torch.Tensor:
    """Log-probability of every label (the value of its row with a value head), `[L]`, behind them 1 where no token is likelier, else 0, with `best`; FSDP has the whole model's own weights together while this runs."""
    body = self.model(
        input_ids=ids[None], position_ids=positions[None], attention_mask=None, use_cache=False, tree=tree
    ).last_hidden_state[0]
    if self.v_head is not None:
        return self.v_head(body.index_select(0, rows))
    unique, inverse = torch.unique(rows, return_inverse=True)
    # Granite divides its logits; a model of another family has no such field.
    hidden, weight = body.index_select(0, unique) / getattr(self.config, "logits_scaling", 1.0), self.lm_head.weight
    logps = LabelHead.apply(hidden, weight, inverse, labels, keep, getattr(self.config, "final_logit_softcapping", None))
    if self.label_smoothing > 0:
        logps = logps + self.label_smoothing * towards_mean(hidden, weight, inverse, labels)
    return torch.cat([logps, is_best(hidden, weight, inverse, labels)]) if best else logps


def _shard(model: torch.nn.Module, setup: Setup, half: torch.dtype) -> None:
    """FSDP2: each block a unit, what is left (embedding, last norm, head) the root's, which is the module that is called."""
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard

    cast = setup.own and half is not torch.float32
    options = {
        # Frozen bfloat16 and trained float32 may share a unit; only a model whose own weights are trained is cast for its products.
        "mp_policy": MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32) if cast else MixedPrecisionPolicy(),
        # Pinned memory is for copies to and from a GPU, and needs one.
        "offload_policy": CPUOffloadPolicy(pin_memory=torch.cuda.is_available()) if setup.cpu_offload else OffloadPolicy(),
    }
    for block in model.model.layers:  # type: ignore[union-attr]
        fully_shard(block, reshard_after_forward=setup.reshard, **options)
    if model.v_head is not None:
        # kept out of the casting
        fully_shard(model.v_head, **{**options, "mp_policy": MixedPrecisionPolicy()})  # type: ignore[arg-type]
    fully_shard(model, **options)


def _four_bits(setup: Setup, half: torch.dtype, ranks: Ranks) -> dict[str, Any]:
    if setup.own:
        raise Unusable("Cannot train a model's own weights with quantization: 4bit as it freezes them: set finetuning_type: lora or quantization: none")
    try:
        import bitsandbytes  # noqa: F401  # type: ignore[import-not-found]
    except ImportError as error:
        raise Unusable(
            f"Cannot use quantization: 4bit as {sys.executable} lacks bitsandbytes: {sys.executable} -m pip install bitsandbytes"
        ) from error
    from transformers import BitsAndBytesConfig

    # Stored as the other weights are, so that FSDP can shard them.
    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=half, bnb_4bit_quant_storage=half)
    return {"quantization_config": four, "device_map": {"": ranks.device}}


def trained(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Trained parameters by the names of Dinotune's engines."""
    return {name.replace(".default.", "."): p for name, p in model.named_parameters() if p.requires_grad}
