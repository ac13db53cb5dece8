"""Real systems in tests of sources: what they need of this machine, and waiting for them."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.lab.lab.processes import wait_for as until
from tools.ports import free_port

__all__ = ["PATH", "free_port", "need", "until"]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


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
