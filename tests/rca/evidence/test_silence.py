"""Things that run and do not move on: who is to blame when nothing says that it is down."""

from __future__ import annotations

import pytest

from tests.rca.asking import Ask, chance, first

# Two hosts, each with its libvirt connection and its exporter; four guests on one export.
ESTATE = """
    Host: h1 h2
    Probe: wire1 wire2 exporter1 exporter2 nbd
    StorageExport: x
    Volume: d[4-5]
    VirtualMachine: v[0-5]
    h1 WATCHED_BY wire1 exporter1
    h2 WATCHED_BY wire2 exporter2
    v[0-1] v4 RUNS_ON h1
    v[2-3] v5 RUNS_ON h2
    v[0-1] v4 WATCHED_BY wire1 exporter1
    v[2-3] v5 WATCHED_BY wire2 exporter2
    v[0-3] STORED_ON x
    v[4-5] STORED_ON each d[4-5]
    x WATCHED_BY nbd
"""
HOSTS_WELL = "h1 h2 healthy: down"
GUESTS_RUN = "v* healthy: down paused ioError"


def test_one_hung_guest_that_blocks_its_hosts_exporter_is_named_and_not_the_host(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        v0 abnormal: hung@500
        v[1-5] healthy: hung
        exporter1 abnormal: unreachable
        h1 abnormal: unreachable
        exporter2 healthy: unreachable
        h2 healthy: unreachable
        x healthy: down hung unreachable
    """)
    assert first(answer) == ("v0", "hung")
    assert chance(answer, "v0") > 0.5
    assert chance(answer, "h1") < 0.1
    assert chance(answer, "x") < 0.05


def test_a_hung_export_is_named_and_none_of_the_guests_that_wait_for_it(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        x abnormal: hung
        v[0-3] abnormal: hung@8
        v[4-5] healthy: hung
        nbd healthy: down
    """)
    assert first(answer) == ("x", "hung")
    assert chance(answer, "x") > 0.8
    assert all(chance(answer, f"v{i}") < 0.1 for i in range(6))
    explained = {path.symptom.entity for path in answer.explanation if path.cause.entity == "x"}
    assert explained == {"x", "v0", "v1", "v2", "v3"}


def test_a_hung_export_is_named_before_any_guest_has_stood_still_for_long(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        x abnormal: hung
        v[4-5] healthy: hung
        nbd healthy: down
    """)
    assert first(answer) == ("x", "hung")
    assert chance(answer, "x") > 0.5


def test_disks_that_stop_together_are_their_export_though_nobody_looked_at_it(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        v[0-3] abnormal: hung@30
        v[4-5] healthy: hung
        nbd healthy: down
    """)
    assert first(answer) == ("x", "hung")
    assert all(chance(answer, each) < 0.1 for each in ("h1", "h2", "v0", "v1", "v2", "v3"))


def test_a_server_whose_slots_are_all_taken_is_doubted_while_its_guests_move_on(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        v* healthy: hung
        x abnormal: hung
        nbd healthy: down
    """)
    assert answer.abstained or chance(answer, "x") < 0.6


def test_one_idle_disk_alone_convicts_nobody(ask: Ask) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        {GUESTS_RUN}
        v0 abnormal: hung@5
        v[1-5] healthy: hung
        x healthy: down hung unreachable
        nbd healthy: down
    """)
    assert chance(answer, "x") < 0.05
    assert answer.abstained


def test_a_hang_passes_through_pools_and_volumes(ask: Ask) -> None:
    answer = ask("""
        StorageExport: nfs
        StoragePool: p1 p2
        Volume: d[0-3]
        VirtualMachine: v[0-3]
        p* STORED_ON nfs
        d[0-1] STORED_ON p1
        d[2-3] STORED_ON p2
        v[0-3] STORED_ON each d[0-3]
        v* abnormal: hung@10
        v* healthy: down paused
    """)
    assert first(answer) == ("nfs", "hung")


@pytest.mark.parametrize("signal", ["down", "unreachable"])
def test_an_export_that_does_not_answer_is_itself_and_not_the_one_who_looks(
    ask: Ask, signal: str
) -> None:
    answer = ask(f"""{ESTATE}
        {HOSTS_WELL}
        x abnormal: {signal}
        v[0-3] abnormal: paused ioError
        nbd healthy: down
    """)
    assert answer.causes[0].entity == "x"
    assert chance(answer, "x") > 0.9
