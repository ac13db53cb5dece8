"""What a Prometheus says becomes evidence; what it no longer sees is known no longer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingest.prometheus import Normalised, Origin, Standing, Vantage, unreachable
from ingest.prometheus.origin import LASTS
from kgraph.schema import Coverage, Item, Observation, Record, RelationRecord, State
from kgraph.signals import Outcome
from tests.ingest.prometheus.answers import (
    H1_TARGET,
    H2_TARGET,
    NOW,
    ORIGIN,
    alert,
    normalised,
    reading,
    rule,
    series,
    target,
)

BOTH = (series("web", "h1"), series("mail", "h2"))
SEEN = {"libvirt_domain_state_code": BOTH}
UP = "prometheus/up/libvirt"


def observed(found: Normalised | Iterable[Item]) -> dict[tuple[str, str, str], Observation]:
    """The observations by what they are about and who says so; what has expired is none."""
    items = found.items if isinstance(found, Normalised) else found
    rows = (item for item in items if isinstance(item, Observation))
    return {
        (row.entity, row.signal, row.detector): row
        for row in rows
        if row.expires_at is None or row.expires_at > NOW
    }


def withdrawn(found: Normalised | Iterable[Item]) -> set[tuple[str, str, str]]:
    """What is known no longer: rows that have expired when they are made, and coverage."""
    items = list(found.items if isinstance(found, Normalised) else found)
    rows = {
        (row.entity, row.signal, row.detector)
        for row in items
        if isinstance(row, Observation) and row.expires_at == NOW
    }
    return rows | {
        (row.entity, row.signal, row.detector)
        for row in items
        if isinstance(row, Coverage) and not row.fresh(NOW)
    }


def covered(found: Normalised) -> dict[tuple[str, str, str], Coverage]:
    rows = (item for item in found.items if isinstance(item, Coverage))
    return {(row.entity, row.signal, row.detector): row for row in rows if row.fresh(NOW)}


def watched(found: Normalised) -> set[tuple[str, str]]:
    return {
        (item.dependent, item.dependency)
        for item in found.items
        if isinstance(item, RelationRecord) and item.type == "WATCHED_BY"
    }


def abnormal(entity: str, signal: str, detector: str, minutes: float = 1) -> Observation:
    at = NOW - timedelta(minutes=minutes)
    return Observation(
        entity,
        signal,
        State.ABNORMAL,
        at=at,
        detector=detector,
        received_at=at,
        expires_at=NOW + LASTS,
    )


def reached(entity: str) -> Observation:
    """Return that a target was reached just now."""
    seen = abnormal(entity, "unreachable", UP, minutes=0)
    return replace(seen, state=State.HEALTHY)


# alerts


def test_a_firing_alert_is_abnormal_since_it_became_active() -> None:
    fires = rule("GuestPaused", "x", alert("GuestPaused", domain="web", host="h1"))
    row = observed(normalised(reading([], [fires])))["vm-web", "paused", "prometheus/GuestPaused"]
    assert (row.state, row.at, row.detail) == (
        State.ABNORMAL,
        NOW - timedelta(minutes=1),
        "it is so",
    )


def test_a_pending_alert_is_neither_evidence_nor_health() -> None:
    waits = rule(
        "GuestPaused",
        "libvirt_domain_state_code == 3",
        alert("GuestPaused", "pending", domain="web", host="h1"),
    )
    found = normalised(reading([target("h1"), target("h2")], [waits], SEEN))
    assert ("vm-web", "paused", "prometheus/GuestPaused") not in observed(found)
    assert set(covered(found)) == {("vm-mail", "paused", "prometheus/GuestPaused")}


def test_an_alert_that_names_nothing_known_is_told_with_how_to_mend_it() -> None:
    fires = rule("GuestPaused", "x", alert("GuestPaused", domain="ghost", host="h1"))
    found = normalised(reading([], [fires]))
    (told,) = found.translation.explanations
    assert told.outcome is Outcome.NOT_FOUND
    assert "sync its source" in told.mend
    assert found.translation.unmapped_share == 1.0
    assert any("1 alert (100%) found no entity" in finding for finding in found.findings)


# coverage


def test_a_rule_that_looks_and_is_silent_covers_what_its_series_name() -> None:
    found = covered(normalised(reading([target("h1"), target("h2")], [rule("GuestPaused")], SEEN)))
    assert set(found) == {
        ("vm-web", "paused", "prometheus/GuestPaused"),
        ("vm-mail", "paused", "prometheus/GuestPaused"),
    }


def test_coverage_lasts_three_evaluations_and_some() -> None:
    answers = reading([target("h1")], [rule("GuestPaused")], SEEN, interval=15)
    row = covered(normalised(answers))["vm-web", "paused", "prometheus/GuestPaused"]
    assert row.last_evaluated_at == NOW - timedelta(seconds=3)
    assert row.ttl == timedelta(seconds=3 * 15 + 30)


def test_ages_are_told_by_the_clock_of_prometheus_whatever_ours_says() -> None:
    answers = reading([target("h1")], [rule("GuestPaused")], SEEN)
    late = timedelta(hours=2)
    skewed = replace(
        answers,
        clock=answers.clock + late,
        rules=tuple(
            replace(r, evaluated_at=r.evaluated_at + late)
            for r in answers.rules
            if r.evaluated_at is not None
        ),
    )
    row = covered(normalised(skewed))["vm-web", "paused", "prometheus/GuestPaused"]
    assert row.last_evaluated_at == NOW - timedelta(seconds=3)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"health": "err", "lastError": "many-to-many matching"}, "many-to-many matching"),
        ({"health": "unknown", "lastEvaluation": "0001-01-01T00:00:00Z"}, "not evaluated yet"),
        ({"lastEvaluation": "2026-11-23T04:00:00Z"}, "last evaluated 300 s ago"),
    ],
)
def test_a_rule_that_fails_or_is_not_evaluated_covers_nothing_and_is_told(
    fields: dict[str, str], told: str
) -> None:
    found = normalised(reading([target("h1")], [rule("GuestPaused", **fields)], SEEN))
    assert covered(found) == {}
    assert any(told in finding for finding in found.findings)


@pytest.mark.parametrize("name", ["BackupFailed", "SomethingDown", "LibvirtDomainOdd", "Watchdog"])
def test_a_rule_of_which_it_is_unknown_what_and_of_whom_it_speaks_vouches_for_nothing(
    name: str,
) -> None:
    found = normalised(reading([target("h1"), target("h2")], [rule(name)], SEEN))
    assert covered(found) == {}


def test_an_annotation_says_better_than_the_expression_where_a_rule_looks() -> None:
    says = rule(
        "GuestDown", "absent_guest > 0", annotations={"kgraph_covers": "libvirt_domain_state_code"}
    )
    found = normalised(reading([target("h1"), target("h2")], [says], SEEN))
    assert {uid for uid, *_ in covered(found)} == {"vm-web", "vm-mail"}


def test_a_series_that_outlives_its_target_covers_nothing() -> None:
    answers = reading([target("h1", "down"), target("h2")], [rule("GuestPaused")], SEEN)
    assert {uid for uid, *_ in covered(normalised(answers))} == {"vm-mail"}


def test_a_guest_whose_series_is_gone_is_not_covered() -> None:
    left = {"libvirt_domain_state_code": [series("mail", "h2")]}
    found = normalised(reading([target("h1"), target("h2")], [rule("GuestPaused")], left))
    assert {uid for uid, *_ in covered(found)} == {"vm-mail"}


# what ends


def test_what_stops_firing_is_healthy_where_its_rule_still_looks() -> None:
    before = abnormal("vm-web", "paused", "prometheus/GuestPaused")
    answers = reading([target("h1"), target("h2")], [rule("GuestPaused")], SEEN)
    found = normalised(answers, [before])
    assert ("vm-web", "paused", "prometheus/GuestPaused") in withdrawn(found)
    assert ("vm-web", "paused", "prometheus/GuestPaused") in covered(found)


def test_what_stops_firing_because_nobody_looks_any_longer_is_unknown() -> None:
    before = abnormal("vm-web", "paused", "prometheus/GuestPaused")
    left = {"libvirt_domain_state_code": [series("mail", "h2")]}
    answers = reading([target("h1", "down"), target("h2")], [rule("GuestPaused")], left)
    found = normalised(answers, [before])
    assert ("vm-web", "paused", "prometheus/GuestPaused") in withdrawn(found)
    assert ("vm-web", "paused", "prometheus/GuestPaused") not in covered(found)


def test_coverage_that_is_not_renewed_is_withdrawn_at_once() -> None:
    before = Coverage(
        "vm-web", "paused", "prometheus/GuestPaused", NOW - timedelta(seconds=5), LASTS
    )
    other = replace(before, detector="libvirt/qemu:///system")
    found = normalised(reading([target("h1", "down")], [rule("GuestPaused")]), [], [before, other])
    assert withdrawn(found) == {("vm-web", "paused", "prometheus/GuestPaused")}


def test_what_another_prometheus_said_is_left_alone() -> None:
    east = Origin("http://east:9090", name="east", road="prometheus@east")
    before = [
        abnormal("vm-web", "paused", "prometheus@west/GuestPaused"),
        abnormal("vm-mail", "paused", "prometheus@east/GuestPaused"),
    ]
    found = normalised(reading([]), before, origin=east)
    assert withdrawn(found) == {("vm-mail", "paused", "prometheus@east/GuestPaused")}


def test_what_alertmanager_still_repeats_is_over_where_the_rule_has_looked_since() -> None:
    before = [
        abnormal("vm-web", "paused", "alertmanager/GuestPaused"),
        abnormal("vm-web", "down", "alertmanager/GuestDown"),
        abnormal("vm-mail", "paused", "alertmanager/GuestPaused", minutes=0),
    ]
    answers = reading([target("h1"), target("h2")], [rule("GuestPaused")], SEEN)
    assert withdrawn(normalised(answers, before)) == {
        ("vm-web", "paused", "alertmanager/GuestPaused")
    }


def test_that_an_alert_is_over_is_known_no_longer_once_its_rule_sees_nothing() -> None:
    """Or a guest that was repaired a moment ago would vouch for a host that has lost its power."""
    looked = Coverage("vm-web", "paused", "prometheus/GuestPaused", NOW, LASTS)
    over = Observation(
        "vm-web", "paused", State.HEALTHY, at=NOW, detector="alertmanager/GuestPaused"
    )
    seen = reading([target("h1"), target("h2")], [rule("GuestPaused")], SEEN)
    assert ("vm-web", "paused", over.detector) not in withdrawn(normalised(seen, [over], [looked]))
    blind = reading([target("h1", "down")], [rule("GuestPaused")])
    assert ("vm-web", "paused", over.detector) in withdrawn(normalised(blind, [over], [looked]))


# targets


def test_a_target_whose_address_is_none_loses_no_other() -> None:
    odd = target("h2", scrapeUrl="http://[no")
    found = normalised(reading([target("h1"), odd]))
    assert {H1_TARGET, H2_TARGET} <= {i.key for i in found.items if isinstance(i, Record)}


def test_a_target_is_a_probe_and_an_alias_but_never_a_machine() -> None:
    found = normalised(reading([target("h1"), target("h2", "down")]))
    records = {item.key: item for item in found.items if isinstance(item, Record)}
    assert {record.kind for record in records.values()} == {"Probe"}
    assert {record.name for record in records.values()} == {
        "Prometheus 127.0.0.1:9090",
        "libvirt exporter h1",
        "libvirt exporter h2",
    }
    assert watched(found) == {("host-1", H1_TARGET), ("host-2", H2_TARGET)}
    assert RelationRecord(H1_TARGET, "DEPENDS_ON", ORIGIN.key) in found.items


def test_a_silent_target_is_an_unreachable_machine_and_an_unreachable_probe() -> None:
    away = target("h2", "down", scrapeUrl="http://10.0.0.2:9171/metrics")
    rows = observed(normalised(reading([target("h1"), away])))
    assert rows["host-2", "unreachable", UP].state is State.ABNORMAL
    assert rows["host-2", "unreachable", UP].detail == "context deadline exceeded"
    assert rows[H2_TARGET, "unreachable", UP].state is State.ABNORMAL
    assert rows["host-1", "unreachable", UP].state is State.HEALTHY
    for signal in ("unreachable", "down", "hung"):
        assert rows[H1_TARGET, signal, UP].state is State.HEALTHY


def shown(rows: dict[Any, Observation], entity: str) -> dict[str, State]:
    return {signal: row.state for (uid, signal, _), row in rows.items() if uid == entity}


def test_a_refused_scrape_is_an_exporter_that_is_down_on_a_machine_that_answers() -> None:
    own = target(
        "h1", "down", scrapeUrl="http://10.0.0.1:9171/metrics", lastError="connection refused"
    )
    rows = observed(normalised(reading([own])))
    assert shown(rows, H1_TARGET) == {"down": State.ABNORMAL}
    assert shown(rows, "host-1") == {"unreachable": State.HEALTHY}


def test_whoever_asks_elsewhere_and_is_refused_says_nothing_good_of_the_machine() -> None:
    central = "http://10.0.0.9:{}/metrics"
    both = [
        target(host, "down", scrapeUrl=central.format(n), lastError="connection refused")
        for n, host in enumerate(("h1", "h2"), 1)
    ]
    rows = observed(normalised(reading(both)))
    assert shown(rows, "host-1") == {"unreachable": State.ABNORMAL}
    assert shown(rows, H1_TARGET) == {"down": State.ABNORMAL}


def test_a_scrape_that_runs_out_of_time_while_another_is_answered_is_an_exporter_that_hangs() -> (
    None
):
    url = "http://10.0.0.1:{}/metrics"
    late = target("h1", "down", scrapeUrl=url.format(9171))
    other = target("h1", job="node", instance="10.0.0.1:9100", scrapeUrl=url.format(9100))
    alone, beside = (observed(normalised(reading(rows))) for rows in ([late], [late, other]))
    assert shown(alone, H1_TARGET) == {"unreachable": State.ABNORMAL}
    assert shown(beside, H1_TARGET) == {"hung": State.ABNORMAL}


def test_a_target_that_just_missed_a_scrape_is_no_sign_of_anything() -> None:
    answers = reading([target("h1", "down")], [rule("GuestPaused")])
    blinking = replace(answers, targets=tuple(replace(t, blinks=True) for t in answers.targets))
    found = normalised(blinking)
    assert set(observed(found)) == {(ORIGIN.key, "unreachable", ORIGIN.reach)}
    assert covered(found) == {}


def homes(*targets: dict[str, Any]) -> set[tuple[str, str]]:
    """Return which target runs on which machine."""
    items = normalised(reading(list(targets))).items
    rows = [row for row in items if isinstance(row, RelationRecord) and row.type == "RUNS_ON"]
    return {(row.dependent, row.dependency) for row in rows}


def test_an_exporter_runs_on_the_machine_whose_address_it_has() -> None:
    own = target("h1", scrapeUrl="http://10.0.0.1:9171/metrics")
    assert homes(own) == {(H1_TARGET, "host-1")}


def test_an_exporter_on_a_loopback_or_for_several_machines_runs_nowhere_known() -> None:
    for here in ("127.0.0.1", "localhost.localdomain"):
        assert homes(target("h1", scrapeUrl=f"http://{here}:9171/metrics")) == set()
    central = "http://10.0.0.9:{}/metrics"
    both = [target(host, scrapeUrl=central.format(n)) for n, host in enumerate(("h1", "h2"), 1)]
    assert homes(*both) == set()


def test_a_target_that_stays_silent_is_so_since_it_began() -> None:
    before = [
        abnormal("host-2", "unreachable", UP, minutes=7),
        abnormal("probe-2", "unreachable", UP, minutes=7),
    ]
    found = normalised(reading([target("h2", "down")]), before, spelled={"probe-2": H2_TARGET})
    rows = observed(found)
    assert rows["host-2", "unreachable", UP].at == NOW - timedelta(minutes=7)
    assert rows[H2_TARGET, "unreachable", UP].at == NOW - timedelta(minutes=7)
    assert withdrawn(found) == set()


def test_a_target_that_answers_again_is_healthy() -> None:
    before = [abnormal("host-2", "unreachable", UP, minutes=7)]
    row = observed(normalised(reading([target("h2")]), before))["host-2", "unreachable", UP]
    assert (row.state, row.at) == (State.HEALTHY, NOW - timedelta(seconds=2))


def test_a_target_that_was_not_scraped_yet_says_nothing() -> None:
    rows = observed(normalised(reading([target("h1", "unknown")])))
    assert set(rows) == {(ORIGIN.key, "unreachable", ORIGIN.reach)}


def test_a_target_that_is_scraped_no_longer_vouches_for_nothing() -> None:
    before = reached("host-2")
    assert withdrawn(normalised(reading([]), [before])) == {("host-2", "unreachable", UP)}


def test_an_exporter_that_asks_others_says_nothing_of_them_by_its_own_up() -> None:
    url = "http://127.0.0.1:9115/probe?module=icmp&target=h1"
    asks = target("h1", "down", job="blackbox", instance="h1", scrapeUrl=url)
    found = normalised(reading([asks]))
    key = "target:http://127.0.0.1:9090 blackbox h1"
    assert set(observed(found)) == {
        (ORIGIN.key, "unreachable", ORIGIN.reach),
        (key, "unreachable", "prometheus/up/blackbox"),
    }
    assert watched(found) == {("host-1", key)}
    records = {item.key: item for item in found.items if isinstance(item, Record)}
    assert records[key].name == "blackbox probe h1"
    assert records[key].props["scrapeAddress"] == "http://127.0.0.1:9115/probe"


def test_a_guests_own_exporter_is_that_guest_though_it_carries_its_hosts_label() -> None:
    inside = target("h1", job="node", instance="10.0.0.7:9100")
    assert ("vm-web", "unreachable", "prometheus/up/node") in observed(
        normalised(reading([inside]))
    )


def test_a_target_that_names_nothing_known_is_told_with_how_to_mend_it() -> None:
    stray = target("h1", job="etcd", instance="10.9.9.9:2379")
    stray["labels"].pop("host")
    found = normalised(reading([stray]))
    (told,) = found.targets()
    assert (told.outcome, told.alert) == (Outcome.NOT_FOUND, "target etcd 10.9.9.9:2379")
    assert "label host" in told.mend
    assert any("1 target without an entity: " in finding for finding in found.findings)
    assert {item.kind for item in found.items if isinstance(item, Record)} == {"Probe"}


# who is watched through whom


def test_guests_are_watched_by_the_target_that_their_series_come_from() -> None:
    answers = reading([target("h1"), target("h2")], [rule("GuestPaused")], SEEN)
    assert watched(normalised(answers)) == {
        ("host-1", H1_TARGET),
        ("host-2", H2_TARGET),
        ("vm-web", H1_TARGET),
        ("vm-mail", H2_TARGET),
    }


def test_a_guest_stays_watched_while_its_series_are_gone() -> None:
    answers = reading([target("h1", "down"), target("h2")], [rule("GuestPaused")])
    found = normalised(answers, watched=[("vm-web", H1_TARGET), ("vm-mail", H2_TARGET)])
    assert {("vm-web", H1_TARGET), ("vm-mail", H2_TARGET)} <= watched(found)


def test_a_guest_that_another_target_of_the_job_shows_has_moved() -> None:
    moved = {"libvirt_domain_state_code": [series("web", "h2")]}
    answers = reading([target("h1"), target("h2")], [rule("GuestPaused")], moved)
    found = normalised(answers, watched=[("vm-web", H1_TARGET)])
    assert ("vm-web", H2_TARGET) in watched(found)
    assert ("vm-web", H1_TARGET) not in watched(found)


def test_nobody_is_watched_by_a_target_that_is_scraped_no_longer() -> None:
    found = normalised(reading([target("h2")]), watched=[("vm-web", H1_TARGET)])
    assert watched(found) == {("host-2", H2_TARGET)}


# alerts that fire because their target fell silent


def test_alerts_behind_a_silent_target_are_no_evidence_of_their_own() -> None:
    name = "GuestDown"
    fires = rule(
        name,
        "max_over_time(libvirt_domain_state_code[1m]) unless libvirt_domain_state_code < 5",
        alert(name, **series("web", "h1")),
        alert(name, **series("mail", "h2")),
    )
    left = {"libvirt_domain_state_code": [series("mail", "h2")]}
    before = [
        abnormal("vm-web", "down", "prometheus/GuestDown"),
        abnormal("vm-web", "down", "alertmanager/GuestDown"),
    ]
    found = normalised(reading([target("h1", "down"), target("h2")], [fires], left), before)
    downs = {uid for uid, signal, _ in observed(found) if signal == "down"}
    assert "vm-mail" in downs
    assert "vm-web" not in downs
    assert {
        ("vm-web", "down", "prometheus/GuestDown"),
        ("vm-web", "down", "alertmanager/GuestDown"),
    } <= withdrawn(found)
    outcomes = {row.alert + row.entities[0].name: row for row in found.translation.explanations}
    assert outcomes["GuestDownweb"].outcome is Outcome.BLIND
    assert "127.0.0.1:9171 does not answer" in outcomes["GuestDownweb"].mend
    assert outcomes["GuestDownmail"].outcome is Outcome.MAPPED


def test_an_alert_on_the_silence_itself_is_no_second_witness_of_it() -> None:
    fires = rule(
        "HypervisorDown",
        'up{job="libvirt"} == 0',
        alert("HypervisorDown", host="h1", instance="127.0.0.1:9171", job="libvirt"),
    )
    rows = observed(normalised(reading([target("h1", "down")], [fires])))
    assert [d for uid, _, d in rows if uid == "host-1"] == [UP]


def test_a_sum_over_a_guest_is_blind_when_all_that_could_show_it_is_down() -> None:
    name = "GuestDown"
    fires = rule(name, "sum by (domain, host) (x) == 0", alert(name, domain="web", host="h1"))
    silent = normalised(reading([target("h1", "down"), target("h2")], [fires]))
    assert ("vm-web", "down", "prometheus/GuestDown") not in observed(silent)
    other = target("h1", "up", job="node", instance="h1:9100")
    half = normalised(reading([target("h1", "down"), other], [fires]))
    assert ("vm-web", "down", "prometheus/GuestDown") in observed(half)


def test_absence_of_a_whole_job_is_blind_only_when_all_of_it_is_down() -> None:
    name = "GuestDown"
    fires = rule(name, 'absent(x{job="libvirt"})', alert(name, job="libvirt", domain="web"))
    all_down = [target("h1", "down"), target("h2", "down")]
    assert ("vm-web", "down", "prometheus/GuestDown") not in observed(
        normalised(reading(all_down, [fires]))
    )
    one_up = [target("h1", "down"), target("h2")]
    assert ("vm-web", "down", "prometheus/GuestDown") in observed(
        normalised(reading(one_up, [fires]))
    )


# the Prometheus itself


def test_a_vantage_point_tells_how_much_it_watches_and_how_much_is_silent() -> None:
    found = normalised(reading([target("h1", "down"), target("h2"), target("h1", "unknown")]))
    assert found.vantage == Vantage("Prometheus 127.0.0.1:9090", 2, 1)
    assert tuple(found.vantage) == ("Prometheus 127.0.0.1:9090", 2, 1)


def test_a_prometheus_that_does_not_answer_is_unreachable_and_vouches_for_nothing() -> None:
    well = reached("host-1")
    looks = Coverage("vm-web", "paused", "prometheus/GuestPaused", NOW, LASTS)
    wrong = abnormal("vm-mail", "paused", "prometheus/GuestPaused")
    standing = Standing.of([well, wrong], [looks], {})
    snapshot = unreachable(ORIGIN, standing, NOW, "connection refused")
    assert not snapshot.complete
    items = list(snapshot.items)
    assert [item.name for item in items if isinstance(item, Record)] == [ORIGIN.title]
    assert withdrawn(items) == {
        ("host-1", "unreachable", UP),
        ("vm-web", "paused", "prometheus/GuestPaused"),
    }
    (row,) = observed(items).values()
    assert (row.entity, row.signal, row.state) == (ORIGIN.key, "unreachable", State.ABNORMAL)


@pytest.mark.parametrize("minutes", [None, 1, 5])
def test_targets_are_gone_only_when_a_prometheus_has_had_time_to_find_them(
    minutes: int | None,
) -> None:
    started_at = None if minutes is None else NOW - timedelta(minutes=minutes)
    answers = replace(reading([target("h1")]), started_at=started_at)
    assert normalised(answers).snapshot(ORIGIN).complete is (minutes != 1)
    assert not normalised(replace(answers, targets=())).snapshot(ORIGIN).complete
