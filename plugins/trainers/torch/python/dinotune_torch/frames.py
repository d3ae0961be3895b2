"""Binary frames: the length of a JSON header (u32), the header, then the bytes of its arrays; all little-endian.

The header's `arrays` lists `[name, type, count]`, type being i32, f32 or f64. frames.ts writes and reads the same.
"""

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TYPES = {"i32": np.dtype("<i4"), "f32": np.dtype("<f4"), "f64": np.dtype("<f8")}
NAMES = {dtype: name for name, dtype in TYPES.items()}


@dataclass
class Frame:
    """A request or an answer."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def encode(self) -> "list[bytes | memoryview]":
        """Parts to be written one after the other; arrays aren't copied."""
        flat = {name: np.ascontiguousarray(values).reshape(-1) for name, values in self.arrays.items()}
        listed = [[name, NAMES[values.dtype], len(values)] for name, values in flat.items()]
        head = json.dumps({**self.header, "arrays": listed}).encode()
        return [struct.pack("<I", len(head)), head, *(values.data.cast("B") if len(values) else memoryview(b"") for values in flat.values())]


def payload_bytes(header: dict[str, Any]) -> int:
    """Bytes behind a header."""
    return sum(count * TYPES[kind].itemsize for _, kind, count in header["arrays"])


def decode(header: dict[str, Any], payload: "bytearray | np.ndarray | memoryview") -> Frame:
    """A frame from its two parts; arrays are views of the payload."""
    view, place, arrays = memoryview(payload), 0, {}
    for name, kind, count in header["arrays"]:
        size = count * TYPES[kind].itemsize
        # A copy: payloads aren't aligned to 8 bytes.
        arrays[name] = np.frombuffer(bytes(view[place : place + size]), TYPES[kind]) if count else np.empty(0, TYPES[kind])
        place += size
    return Frame({key: value for key, value in header.items() if key != "arrays"}, arrays)


class Channel:
    """Pipes to the program that started the ranks: requests on standard input, answers on what was standard output."""

    def __init__(self, output: int, token: str) -> None:
        self._input, self._output = open(0, "rb", buffering=0, closefd=False), open(output, "wb", buffering=0)
        self._write(token.encode())

    def receive(self) -> Frame:
        """@raises EOFError if the other side is gone."""
        head = json.loads(bytes(self._read(struct.unpack("<I", self._read(4))[0])))
        return decode(head, self._read(payload_bytes(head)))

    def send(self, frame: Frame) -> None:
        for part in frame.encode():
            self._write(part)

    def _write(self, part: "bytes | memoryview") -> None:
        view, done = memoryview(part), 0
        while done < len(view):
            done += self._output.write(view[done:]) or 0

    def _read(self, count: int) -> bytearray:
        buffer = bytearray(count)
        view, have = memoryview(buffer), 0
        while have < count:
            got = self._input.readinto(view[have:])
            if not got:
                raise EOFError("the program that started this rank is gone")
            have += got
        return buffer
