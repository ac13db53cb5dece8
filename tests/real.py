"""Real systems in tests: what they need of this machine, and waiting for them."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

from tests.lab.lab.processes import wait_for as until
from tools.ports import free_port

__all__ = ["PATH", "absent", "free_port", "lacking", "need", "until"]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def lacking(*tools: str) -> list[str]:
    """Return which of these programs are not installed."""
    return [tool for tool in tools if shutil.which(tool, path=PATH) is None]


def need(*tools: str, root: bool = False) -> None:
    """Go on only where Debian's packages of these programs are, and root where it is asked for."""
    missing = lacking(*tools)
    if root and os.geteuid() != 0:
        missing.append("root")
    if missing:
        absent(f"{', '.join(missing)} is missing: run 'make test-deps'")


def absent(line: str) -> NoReturn:
    """Skip the test with a line that says what is missing and how to get it; fail it under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
