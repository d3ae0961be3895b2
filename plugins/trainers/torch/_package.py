"""What package_test.ts asks of the Python package. Arguments: products (and ranks), compiling or noise, and a tiny model's folder; prints one JSON object."""

import json
import sys
import types

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.integrations.neftune import neftune_post_forward_hook

from dinotune_torch import attention, model, products, ranks, value_head
from dinotune_torch.engine import Engine
from dinotune_torch.failure import Unusable, kind_of
from dinotune_torch.frames import Frame
from dinotune_torch.lora import Switch, drop
from dinotune_torch.noise import STREAM, noise_hook
from dinotune_torch.ranks import Ranks
from dinotune_torch.trees import ChainTree

HALF = torch.bfloat16


def on_a_cpu(has: bool) -> None:
    """Makes the package believe that the CPU has bfloat16's instructions, or hasn't."""
    products.cpu_has_bfloat16 = model.cpu_has_bfloat16 = lambda: has


class Watch(TorchDispatchMode):
    """Names of operators that multiply bfloat16 matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        multiplies = any(word in name for word in ("mm", "linear", "attention", "matmul"))
        if multiplies and any(isinstance(a, torch.Tensor) and a.dtype is HALF and a.dim() > 1 for a in args):
            self.seen.add(name)
        return func(*args, **(kwargs or {}))


def off() -> int:
    """Values of a product and its gradients that are further from float64's than half a last place, and float32's sums."""
    torch.manual_seed(0)
    x, w, bias, g = (torch.randn(size).to(HALF) for size in ((2, 37, 24), (40, 24), (40,), (2, 37, 40)))
    leaves = [t.clone().requires_grad_() for t in (x, w, bias)]
    y = products.Product.apply(*leaves)
    y.backward(g)
    x, w, bias, g = (t.double() for t in (x, w, bias, g))
    rows, flat = g.reshape(-1, 40), x.reshape(-1, 24)
    right = [x @ w.t() + bias, g @ w, rows.t() @ flat, rows.sum(0)]
    return sum(
        int(((a.double() - b).abs() > 2.0**-8 * 2 ** b.abs().log2().floor() + 1e-5).sum())
        for a, b in zip([y.detach(), *(leaf.grad for leaf in leaves)], right)
    )


def opened(folder: str, tuning: str, dtype: str, compiled: bool = False, neftune: float = 0.0) -> Engine:
    names = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
    modules = {f"model.layers.{i}.{name}": {"rank": 2, "scale": 2.0} for i in range(2) for name in names}
    header = {
        "model": folder, "tuning": tuning, "modules": modules, "dropout": 0.1, "seed": 0, "checkpointing": False,
        "sharding": "none", "reshard": True, "cpu_offload": False, "dtype": dtype, "attention": "auto", "compile": compiled,
        "quantization": "none", "threads": 1, "smoothing": 0.0, "neftune": neftune,
        "optimizer": {"rule": "adamw", "name": "AdamW", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0},
    }
    return Engine(Frame(header), Ranks(0, 1, torch.device("cpu"), None, 0, None))


def tree(branches: int, more: int = 0) -> dict[str, np.ndarray]:
    """Two tokens, and so many branches of two to be scored behind them, the last one longer."""
    sizes = [2] * (branches - 1) + [2 + more]
    rows = 2 + sum(sizes)
    until, positions = [rows, rows], [0, 1]
    for size in sizes:
        until += [len(until) + size] * size
        positions += range(2, 2 + size)
    part = {"ids": [3 + i for i in range(rows)], "until": until, "positions": positions,
            "labelRows": list(range(1, rows - 1)), "labelIds": [5 + i for i in range(rows - 2)]}
    return {f"0.{name}": np.array(values, dtype=np.int32) for name, values in part.items()}


def run(folder: str, tuning: str, dtype: str) -> tuple[np.ndarray, list[str]]:
    """Log-probabilities of a small tree's labels, and the bfloat16 products of a pass forward and backward."""
    engine, arrays = opened(folder, tuning, dtype), tree(2)
    plain = engine.forward(Frame({"adapter": False, "keep": False}, arrays)).arrays["0"]
    with Watch() as watch:
        engine.forward(Frame({"adapter": True, "keep": True, "dropout": 1}, arrays))
        engine.backward(Frame({}, {"0": np.ones(len(arrays["0.labelIds"]))}))
    return plain, sorted(watch.seen)


def programs(folder: str) -> tuple[list[int], float]:
    """Programs that dynamo has made after each of some trees, and how far compiled labels are from eager ones."""
    plain = torch.nn.Module.compile
    # Dynamo's own work without a C++ compiler's.
    torch.nn.Module.compile = lambda self, **options: plain(self, backend="eager", **options)
    compiled, eager = opened(folder, "lora", "float32", True), opened(folder, "lora", "float32")
    made, furthest = [], 0.0
    for arrays in (tree(2), tree(3), tree(5), tree(1, 4), tree(4, 2)):
        for adapter in (False, True):
            frame = Frame({"adapter": adapter, "keep": adapter}, arrays)
            found, right = (engine.forward(frame).arrays["0"] for engine in (compiled, eager))
            furthest = max(furthest, float(abs(found - right).max()))
        compiled.backward(Frame({}, {"0": np.ones(len(right))}))
        made.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    return made, furthest


def too_few_gpus() -> list[str]:
    """Kind and message of the error of two ranks on a machine with one GPU."""
    torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: 1
    try:
        ranks._device(0, 2)
    except Unusable as error:
        return [kind_of(error), str(error)]
    return []


