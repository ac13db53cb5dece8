"""Real Prometheus, Alertmanager and exporters on loopback, started once; guests are invented."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.stack import TOOLS, Stack

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def need(*tools: str) -> None:
    """Skip with a line where a Debian package is missing; fail under CI."""
    lacking = [tool for tool in tools if shutil.which(tool, path=_PATH) is None]
    if not lacking:
        return
    line = f"the real monitoring lacks {', '.join(lacking)}; run 'make test-deps'"
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@pytest.fixture(scope="session")
def promtool() -> str:
    need("promtool", "amtool")
    return "promtool"


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    need(*TOOLS)
    stack = Stack(tmp_path_factory.mktemp("monitoring"))
    try:
        stack.start()
        yield stack
    finally:
        stack.close()


@pytest.fixture
def stack(running_stack: Stack) -> Stack:
    """Two hosts with two guests each; all is well, and no alert fires."""
    running_stack.heal()
    return running_stack


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """The estate behind the stack, as a document, beside a configuration that reads both."""
    path = tmp_path / "estate.yaml"
    path.write_text(ESTATE)
    return path


ESTATE = """\
format: kgraph.topology/v1
source: cmdb
scope: all
complete: true
entities:
  - {id: h1, kind: Host, name: h1}
  - {id: h2, kind: Host, name: h2}
  - {id: web, kind: VirtualMachine, name: web}
  - {id: shop, kind: VirtualMachine, name: shop}
  - {id: mail, kind: VirtualMachine, name: mail}
  - {id: wiki, kind: VirtualMachine, name: wiki}
relations:
  - {from: web, type: RUNS_ON, to: h1}
  - {from: shop, type: RUNS_ON, to: h1}
  - {from: mail, type: RUNS_ON, to: h2}
  - {from: wiki, type: RUNS_ON, to: h2}
"""
