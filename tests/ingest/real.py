"""Real systems in tests of sources: what they need of this machine, and waiting for them."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_T = TypeVar("_T")


def need(*tools: str, root: bool = False) -> None:
    """Skip with a line where a Debian package or root is missing; fail under CI."""
    lacking = [tool for tool in tools if shutil.which(tool, path=PATH) is None]
    if root and os.geteuid() != 0:
        lacking.append("root")
    if not lacking:
        return
    line = f"a real source lacks {', '.join(lacking)}; run 'make test-deps'"
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def until(what: str, look: Callable[[], _T | None], seconds: float = 20) -> _T:
    """Return the first thing that is there; fail with what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:g} s for {what}")
