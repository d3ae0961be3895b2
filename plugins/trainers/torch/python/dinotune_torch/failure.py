"""A rank's last words: one line on standard error with its reason, for the program that started it."""

import json
import os
import sys
import traceback
from typing import NoReturn

MARK = "DINOTUNE_ERROR "

# Words in the messages of collectives whose other side is gone: this rank is the victim and another one the cause.
COLLECTIVE = ("connection closed by peer", "connection reset", "broken pipe", "gloo", "nccl", "timed out waiting", "socket")


class Refused(Exception):
    """A request that every rank refuses alike; the process goes on. The message is for the person who runs the training."""


class Unusable(Exception):
    """This machine lacks something: the message says what, and what to do."""


def kind_of(error: BaseException) -> str:
    """`setup`, `memory`, `collective` or `other`."""
    if isinstance(error, (Unusable, ImportError)):
        return "setup"
    text = f"{type(error).__name__}: {error}".lower()
    if isinstance(error, MemoryError) or "outofmemory" in text or "out of memory" in text or "can't allocate" in text:
        return "memory"
    if isinstance(error, (RuntimeError, ConnectionError, OSError)) and any(word in text for word in COLLECTIVE):
        return "collective"
    return "other"


def end_with(error: BaseException, rank: int) -> NoReturn:
    """Writes the line and ends this process at once: a rank that unwinds in its own time may wait for the others."""
    text = str(error) or type(error).__name__
    line = {
        "rank": rank,
        "kind": kind_of(error),
        "message": text if isinstance(error, (Refused, Unusable)) else f"{type(error).__name__}: {text}",
        "trace": "".join(traceback.format_exception(error))[-4000:],
    }
    sys.stderr.write("\n" + MARK + json.dumps(line) + "\n")
    sys.stderr.flush()
    os._exit(1)
