"""What the shipped rules must be able to say; the numbers are those of the scenario list."""

from __future__ import annotations

import pytest

from tests.rca.asking import HOST_OF_25, Ask, chance, first


def test_01_a_host_that_is_down_explains_the_alarm_of_each_of_its_guests(ask: Ask) -> None:
    answer = ask(f"{HOST_OF_25}\n h1 abnormal: down\n v* abnormal: down")
    assert first(answer) == ("h1", "down")
    explained = {path.symptom.entity for path in answer.explanation if path.cause.entity == "h1"}
    assert explained == {"h1", *(f"v{i}" for i in range(25))}


def test_02_an_overloaded_host_makes_its_guests_slow(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        VirtualMachine: v1 v2
        v* RUNS_ON h1
        h1 abnormal: cpu
        v* abnormal: latency
    """)
    assert first(answer) == ("h1", "overloaded")
    assert answer.causes[0].posterior > 0.8


def test_03_memory_pressure_on_a_host_explains_slow_guests(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        VirtualMachine: v1 v2 v3
        v* RUNS_ON h1
        h1 abnormal: memory
        v* abnormal: latency
    """)
    assert first(answer) == ("h1", "memory_pressure")


def test_04_a_full_pool_below_one_instance_explains_the_cluster_that_needs_it(ask: Ask) -> None:
    answer = ask("""
        StoragePool: p
        Volume: d
        Database: i1 i2
        Service: cluster
        i1 STORED_ON d
        d STORED_ON p
        cluster DEPENDS_ON i1 i2 / members 2
        p abnormal: full
        cluster abnormal: errors
        i2 healthy: errors
    """)
    assert first(answer) == ("p", "full")
    assert [step.entity for path in answer.explanation for step in path.steps][-4:] == [
        "p",
        "d",
        "i1",
        "cluster",
    ]


def test_05_a_nic_that_is_down_explains_why_its_host_does_not_answer(ask: Ask) -> None:
    answer = ask("""
        Nic: eth0
        Host: h1
        h1 USES eth0
        eth0 abnormal: down
        h1 abnormal: unreachable
    """)
    assert first(answer) == ("eth0", "down")
    assert chance(answer, "h1") < 0.1
    assert {path.symptom.entity for path in answer.explanation} == {"eth0", "h1"}


def test_06_a_silent_host_whose_guests_answer_blames_the_management_network(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        Network: mgmt
        VirtualMachine: v1 v2
        h1 ATTACHED_TO mgmt
        v* RUNS_ON h1
        h1 abnormal: unreachable
        v* healthy: unreachable
    """)
    assert answer.causes[0].entity == "mgmt"
    assert chance(answer, "h1") < 0.2


def test_08_a_switch_that_is_down_explains_hosts_guests_and_services(ask: Ask) -> None:
    answer = ask("""
        Switch: sw
        Host: h[1-3]
        VirtualMachine: v[1-3]
        Service: s[1-3]
        h* CONNECTED_TO sw
        v* RUNS_ON each h[1-3]
        s[1-3] RUNS_ON each v[1-3]
        h* abnormal: unreachable
        v* abnormal: unreachable
        s[1-3] abnormal: errors
    """)
    assert first(answer) == ("sw", "down")
    assert answer.causes[0].explains == 9
    assert max(len(path.steps) for path in answer.explanation) == 4


def test_12_a_healthy_port_on_an_alarmed_network_leaves_the_network(ask: Ask) -> None:
    answer = ask("""
        Network: net
        VirtualNic: port
        VirtualMachine: v
        v USES port
        port ATTACHED_TO net
        v abnormal: unreachable
        net abnormal: down
        port healthy: unplugged
    """)
    assert answer.causes[0].entity == "net"


def test_14_an_io_error_of_the_one_guest_with_a_volume_is_storage_and_not_the_host(
    ask: Ask,
) -> None:
    answer = ask("""
        Host: h1
        StoragePool: p
        Volume: d0
        VirtualMachine: v0 v1
        v* RUNS_ON h1
        v0 STORED_ON d0
        d0 STORED_ON p
        v0 abnormal: ioError
        v1 healthy: down ioError
    """)
    assert answer.causes[0].entity == "p"
    assert chance(answer, "p") + chance(answer, "d0") > 0.8
    assert chance(answer, "h1") < 0.05


def test_17_a_host_in_an_error_state_is_a_cause_without_any_other_alarm(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        h1 abnormal: down
    """)
    assert first(answer) == ("h1", "down")
    assert answer.causes[0].posterior > 0.9


@pytest.mark.parametrize("signal", ["anomaly", "DiskLatencyTooHigh", "behaviour"])
def test_18_any_alarm_on_a_guest_makes_it_a_suspect(signal: str, ask: Ask) -> None:
    answer = ask(f"""
        Host: h1
        VirtualMachine: v0 v1 v2
        v* RUNS_ON h1
        v0 abnormal: {signal}
        v1 v2 healthy: down
        h1 healthy: down
    """)
    assert answer.causes[0].entity == "v0"


def test_19_one_fault_told_twice_is_as_sure_as_told_once(ask: Ask) -> None:
    once = ask(f"{HOST_OF_25}\n v0 abnormal: down\n v[1-24] healthy: down")
    twice = ask(f"{HOST_OF_25}\n v0 abnormal: down\n v0 abnormal: down\n v[1-24] healthy: down")
    assert first(twice) == first(once) == ("v0", "down")
    assert chance(twice, "v0") == pytest.approx(chance(once, "v0"))
