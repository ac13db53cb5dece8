import io
import json
from collections import Counter
from typing import Any

from ingest.topology import read
from kgraph.schema import KINDS, Item, Record, RelationRecord, unusual
from kgraph.simulation import demo_estate_file, demo_storm_file

ROOT_CAUSE = "nbd1"


def demo_estate() -> list[Item]:
    """Return what `kgraph demo` reads."""
    return list(read(io.BytesIO(demo_estate_file().read_bytes())).items)


def demo_storm() -> dict[str, Any]:
    """Return what is posted then."""
    payload: dict[str, Any] = json.loads(demo_storm_file().read_bytes())
    return payload


def test_the_demo_estate_is_sound() -> None:
    items = demo_estate()
    kinds = {item.key: item.kind for item in items if isinstance(item, Record)}
    groups = Counter(
        (i.dependent, i.group) for i in items if isinstance(i, RelationRecord) and i.group
    )

    assert 60 <= len(kinds) <= 90
    assert set(kinds.values()) <= set(KINDS)
    for item in items:
        if isinstance(item, RelationRecord):
            assert not unusual(item.type, kinds[item.dependent], kinds[item.dependency]), item
            assert item.group is None or (item.need or 1) <= groups[item.dependent, item.group]


def test_the_storm_never_names_its_root_cause() -> None:
    said = str(demo_storm())

    assert ROOT_CAUSE in {i.key for i in demo_estate() if isinstance(i, Record)}
    assert "nbd" not in said


def test_the_paused_guests_are_all_on_the_dead_export_and_on_several_hosts() -> None:
    paused = [
        a["labels"] for a in demo_storm()["alerts"] if a["labels"]["alertname"] == "GuestPaused"
    ]
    lost = {
        item.dependent
        for item in demo_estate()
        if isinstance(item, RelationRecord) and item.dependency == ROOT_CAUSE
    }
    hosts = {
        (item.dependent, item.dependency)
        for item in demo_estate()
        if isinstance(item, RelationRecord) and item.type == "RUNS_ON"
    }

    assert {labels["domain"] for labels in paused} < lost
    assert len({labels["host"] for labels in paused}) >= 5
    assert all((labels["domain"], labels["host"]) in hosts for labels in paused)


def test_the_storm_is_a_payload_of_about_forty_alerts_with_noise_and_resolved_ones() -> None:
    payload = demo_storm()
    alerts = payload["alerts"]

    assert payload["version"] == "4"
    assert 35 <= len(alerts) <= 45
    assert {alert["status"] for alert in alerts} == {"firing", "resolved"}
    assert len({alert["fingerprint"] for alert in alerts}) == len(alerts)
    assert not any(a["labels"]["alertname"] in {"HostDown", "NodeDown"} for a in alerts)
