"""One rank: `python -m dinotune_torch`, started by plugins/trainers/torch/launch.ts, by torchrun or by accelerate."""

import os
import select
import signal
import sys
import threading

from .failure import Unusable, end_with

# A rank that looks itself up on a hub would wait for a network that training doesn't need.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

OPERATIONS = ("forward", "backward", "step", "discard", "identity", "values", "state", "restore", "non_finite", "memory")

NEEDED = ("torch", "transformers", "peft", "numpy", "safetensors")


def end_with_parent() -> None:
    """
    Ends this rank when the program that started it is gone: standard input is a pipe that only that one writes to.

    Ranks of one launcher share it, and one of them reads it; asking for no event tells of its end all the same.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(0, 0)
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def check_packages() -> None:
    """@raises Unusable naming the packages that are missing or too old"""
    from importlib import metadata
    from importlib.util import find_spec

    if sys.version_info < (3, 10):
        raise Unusable(
            f"Cannot run PyTorch as {sys.executable} is Python {'.'.join(map(str, sys.version_info[:3]))}: name one of 3.10 or newer by "
            "python in trainer_options or DINOTUNE_PYTHON"
        )
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Unusable(
            f"Cannot run PyTorch as {sys.executable} lacks {', '.join(missing)}: "
            f"{sys.executable} -m pip install {' '.join(missing)}"
        )
    old = [need for need in os.environ.get("DINOTUNE_TORCH_NEEDS", "").split() if is_older(metadata.version(need.split(">=")[0]), need)]
    if old:
        found = ", ".join(f"{name} {metadata.version(name)}" for name in (need.split(">=")[0] for need in old))
        raise Unusable(
            f"Cannot run PyTorch as {found} of {sys.executable} is too old: "
            f"{sys.executable} -m pip install {' '.join(repr(need) for need in old)}"
        )


def is_older(version: str, need: str) -> bool:
    """Whether a version is before that of a need, `name>=1.2`, by its first two numbers."""
    numbers = [[int("".join(filter(str.isdigit, part)) or 0) for part in text.split(".")[:2]] for text in (version, need.split(">=")[1])]
    return numbers[0] < numbers[1]


def serve(output: int) -> None:
    from .engine import Engine
    from .failure import Refused
    from .frames import Frame
    from .ranks import join

    ranks = join(float(os.environ.get("DINOTUNE_TORCH_TIMEOUT", "1800")), output)
    engine: Engine | None = None
    if ranks.channel:
        ranks.channel.send(Frame({"world": ranks.world, "device": describe(ranks.device.type)}))
    while True:
        frame = ranks.share(ranks.channel.receive() if ranks.channel else None)
        op = frame.header["op"]
        if op == "quit":
            ranks.leave()
            if ranks.channel:
                ranks.channel.send(Frame({"ok": True}))
            return
        try:
            if op == "open":
                engine = None
                engine = Engine(frame, ranks)
                answer = Frame({})
            elif engine is None or op not in OPERATIONS:
                raise Refused(f"Cannot {op}: no model is open, or no such operation")
            else:
                answer = getattr(engine, op)(frame)
        except Refused as error:
            answer = Frame({"refused": str(error)})
        if ranks.channel:
            ranks.channel.send(answer)


def describe(device: str) -> str:
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return f"PyTorch {torch.__version__} on {name}"


def main() -> None:
    # Ctrl-C is for the program that started the ranks: it still wants the weights, to save them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get("DINOTUNE_TORCH_PARENT") == "stdin":
        end_with_parent()
    rank = int(os.environ.get("RANK", "0"))
    # Prints of libraries go to standard error, so that frames are alone where deno reads them.
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        check_packages()
        serve(output)
    except BaseException as error:  # noqa: BLE001  # whatever it is, the other ranks must not wait for this one
        end_with(error, rank)
    # Threads of the backends may still run; all is said and done.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
