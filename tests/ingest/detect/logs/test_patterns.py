"""A line that says outright what is wrong finds its entity as an alert does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.detect.logs import Patterns, text_lines
from kgraph.schema import Entity, Key, Observation, Relation, Subgraph
from kgraph.signals import EstateIndex, lint, load_packs, translate_reports

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
_HOSTS = [Entity(h, "Host", h, (Key("hostname", h),)) for h in ("h1", "h2")]
_NICS = [Entity(f"{h}-eth0", "Nic", "eth0", (Key("name", f"{h}/eth0"),)) for h in ("h1", "h2")]
INDEX = EstateIndex.of(
    Subgraph(
        (*_HOSTS, *_NICS, Entity("p1", "StoragePool", "pool-a")),
        (Relation("h1", "USES", "h1-eth0"), Relation("h2", "USES", "h2-eth0")),
    )
)


def _seen(*lines: str, mappings: tuple[Path, ...] = ()) -> list[Observation]:
    packs = load_packs(mappings)
    read = text_lines([line.encode() for line in lines], NOW)
    reports = Patterns.of(packs).reports(read.lines, "detect/log_line/x", NOW)
    return list(translate_reports(reports, INDEX, packs, received_at=NOW).observations)


def _said(*lines: str, mappings: tuple[Path, ...] = ()) -> list[tuple[str, str, bool]]:
    return [(o.entity, o.signal, o.abnormal) for o in _seen(*lines, mappings=mappings)]


def test_a_link_that_went_down_is_that_interface_of_that_host() -> None:
    at = "2026-11-28T09:58:00+00:00"
    assert _said(f"{at} h2 kernel: igb: eth0: NIC Link is Down") == [("h2-eth0", "down", True)]
    (seen,) = _seen(f"{at} h1 net[3]: Interface eth0 is down")
    assert (seen.entity, seen.at) == ("h1-eth0", NOW - timedelta(minutes=2))


def test_a_line_that_says_that_it_is_over_ends_it() -> None:
    down = "2026-11-28T09:58:00+00:00 h1 kernel: eth0: Link is Down"
    up = "2026-11-28T09:59:00+00:00 h1 kernel: eth0: Link is Up - 1Gbps"
    assert _said(down, up) == [("h1-eth0", "down", False)]
    assert _said(up, down) == [("h1-eth0", "down", True)]


def test_a_line_without_a_name_speaks_of_its_host() -> None:
    at = "2026-11-28T09:59:00+00:00"
    killed = f"{at} h1 kernel: Out of memory: Killed process 7 (java)"
    assert _said(killed) == [("h1", "memory", True)]
    assert _said(f"{at} h1 app: write failed: No space left on device") == [("h1", "full", True)]


def test_a_site_adds_its_own_patterns_with_captures(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "format: kgraph.mapping/v1\nentries:\n"
        "  - {alert: LogLine, text: 'pool (?P<name>\\S+) is out of room',\n"
        "     kind: StoragePool, signal: full}\n"
    )
    line = "2026-11-28T09:59:00+00:00 h1 stor: pool pool-a is out of room"
    assert _said(line, mappings=(tmp_path,)) == [("p1", "full", True)]


def test_old_lines_and_lines_that_no_pattern_knows_say_nothing() -> None:
    assert _said("2026-11-28T08:00:00+00:00 h1 kernel: eth0: Link is Down") == []
    assert _said("2026-11-28T09:59:00+00:00 h1 app: all is well") == []


def test_the_shipped_patterns_have_no_defects() -> None:
    assert [line for line in lint(load_packs().entries) if "logs.yaml" in line] == []
