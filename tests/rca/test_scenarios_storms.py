"""What the shipped rules must be able to say; numbers as in the scenario list, from 22 on."""

from __future__ import annotations

import pytest

from tests.rca.asking import HOST_OF_25, Ask, chance, first


def test_22_alarms_of_25_guests_without_one_of_their_host_name_the_host(ask: Ask) -> None:
    answer = ask(f"{HOST_OF_25}\n v* abnormal: down")
    assert first(answer) == ("h1", "down")
    assert answer.causes[0].posterior > 0.95


def test_23_the_loss_of_one_feed_of_two_hits_nothing_and_is_told_as_lost_redundancy(
    ask: Ask,
) -> None:
    answer = ask("""
        PowerFeed: a b
        Host: h[1-3]
        h* POWERED_BY a b / feeds 1
        a abnormal: down
        h* healthy: down
    """)
    assert answer.causes[0].entity == "a"
    assert answer.blast_radius.redundancy_lost == ("h1", "h2", "h3")
    assert answer.blast_radius.now == answer.blast_radius.next == ()


def test_24_a_dark_rack_blames_both_of_its_feeds_together(ask: Ask) -> None:
    answer = ask("""
        PowerFeed: a b
        Host: h[1-3]
        VirtualMachine: v[1-3]
        h* POWERED_BY a b / feeds 1
        v* RUNS_ON each h[1-3]
        h* abnormal: unreachable
        v* abnormal: down
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"a", "b"}
    assert {fault.entity for fault in answer.hypotheses[0].members} == {"a", "b"}
    assert answer.causes[1].posterior > 0.9


def test_25_a_full_pool_explains_paused_guests_and_service_errors_on_a_healthy_host(
    ask: Ask,
) -> None:
    answer = ask("""
        Host: h1
        StoragePool: p
        Volume: d1 d2
        VirtualMachine: v1 v2
        Service: s
        v* RUNS_ON h1
        s RUNS_ON v1
        v* STORED_ON each d[1-2]
        d* STORED_ON p
        p abnormal: full
        v* abnormal: paused
        s abnormal: errors
        h1 healthy: down
    """)
    assert first(answer) == ("p", "full")
    assert answer.causes[0].explains == 4
    assert chance(answer, "h1") < 0.05


@pytest.mark.parametrize("size", ["", "@3.3", "@50"])
def test_25_a_full_pool_that_pauses_forty_guests_is_as_sure_however_far_it_is_beyond_its_limit(
    ask: Ask, size: str
) -> None:
    answer = ask(f"""
        Host: h[1-4]
        StoragePool: p
        Volume: d[0-39]
        VirtualMachine: v[0-39]
        ServiceInstance: i[0-39]
        Database: db
        Service: s[1-6]
        v[0-9] RUNS_ON h1
        v[10-19] RUNS_ON h2
        v[20-29] RUNS_ON h3
        v[30-39] RUNS_ON h4
        v[0-39] STORED_ON each d[0-39]
        d[0-39] STORED_ON p
        i[0-39] RUNS_ON each v[0-39]
        db DEPENDS_ON i0
        s[1-6] CALLS db
        p abnormal: full{size}
        v[0-37] abnormal: paused{size}
        v[38-39] healthy: paused
        v[0-39] healthy: down panic
        db s[1-6] abnormal: errors
        h[1-4] healthy: down unreachable
    """)
    assert first(answer) == ("p", "full")
    assert chance(answer, "p") > 0.9


def test_25_alarms_of_25_guests_of_a_healthy_host_name_the_pool_that_they_share(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        StoragePool: p
        Volume: d[0-24]
        VirtualMachine: v[0-24]
        v* RUNS_ON h1
        v[0-24] STORED_ON each d[0-24]
        d* STORED_ON p
        v* abnormal: down
        h1 healthy: down
    """)
    assert answer.causes[0].entity == "p"
    assert answer.causes[0].posterior > 0.9
    assert chance(answer, "h1") < 0.05


NBD = """
    Host: h1 h2
    StorageExport: nbd
    Volume: dl0 dl1
    VirtualMachine: n[0-3] l[0-1]
    n0 n1 l0 RUNS_ON h1
    n2 n3 l1 RUNS_ON h2
    n* STORED_ON nbd
    l* STORED_ON each dl[0-1]
    h* healthy: down unreachable
    l* healthy: down paused ioError
"""


def test_26_guests_that_pause_on_two_hosts_at_once_name_the_export_that_they_share(
    ask: Ask,
) -> None:
    answer = ask(f"{NBD}\n n* abnormal: paused ioError down")
    assert first(answer) == ("nbd", "down")
    assert answer.causes[0].posterior >= 0.8
    assert max(chance(answer, "h1"), chance(answer, "h2")) < 0.3


