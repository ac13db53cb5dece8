"""From alerts to evidence: what each becomes, why, and how to mend what was lost."""

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ingest.alertmanager import AlertBatch, ReceivedAlert, translate
from ingest.alertmanager.translate import STANDS
from kgraph.schema import Direction, Entity, State, Subgraph
from kgraph.signals import EstateIndex, Outcome, Translation, load_packs
from tests.kgraph.signals.estates import WEB_UUID, index_of

NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
END = datetime(2026, 11, 23, 4, 4, tzinfo=UTC)
PACKS = load_packs()
INDEX = index_of()


def firing(name: str, /, **labels: str) -> ReceivedAlert:
    said = {"alertname": name, **labels}
    return ReceivedAlert(said, {"summary": "it is so"}, True, START, None, repr(said))  # noqa: FBT003


def resolved(name: str, /, **labels: str) -> ReceivedAlert:
    said = {"alertname": name, **labels}
    return ReceivedAlert(said, {}, False, START, END, repr(said))  # noqa: FBT003


def translated(*alerts: ReceivedAlert, truncated: int = 0) -> Translation:
    return translate(AlertBatch(alerts, NOW, truncated), INDEX, PACKS)


def test_a_guest_of_the_lab_that_is_gone_is_down() -> None:
    labels = {"domain": "web", "host": "h1", "instance": "127.0.0.1:9177", "job": "libvirt"}
    found = translated(firing("GuestDown", **labels))
    (seen,) = found.observations
    assert (seen.entity, seen.signal, seen.state) == ("vm-web-1", "down", State.ABNORMAL)
    assert (seen.at, seen.received_at) == (START, NOW)
    assert seen.detector == "alertmanager/GuestDown"
    assert seen.detail == "it is so"
    (told,) = found.explanations
    assert (told.outcome, told.resolver) == (Outcome.MAPPED, "guest and host")
    assert told.mapping == "kgraph.yaml: entries[0]"
    assert [entity.name for entity in told.entities] == ["web"]


def test_a_hypervisor_of_the_lab_that_does_not_answer_is_unreachable() -> None:
    (seen,) = translated(
        firing("HypervisorDown", host="h2", instance="127.0.0.1:9177", job="libvirt")
    ).observations
    assert (seen.entity, seen.signal) == ("host-2", "unreachable")


def test_a_resolved_alert_is_healthy_at_its_end() -> None:
    (seen,) = translated(resolved("GuestDown", uuid=WEB_UUID)).observations
    assert (seen.entity, seen.state, seen.at) == ("vm-web-1", State.HEALTHY, END)


def test_a_resolved_alert_takes_back_the_very_row_that_it_made() -> None:
    fired, gone = (
        translated(make("ServiceErrors", service="web", caller="mail")).observations[0]
        for make in (firing, resolved)
    )
    assert fired.direction is gone.direction is Direction.UP
    assert (fired.entity, fired.signal, fired.detector, fired.caller) == (
        gone.entity,
        gone.signal,
        gone.detector,
        gone.caller,
    )
    assert fired.caller == "vm-mail"


def test_health_is_not_claimed_while_another_alert_of_that_name_fires() -> None:
    name, host = "NodeFilesystemAlmostOutOfSpace", "h3:9100"
    found = translated(
        resolved(name, instance=host, mountpoint="/home"),
        firing(name, instance=host, mountpoint="/var"),
        resolved(name, instance="h1:9100", mountpoint="/home"),
    )
    assert [(seen.entity, seen.state) for seen in found.observations] == [
        ("host-3", State.ABNORMAL),
        ("host-1", State.HEALTHY),
    ]
    assert [told.outcome for told in found.explanations] == [Outcome.MAPPED] * 3


def test_a_silenced_alert_is_evidence_all_the_same() -> None:
    alert = firing("HostDown", host="h3")
    silenced = ReceivedAlert(
        alert.labels, alert.annotations, alert.firing, START, None, "fp", "silenced"
    )
    (seen,) = translated(silenced).observations
    assert seen.abnormal
    assert seen.detail == "it is so (silenced)"


def test_an_alert_stands_until_its_end_or_until_it_would_have_been_repeated() -> None:
    end = NOW + timedelta(minutes=4)
    labels = {"alertname": "HostDown", "host": "h3"}
    known = ReceivedAlert(labels, {}, True, START, end, "a")  # noqa: FBT003
    unknown = ReceivedAlert({**labels, "host": "h2"}, {}, True, START, None, "b")  # noqa: FBT003
    assert [seen.expires_at for seen in translated(known, unknown).observations] == [
        end,
        NOW + STANDS,
    ]


def test_without_times_an_alert_is_dated_when_it_came() -> None:
    undated = ReceivedAlert({"alertname": "HostDown", "host": "h3"}, {}, True, None, None, "a")  # noqa: FBT003
    assert translated(undated).observations[0].at == NOW


