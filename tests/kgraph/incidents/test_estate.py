"""On which machine somebody has to type what looks at an entity."""

from __future__ import annotations

from kgraph.incidents.estate import Estate
from kgraph.schema import Entity, Incident, Relation

ESTATE = Estate.of(
    Incident(
        id="x",
        entities=tuple(
            Entity(name, kind, name)
            for name, kind in {
                "h1": "Host",
                "eth0": "Nic",
                "eth1": "Nic",
                "bond0": "Bond",
                "vm1": "VirtualMachine",
                "vm2": "VirtualMachine",
                "web": "Service",
                "web@vm1": "ServiceInstance",
                "web@vm2": "ServiceInstance",
                "db": "Database",
            }.items()
        ),
        relations=(
            Relation("h1", "USES", "eth0"),
            Relation("h1", "USES", "bond0"),
            Relation("bond0", "CONNECTED_TO", "eth1", group="links", need=1),
            Relation("vm1", "RUNS_ON", "h1"),
            Relation("web@vm1", "RUNS_ON", "vm1"),
            Relation("web@vm2", "RUNS_ON", "vm2"),
            Relation("web", "USES", "web@vm1", group="copies", need=1),
            Relation("web", "USES", "web@vm2", group="copies", need=1),
            Relation("web", "CALLS", "db"),
            Relation("db", "RUNS_ON", "vm2"),
        ),
        observations=(),
    )
)


def test_what_runs_on_a_machine_is_looked_at_there() -> None:
    assert ESTATE.machines("db") == ("vm2",)
    assert ESTATE.machines("vm1") == ("h1",)


def test_a_service_is_looked_at_where_its_copies_run() -> None:
    assert ESTATE.machines("web") == ("vm1", "vm2")


def test_a_port_is_looked_at_on_its_host() -> None:
    assert ESTATE.machines("eth0") == ("h1",)


def test_a_port_of_a_bond_is_looked_at_on_the_host_of_that_bond() -> None:
    assert ESTATE.machines("bond0") == ("h1",)
    assert ESTATE.machines("eth1") == ("h1",)


def test_a_machine_that_runs_on_nothing_is_on_no_other() -> None:
    assert ESTATE.machines("h1") == ()
