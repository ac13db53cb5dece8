"""A name that is nearly one in the graph is told with the one that was meant."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.app.lookup import entity
from kgraph.schema import InputError, Record
from kgraph.store import open_store


@pytest.mark.parametrize("typed", ["ham-hv22", "ham-hv2.exmaple.net", "Host/ham-hv22"])
def test_a_host_is_meant_with_its_domain_or_without(tmp_path: Path, typed: str) -> None:
    with closing(open_store(tmp_path / "kgraph.db")) as store:
        with store.sync("cmdb", "", complete=True, at=datetime(2026, 11, 29, tzinfo=UTC)) as run:
            run.stage([Record(name, "Host", name) for name in ("ham-hv2.example.net", "db-1")])
            run.commit()
        with pytest.raises(InputError, match=r"did you mean ham-hv2\.example\.net\?"):
            entity(store, typed)