def remade() -> tuple[int, bool]:
    """Operands of attention over a tree of four chains that aren't made again for the backward pass, and whether gradients are the same."""
    plain, arrays, made, gradients = attention.saved_tensors_hooks, tree(3), 0, []

    def counted(pack, unpack):
        def count(tensor):
            nonlocal made
            kept = pack(tensor)
            made += isinstance(kept, attention.Rebuilt)
            return kept

        return plain(count, unpack)

    attention.saved_tensors_hooks = counted
    for rebuilds in (True, False):
        torch.manual_seed(0)
        chains = ChainTree(arrays["0.until"], arrays["0.positions"], torch.float32, torch.device("cpu"), rebuilds)
        leaves = [torch.randn(1, heads, 8, 16).to(HALF).requires_grad_() for heads in (6, 2, 2)]
        out = attention.chain_attention(*leaves, chains, None, None)
        out.backward(torch.randn_like(out))
        gradients.append([leaf.grad for leaf in leaves])
    attention.saved_tensors_hooks = plain
    return 3 * len(chains.chains) - made, all(torch.equal(a, b) for a, b in zip(*gradients))


def noise() -> float:
    """Furthest number of the embedding's noise from that of transformers' hook, where both draw from one seed."""
    embedded, switch = torch.randn(1, 9, 24), Switch(seed=3, step=7, lengths=torch.full((9,), 9))
    found = noise_hook(switch, 5.0)(None, None, embedded)
    drawn, torch.Tensor.uniform_ = torch.Tensor.uniform_, lambda self, low, high: drawn(self, float(low), float(high))
    torch.manual_seed(hash((3, 7, STREAM)) & 0x7FFF_FFFF_FFFF_FFFF)
    right = neftune_post_forward_hook(types.SimpleNamespace(training=True, neftune_noise_alpha=5.0), None, embedded)
    torch.Tensor.uniform_ = drawn
    return float((found - right).abs().max() / (right - embedded).abs().max())


def is_value_heads() -> bool:
    """Whether the value head keeps what lies where the noise is above 0, as it does where both draw the same numbers."""
    switch, shape = Switch(seed=3, step=7, lengths=torch.full((9,), 9)), (1, 9, 24)
    noisy = noise_hook(switch, 5.0)(None, None, torch.zeros(shape))
    kept = drop(torch.ones(shape), 0.5, switch, value_head.STREAM)
    return torch.equal(noisy > 0, kept > 0)


def of_noise(folder: str) -> dict[str, object]:
    noisy, plain = (opened(folder, "lora", "float32", neftune=alpha) for alpha in (5.0, 0.0))
    arrays = {**tree(2), "0.lengths": np.array([5, 5, 5, 5, 4, 4], dtype=np.int32)}
    for engine in (noisy, plain):
        engine.switch.dropout = 0.0

    def labels(engine: Engine, step: int | None, adapter: bool = True) -> list[float]:
        header = {"adapter": adapter, "keep": False, **({} if step is None else {"dropout": step})}
        return engine.forward(Frame(header, arrays)).arrays["0"].tolist()

    return {
        "as transformers' hook": noise() < 1e-5,
        "drawn like the value head's dropout": is_value_heads(),
        "the same for the same number": labels(noisy, 1) == labels(noisy, 1),
        "another for another number": labels(noisy, 1) != labels(noisy, 2),
        "a training pass's": labels(noisy, 1) != labels(plain, 1),
        "alone": labels(noisy, None) == labels(plain, None) and labels(noisy, 1, False) == labels(plain, 1, False),
    }


def slow() -> list[bool]:
    """Of an Intel Xeon behind a hypervisor without and with AMX, one of before AVX512_FP16, an AMD EPYC, and an ARM processor."""
    intel, features = "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 avx512_fp16{}\n", "Features\t: fp asimd bf16\n"
    texts = [intel.format(" fsrm"), intel.format(" amx_bf16 amx_tile"), "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16\n",
             "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512_bf16\n", features]
    return [products.is_slow(*products.cpu_words(f"processor\t: 0\n{text}\nprocessor\t: 1\n{text}")) for text in texts]


def of_products(folder: str) -> dict[str, object]:
    on_a_cpu(False)
    rounding = off()
    lora, of_lora = run(folder, "lora", "bfloat16")
    _, of_full = run(folder, "full", "bfloat16")
    exact, _ = run(folder, "lora", "float32")
    on_a_cpu(True)
    native, of_native = run(folder, "lora", "bfloat16")
    bound = 2 * max(1e-2, float(abs(native - exact).max()))
    return {
        "slow instructions": slow(),
        "product, gradients of x, W and bias off by more than a rounding": rounding,
        "bfloat16 products of LoRA": of_lora,
        "bfloat16 products of full tuning": of_full,
        "native bfloat16 products": len(of_native) > 0,
        "labels off by more than bfloat16 makes them": int((abs(lora - exact) > bound).sum()),
        "operands of attention kept; same gradients": remade(),
        "two ranks, one GPU": too_few_gpus(),
    }


def of_compiling(folder: str) -> dict[str, object]:
    made, furthest = programs(folder)
    return {
        "compiled": made[0] > 0,
        "programs that more trees cost": made[-1] - made[1],
        "compiled labels are eager ones": furthest < 1e-5,
    }


print(json.dumps({"products": of_products, "compiling": of_compiling, "noise": of_noise}[sys.argv[1]](sys.argv[2])))