@pytest.mark.parametrize("labels", [{"alertname": "Watchdog"}, {"severity": "none"}])
def test_what_is_no_evidence_is_ignored_and_not_counted_as_lost(labels: dict[str, str]) -> None:
    alert = ReceivedAlert({"host": "h3", **labels}, {}, True, START, None, "a")  # noqa: FBT003
    found = translated(alert)
    assert found.observations == ()
    assert found.explanations[0].outcome is Outcome.IGNORED
    assert found.explanations[0].mend
    assert found.unmapped_share == 0


def test_a_signal_that_nothing_knows_is_told_beside_the_alert(tmp_path: Path) -> None:
    entry = "{alert: HostSad, kind: Host, signal: unreachabel, name: [host]}"
    (tmp_path / "own.yaml").write_text(f"format: kgraph.mapping/v1\nentries: [{entry}]\n")
    batch = AlertBatch((firing("HostSad", host="h3"),), NOW)
    (told,) = translate(batch, INDEX, load_packs([tmp_path])).explanations
    assert told.outcome is Outcome.MAPPED
    assert told.mend == "signal 'unreachabel' is not published; did you mean unreachable?"
    (known,) = translated(firing("HostDown", host="h3")).explanations
    assert known.mend == ""


def test_an_ambiguous_alert_is_never_guessed() -> None:
    found = translated(firing("GuestDown", domain="web"))
    assert found.observations == ()
    (told,) = found.explanations
    assert told.outcome is Outcome.AMBIGUOUS
    assert [entity.uid for entity in told.entities] == ["vm-web-1", "vm-web-2"]
    assert "kgraph_entity" in told.mend


def test_an_alert_about_something_unknown_says_what_was_looked_up() -> None:
    (told,) = translated(firing("GuestDown", domain="gone", host="h1")).explanations
    assert told.outcome is Outcome.NOT_FOUND
    assert told.tried == ("domain=gone", "host=h1")
    assert told.mend.startswith("no VirtualMachine answers to it")


def test_an_alert_that_names_nothing_says_which_labels_it_has() -> None:
    (told,) = translated(firing("Custom", team="blue")).explanations
    assert told.outcome is Outcome.NOT_FOUND
    assert "(labels: alertname, team)" in told.mend


def test_an_alert_without_the_label_that_its_entry_asks_for_says_which_it_is() -> None:
    (told,) = translated(firing("StoragePoolFull", team="blue")).explanations
    assert told.outcome is Outcome.NOT_FOUND
    assert "asks for the label pool" in told.mend
    assert "(labels: alertname, team)" in told.mend


def test_an_alert_that_no_entry_knows_is_an_anomaly_of_what_it_names() -> None:
    found = translated(firing("QuuxFrobnicated", instance="h3:9100"))
    assert [(seen.entity, seen.signal) for seen in found.observations] == [("host-3", "anomaly")]
    assert found.explanations[0].mapping == "no entry: counts as anomaly"


def test_an_alert_without_a_name_is_still_evidence() -> None:
    alert = ReceivedAlert({"instance": "h3"}, {}, True, START, None, "a")  # noqa: FBT003
    assert translated(alert).observations[0].detector == "alertmanager/unnamed"


def test_the_unmapped_share_counts_what_was_lost_of_what_is_evidence() -> None:
    found = translated(
        firing("GuestDown", domain="web"),
        firing("GuestDown", domain="gone"),
        firing("GuestDown", domain="mail"),
        firing("HostDown", host="h3"),
        firing("Watchdog"),
    )
    assert found.unmapped_share == 0.5
    assert translated().unmapped_share == 0


def test_what_the_sender_left_out_is_passed_on() -> None:
    assert translated(truncated=17).truncated == 17


def _calls(count: int) -> int:
    """Count the calls that a storm of so many alerts on as many hosts takes."""
    hosts = tuple(Entity(f"u{i}", "Host", f"n{i}.dc1") for i in range(count))
    index = EstateIndex.of(Subgraph(hosts, ()))
    alerts = tuple(firing("HostDown", instance=f"n{i}:9100") for i in range(count))
    calls = Counter[str]()

    def watch(_frame: FrameType, event: str, _argument: Any) -> None:
        calls[event] += 1

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        found = translate(AlertBatch(alerts, NOW), index, PACKS)
    finally:
        sys.setprofile(before)
    assert len(found.observations) == count
    return calls["call"] + calls["c_call"]


def test_ten_times_the_alerts_take_ten_times_the_work() -> None:
    few = _calls(100)  # before the many: what is remembered of these must not help those
    assert _calls(1000) < 11 * few


def test_ten_thousand_alerts_each_become_evidence() -> None:
    hosts = tuple(Entity(f"u{i}", "Host", f"n{i}") for i in range(10_000))
    alerts = tuple(firing("HostDown", instance=f"n{i}:9100") for i in range(10_000))
    index = EstateIndex.of(Subgraph(hosts, ()))
    found = translate(AlertBatch(alerts, NOW), index, PACKS)
    assert len({seen.entity for seen in found.observations}) == 10_000
