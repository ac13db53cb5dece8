"""The answer of a real API server, as it was recorded (`make test-kubernetes RECORD=1`)."""

from __future__ import annotations

from pathlib import Path

from tests.ingest.kubernetes.live.estate import assert_furnished
from tests.ingest.readings import found


def test_what_a_real_server_has_answered_is_read() -> None:
    path = Path(__file__).with_name("recorded.json")
    assert_furnished(found("kubernetes", cluster="prod", path=path).items)
