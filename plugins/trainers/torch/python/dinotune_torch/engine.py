"""The engine behind Dinotune's seam (kernels/engine/host.ts): forward → one weight a label → backward, step, save, restore."""

import contextlib
import resource
from dataclasses import fields
from typing import Any, Callable, Iterator

import numpy as np
import torch

from .dora import MAGNITUDE, NORM
from .failure import Refused
from .frames import Frame
from .lora import Switch
from .model import Setup, load, trained, widened
from .optimizer import Optimizer, put, whole
from .ranks import Ranks
from .rules import local
from .zero import Zero
from .trees import ChainTree, FlexTree, padded

PART = ("ids", "until", "positions", "labelRows", "labelIds")

# A rank without a part takes part in FSDP's collectives with one token whose label weighs nothing.
DUMMY = {"ids": [0], "until": [1], "positions": [0], "labelRows": [0], "labelIds": [0]}


class Engine:
    """One model of this rank."""

    def __init__(self, frame: Frame, ranks: Ranks) -> None:
        names = {field.name for field in fields(Setup)}
        self.setup = Setup(**{key: value for key, value in frame.header.items() if key in names})
        self.ranks = ranks
        torch.set_num_threads(max(1, self.setup.threads))
        self.switch = Switch(dropout=self.setup.dropout, seed=self.setup.seed, by_modules=self.setup.sharding == "deepspeed")
        self.flex = self.setup.attention == "flex" or (self.setup.attention == "auto" and ranks.device.type == "cuda")
        if self.flex and ranks.device.type == "cpu" and frame.header["optimizer"]:
            raise Refused(
                "Cannot train with attention: flex on a CPU as FlexAttention's backward pass exists on GPUs only: "
                "set attention: auto or sdpa in trainer_options"
            )
        self.widened = widened(self.setup, ranks)
        self.model = load(self.setup, ranks, self.switch)
        self.trained = trained(self.model)
        initial = {name.removeprefix("initial."): values for name, values in frame.arrays.items()}
        self.zero: Zero | None = None
        self._put_trained(initial)
        options, zero = frame.header["optimizer"], self.setup.sharding == "deepspeed"
        if options and zero:
            self.zero = Zero(self.model, self.trained, options, ranks, self.setup)
        self.optimizer = self.zero or (Optimizer(self.trained, options, ranks) if options else None)
        if self.zero is not None:
            # DeepSpeed made its float32 copies of what it had rounded.
            self._put_trained(initial)
        self.kept: torch.Tensor | None = None

    def forward(self, frame: Frame) -> Frame:
        parts = [{key: frame.arrays[f"{r}.{key}"] for key in PART} for r in range(self.ranks.world)]
        part = parts[self.ranks.rank]
        empty, best = len(part["ids"]) == 0, frame.header.get("best", False)
        logps = np.empty(0)
        self.kept = None
        if self.zero is not None:
            self.zero.settle()
        if not empty or self.setup.sharding in ("fsdp", "deepspeed"):
            step = frame.header.get("dropout")
            # Each rank drops what it drops, as packs of one device do.
            self.switch.step = None if step is None else step * self.ranks.world + self.ranks.rank
            lengths = frame.arrays.get(f"{self.ranks.rank}.lengths")
            self.switch.lengths = None if empty or lengths is None else torch.from_numpy(lengths.astype(np.int64))
            out = self._run(_as_arrays(DUMMY) if empty else part, frame.header["adapter"], frame.header["keep"], best)
            if frame.header["keep"]:
                self.kept = out
            if not empty:
                logps = out.detach().double().cpu().numpy()
        gathered = self.ranks.gather(logps, [len(one["labelIds"]) * (2 if best else 1) for one in parts])
        return Frame({}, {} if gathered is None else {str(r): values for r, values in enumerate(gathered)})

    def backward(self, frame: Frame) -> Frame:
        out, self.kept = self.kept, None
        weights = frame.arrays[str(self.ranks.rank)]
        if out is not None:
            slopes = torch.zeros_like(out) if len(weights) == 0 else torch.from_numpy(weights.copy()).to(out)
            if self.zero is not None:
                self.zero.backward(out, slopes)
            else:
                # FSDP takes the mean over the ranks, and the step needs their sum.
                out.backward(gradient=slopes * self.ranks.world if self.setup.sharding == "fsdp" else slopes)
        return Frame({})

    def step(self, frame: Frame) -> Frame:
        if self.optimizer is None:
            raise Refused("Cannot step: this engine was made without an optimizer")
        return Frame({"norm": self.optimizer.step(frame.header["rate"], frame.header["maxNorm"])})

    def discard(self, _: Frame) -> Frame:
        self.kept = None
        if self.zero is not None:
            self.zero.discard()
        for parameter in self.trained.values():
            parameter.grad = None
        return Frame({})

    def identity(self, _: Frame) -> Frame:
        """Whether adapters change nothing because every B is zero and no length is changed."""
        b = [p for name, p in self.trained.items() if name.endswith("lora_B.weight")]
        if self.zero is not None:
            return Frame({"identity": len(b) > 0 and not any(self.zero.value(p).any() for p in b)})
        of_b = sum(float(local(p.detach()).count_nonzero()) for p in b)
        lengths = sum(float((local(m.detach()) != local(norm)).count_nonzero()) for m, norm in self._lengths())
        changed = torch.tensor([of_b + lengths], device=self.ranks.device)
        return Frame({"identity": len(b) > 0 and float(self.ranks.sum(changed)) == 0})

    def values(self, _: Frame) -> Frame:
        read = whole if self.zero is None else self.zero.value
        return Frame({}, {name: read(p) for name, p in self.trained.items()})

    def state(self, _: Frame) -> Frame:
        return Frame({}, {} if self.optimizer is None else self.optimizer.state())

    def restore(self, frame: Frame) -> Frame:
        given = {kind: {n.removeprefix(kind): v for n, v in frame.arrays.items() if n.startswith(kind)} for kind in ("trained.", "optimizer.")}
        self._put_trained(given["trained."])
        if self.optimizer is not None and frame.header["optimizer"]:
            self.optimizer.restore(given["optimizer."])
        return Frame({})

    def non_finite(self, frame: Frame) -> Frame:
        """First layer whose output isn't finite, and the row of the part; runs the pack once more."""
        found: list[tuple[str, int]] = []

        def watch(name: str) -> Callable[..., None]:
            def hook(_module: Any, _inputs: Any, output: Any) -> None:
                values = output[0] if isinstance(output, tuple) else output
                bad = ~torch.isfinite(values.reshape(-1, values.shape[-1])).all(-1)
                if not found and bool(bad.any()):
                    found.append((name, int(bad.nonzero()[0, 0])))

            return hook

        body: Any = self.model.model
        watched = [("model.embed_tokens", body.embed_tokens), *((f"model.layers.{i}", block) for i, block in enumerate(body.layers))]
        hooks = [module.register_forward_hook(watch(name)) for name, module in watched]
        try:
            self.forward(Frame({"adapter": True, "keep": False}, frame.arrays))
        finally:
            for hook in hooks:
                hook.remove()
        report = self.ranks.gather(np.array([_layer(found), found[0][1] if found else 0], dtype=np.float64), [2] * self.ranks.world)
        return Frame({"found": None if report is None else [one.tolist() for one in report]})

    def memory(self, _: Frame) -> Frame:
        """Most memory so far, MiB: of all ranks' processes together, and of the GPUs."""
        used = torch.tensor([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0.0], dtype=torch.float64)
        if self.ranks.device.type == "cuda":
            used[1] = torch.cuda.max_memory_allocated() / 2**20
        return Frame(dict(zip(("host", "device"), self.ranks.sum(used.to(self.ranks.device)).tolist())))

    def _run(self, part: dict[str, np.ndarray], adapter: bool, keep: bool, best: bool = False) -> torch.Tensor:
        device, half = self.ranks.device, self.setup.dtype == "bfloat16"
        ids, until, positions = part["ids"], part["until"], part["positions"]
        as_tensor = lambda values: torch.from_numpy(values.astype(np.int64)).to(device)  # noqa: E731
        if self.flex:
            ids, until, positions = padded(ids, until, positions)
            tree: Any = FlexTree(as_tensor(until), as_tensor(positions))
        else:
            dtype = torch.bfloat16 if half and not self.widened else torch.float32
            tree = ChainTree(until, positions, dtype, device, rebuilds=not self.setup.checkpointing)
        # A model whose own weights are trained is stored in float32; without FSDP's casting, and modules that cast, its products are cast here.
        casts = half and self.setup.own and self.setup.sharding != "fsdp" and not self.widened
        cast = torch.autocast(device.type, torch.bfloat16) if casts else contextlib.nullcontext()
        # The reference of compiled blocks runs the policy's own program, with B zero: another program rounds differently.
        same = self.setup.compile and not adapter
        self.switch.on = adapter or same
        with torch.set_grad_enabled(keep or self.setup.compile), cast, self._zero_b() if same else contextlib.nullcontext():
            return (self.zero or self.model)(
                as_tensor(ids), as_tensor(positions), tree, as_tensor(part["labelRows"]), as_tensor(part["labelIds"]), keep, best
            )

    def _lengths(self) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
        """DoRA's trained lengths, each with the frozen rows' own."""
        return [(getattr(module, MAGNITUDE), getattr(module, NORM).detach()) for module in self.model.modules() if getattr(module, "dora", False)]

    @contextlib.contextmanager
    def _zero_b(self) -> Iterator[None]:
        """Adapters that change nothing."""
        changed = [(local(p.data), torch.zeros_like(local(p.data))) for name, p in self.trained.items() if name.endswith("lora_B.weight")]
        changed += [(local(m.data), local(norm)) for m, norm in self._lengths()]
        kept = [tensor.clone() for tensor, _ in changed]
        for tensor, values in changed:
            tensor.copy_(values)
        try:
            yield
        finally:
            for (tensor, _), values in zip(changed, kept):
                tensor.copy_(values)

    def _put_trained(self, arrays: dict[str, np.ndarray]) -> None:
        write = put if self.zero is None else self.zero.put
        for name, values in arrays.items():
            if name not in self.trained:
                raise Refused(f'Cannot start from tensor "{name}": it isn\'t among the tensors that this run trains')
            write(self.trained[name], values)


def _layer(found: list[tuple[str, int]]) -> float:
    """Number of a layer, the embedding's −1; −2 where all is finite."""
    if not found:
        return -2
    last = found[0][0].rsplit(".", 1)[-1]
    return float(last) if last.isdigit() else -1


def _as_arrays(part: dict[str, list[int]]) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=np.int32) for name, values in part.items()}
