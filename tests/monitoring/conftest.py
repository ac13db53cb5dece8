"""Real Prometheus, Alertmanager and exporters on loopback, started once; guests are invented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.stack import TOOLS, Stack
from tests.real import need


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