def test_26_one_dead_guest_is_that_guest_alone(ask: Ask) -> None:
    answer = ask(f"{NBD}\n n0 abnormal: down\n n[1-3] healthy: down paused ioError")
    assert first(answer) == ("n0", "down")
    assert answer.causes[0].posterior > 0.9
    assert all(cause.posterior < 0.1 for cause in answer.causes[1:])


def test_27_guests_that_all_look_down_through_one_exporter_are_not_all_down(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        Probe: exporter
        VirtualMachine: v[0-9]
        v* RUNS_ON h1
        v* WATCHED_BY exporter
        v* abnormal: down
        v0 abnormal: hung
        h1 healthy: down unreachable
        exporter abnormal: unreachable
    """)
    assert chance(answer, "exporter") + chance(answer, "v0") > 0.8
    assert chance(answer, "h1") < 0.1
    assert all(chance(answer, f"v{i}") < 0.1 for i in range(1, 10))


def test_28_when_most_targets_vanish_at_once_the_monitoring_is_blamed(ask: Ask) -> None:
    answer = ask("""
        Host: h[0-9]
        h[0-5] abnormal: unreachable
        h[6-9] healthy: unreachable
    """)
    assert answer.abstained
    assert "monitoring" in answer.abstained_because
    assert answer.monitoring > 0.9


def test_28_a_known_probe_is_blamed_by_name_and_no_host_is(ask: Ask) -> None:
    answer = ask("""
        Host: h[0-9]
        Probe: p
        h* WATCHED_BY p
        h[0-5] abnormal: unreachable
        h[6-9] healthy: unreachable
    """)
    assert answer.monitoring + chance(answer, "p") > 0.9
    assert all(chance(answer, f"h{i}") < 0.05 for i in range(10))


def test_29_a_changed_configuration_is_the_cause_of_the_errors_of_what_uses_it(ask: Ask) -> None:
    answer = ask("""
        ConfigItem: c
        Service: s t
        s t USES c
        c abnormal: changed
        s t abnormal: errors
    """)
    assert first(answer) == ("c", "changed")


def test_30_two_faults_at_once_are_both_named_together(ask: Ask) -> None:
    answer = ask("""
        Host: h1 h2
        VirtualMachine: v[0-24]
        v[0-11] RUNS_ON h1
        v[12-24] RUNS_ON h2
        v* abnormal: down
    """)
    assert {fault.entity for fault in answer.hypotheses[0].members} == {"h1", "h2"}
    assert min(chance(answer, "h1"), chance(answer, "h2")) > 0.9


def test_30_faults_that_overlap_are_both_named(ask: Ask) -> None:
    answer = ask("""
        Host: h1 h2
        StoragePool: p
        VirtualMachine: v[0-11]
        v[0-5] RUNS_ON h1
        v[6-11] RUNS_ON h2
        v[3-8] STORED_ON p
        v[0-5] abnormal: down
        v[3-8] abnormal: paused
        v[9-11] healthy: down paused
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"h1", "p"}
    assert chance(answer, "h2") < 0.1


def test_31_a_thousand_guests_behind_one_switch_name_the_switch_and_nothing_else(
    ask: Ask,
) -> None:
    answer = ask(
        """
        Switch: s
        Host: h[0-24]
        VirtualMachine: v[0-999]
        h* CONNECTED_TO s
    """
        + "\n".join(f"v[{40 * i}-{40 * i + 39}] RUNS_ON h{i}" for i in range(25))
        + """
        h* abnormal: unreachable
        v* abnormal: unreachable
    """
    )
    assert first(answer) == ("s", "down")
    assert [cause.entity for cause in answer.causes if cause.posterior > 0.05] == ["s"]
    assert answer.causes[0].explains == 1025


def test_32_services_that_call_each_other_blame_the_one_below_them(ask: Ask) -> None:
    answer = ask("""
        Service: A B C
        A CALLS B
        B CALLS A
        B CALLS C
        A B C abnormal: errors
    """)
    assert answer.causes[0].entity == "C"


def test_in_a_storm_what_is_seen_of_the_suspects_themselves_counts_in_full(ask: Ask) -> None:
    """Of a dead pool two disks say that they failed, and its own check that it is not full."""
    answer = ask("""
        Disk: d[1-8]
        StoragePool: pool
        VirtualMachine: v[0-199]
        ServiceInstance: s[0-199]
        pool STORED_ON d* / disks 6
        v* STORED_ON pool
        s* RUNS_ON each v*
        d1 d2 abnormal: failed latency
        d[4-8] healthy: failed
        pool abnormal: degraded
        pool healthy: full
        v* abnormal: paused ioError
        s* abnormal: errors
    """)
    assert first(answer) in {("d1", "failed"), ("d2", "failed")}
    assert chance(answer, "d2") > 0.5 > chance(answer, "pool")
