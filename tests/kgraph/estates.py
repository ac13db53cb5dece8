"""Small estates as topology documents, and a store that holds one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAD = "format: kgraph.topology/v1\nsource: cmdb\nscope: site:dc1\ncomplete: true\n"


def document(body: str) -> str:
    """Return a whole reading of `cmdb` with these entities and relations."""
    return HEAD + body


def ingested(run: Callable[..., Any], work: Path, body: str) -> Path:
    """Keep such a reading in the default store; return the folder of its `estate.yaml`."""
    (work / "estate.yaml").write_text(document(body), "utf-8")
    done = run("ingest", "topology", "estate.yaml")
    assert done.code == 0, done.err
    return work
