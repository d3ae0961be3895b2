"""The processes of a run: who they are, what they run on, and how a request reaches all of them."""

import json
import os
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from .failure import Unusable
from .frames import Channel, Frame, decode, payload_bytes

# A group that only carries requests: between two of them any time may pass.
PATIENCE = timedelta(days=30)


@dataclass
class Ranks:
    """This process among all of them."""

    rank: int
    world: int
    device: torch.device
    channel: Channel | None
    """The pipes of the one rank that has them."""
    head: int
    """The number of that rank."""
    requests: dist.ProcessGroup

    def share(self, frame: Frame | None) -> Frame:
        """The head's request, on every rank."""
        if self.world == 1:
            assert frame is not None
            return frame
        if frame is not None:
            parts = frame.encode()
            head, body = parts[1], b"".join(parts[2:])
            sizes = torch.tensor([len(head), len(body)])
            data = torch.frombuffer(bytearray(head + body), dtype=torch.uint8)
        else:
            sizes, data = torch.zeros(2, dtype=torch.int64), None
        dist.broadcast(sizes, self.head, group=self.requests)
        if data is None:
            data = torch.empty(int(sizes.sum()), dtype=torch.uint8)
        dist.broadcast(data, self.head, group=self.requests)
        if frame is not None:
            return frame
        raw = data.numpy()
        header = json.loads(raw[: int(sizes[0])].tobytes())
        return decode(header, raw[int(sizes[0]) : int(sizes[0]) + payload_bytes(header)])

    def gather(self, values: np.ndarray, counts: list[int]) -> list[np.ndarray] | None:
        """float64 values of every rank, `counts[r]` of rank r, on the head; None elsewhere."""
        if self.world == 1:
            return [values]
        longest = max(counts)
        mine = torch.zeros(longest, dtype=torch.float64)
        mine[: len(values)] = torch.from_numpy(values)
        at_head = [torch.empty_like(mine) for _ in counts] if self.rank == self.head else None
        dist.gather(mine, at_head, dst=self.head, group=self.requests)
        return None if at_head is None else [part[:count].numpy() for part, count in zip(at_head, counts)]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Summed over the ranks, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def leave(self) -> None:
        """All together: a group that is torn down while another rank is still inside a collective aborts that one."""
        dist.barrier(group=self.requests)
        dist.destroy_process_group()


def join(timeout_seconds: float, output: int) -> Ranks:
    """
    Reads the environment that a launcher gave this process and meets the others.

    @param output: file descriptor of what was standard output, for the rank that speaks to deno task train

    @raises Unusable if there are more ranks on this machine than GPUs
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local, local_world = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    device = _device(local, local_world)
    meeting = os.environ.get("DINOTUNE_TORCH_MEETING", "env://")
    # One rank needs nobody to meet; FSDP wants a group all the same.
    place = {"store": dist.HashStore()} if world == 1 else {"init_method": meeting}
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=timeout_seconds),
        **place,
    )
    requests = dist.new_group(backend="gloo", timeout=PATIENCE)
    token = os.environ.get("DINOTUNE_TORCH_TOKEN")
    channel = Channel(output, token) if token and local == 0 else None
    flags = torch.zeros(world, dtype=torch.int64)
    flags[rank] = 1 if channel else 0
    dist.all_reduce(flags, group=requests)
    if int(flags.sum()) != 1:
        raise Unusable(
            "Cannot start as one rank has to be connected to deno task train: current value is "
            f"{int(flags.sum())}; start the other nodes with torchrun as docs/scale.md says"
        )
    return Ranks(rank, world, device, channel, int(flags.argmax()), requests)


def _device(local: int, local_world: int) -> torch.device:
    if os.environ.get("DINOTUNE_TORCH_DEVICE") == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if local_world > count:
        raise Unusable(
            f"Cannot run {local_world} ranks as each needs a GPU of its own: current value is {count}; "
            f"set nproc_per_node: {count}"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
