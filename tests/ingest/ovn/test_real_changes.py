"""Real OVN databases tell of a port that is new, disabled, or bound elsewhere; no root."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from ingest import catalogue
from tests.ingest.ovs.servers import ovsdb
from tests.real import PATH, need

pytestmark = pytest.mark.sources

_SCHEMAS = {"nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema"}
PATIENCE = 20.0


@pytest.fixture
def ovn(tmp_path: Path) -> Iterator[dict[str, str]]:
    need("ovn-nbctl", "ovn-sbctl")
    with ovsdb(tmp_path, _SCHEMAS["nb"], "nb") as nb, ovsdb(tmp_path, _SCHEMAS["sb"], "sb") as sb:
        yield {"nb": nb, "sb": sb}


def _run(tool: str, db: str, *words: str) -> None:
    command = [tool, f"--db={db}", "--timeout=20", *words]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": PATH})


def _until_told(told: SimpleQueue[None], change: Callable[[int], None]) -> None:
    """Make changes until one is told of: who listens may not be there yet at the first."""
    for number in range(20):
        change(number)
        try:
            told.get(timeout=PATIENCE / 20)
        except Empty:
            continue
        return
    pytest.fail(f"not told within {PATIENCE:g} s")


def test_both_databases_tell_when_it_is_time_to_read(ovn: dict[str, str]) -> None:
    source = catalogue.declared("ovn")
    assert source.listen is not None
    told: SimpleQueue[None] = SimpleQueue()
    _run("ovn-nbctl", ovn["nb"], "ls-add", "s0")
    entry = source.entry.model_validate({"type": "ovn", **ovn})
    listening = source.listen(entry, lambda: told.put(None))
    try:
        _until_told(told, lambda n: _run("ovn-nbctl", ovn["nb"], "lsp-add", "s0", f"p{n}"))
        _run("ovn-sbctl", ovn["sb"], "chassis-add", "h1", "geneve", "10.0.0.1")
        _until_told(
            told,
            lambda n: _run(
                "ovn-sbctl", ovn["sb"],
                "--id=@d", "create", "Datapath_Binding", f"tunnel_key={n + 1}",
                "--", "create", "Port_Binding", f"logical_port=p{n}", "datapath=@d",
                f"tunnel_key={n + 1}",
            ),
        )  # fmt: skip
    finally:
        listening.stop()
