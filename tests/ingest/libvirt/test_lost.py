"""What libvirt has lost and guests need is told of as down; what nobody needs was taken away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from ingest.libvirt import Definition, Part, read, read_parts
from ingest.libvirt.events import EventKind
from ingest.libvirt.fetch import GuestReading, NetworkReading, Only, PoolReading, Reading
from ingest.libvirt.lost import definitions_of, with_lost, without_secrets
from ingest.libvirt.states import DomainState, PoolState, ShutoffReason
from kgraph.schema import Observation, Record, SourceError
from tests.ingest.libvirt.fakes import CAPABILITIES, HOST_UUID, NOW, URI, guest

NET, POOL = "dd8fe884-6c02-401e-9551-cca97df1c5df", "11111111-6c02-401e-9551-cca97df1c5df"
NETWORK = NetworkReading(
    f"<network><name>default</name><uuid>{NET}</uuid><bridge name='virbr0'/></network>",
    active=True,
    autostart=True,
)
DATA = PoolReading(
    f"<pool type='dir'><name>data</name><uuid>{POOL}</uuid>"
    "<target><path>/srv/data</path></target></pool>",
    PoolState.RUNNING,
    autostart=False,
)
PLUGGED = guest("<interface type='network'><source network='default'/></interface>")
STORED = guest("<disk><source file='/srv/data/a.img'/><target dev='vda'/></disk>")
OFF = (DomainState.SHUTOFF, ShutoffReason.DESTROYED)


@dataclass
class MemoryShelf:
    rows: dict[tuple[str, str, str], Definition] = field(default_factory=dict)
    guests: dict[str, str] = field(default_factory=dict)

    def keep_guest(self, uuid: str, xml: str, *, runs: bool) -> None:
        if runs or uuid not in self.guests:
            self.guests[uuid] = xml

    def keep_part(self, host: str, definition: Definition) -> None:
        self.rows[host, definition.kind, definition.uuid] = definition

    def parts(self, host: str) -> list[Definition]:
        return [row for (of, _, _), row in self.rows.items() if of == host]


def reading(
    *guests: GuestReading,
    networks: tuple[NetworkReading, ...] = (),
    pools: tuple[PoolReading, ...] = (),
    gaps: tuple[str, ...] = (),
) -> Reading:
    told = CAPABILITIES.format(uuid=HOST_UUID)
    return Reading(
        URI, "h1", "QEMU", told, guests=guests, networks=networks, pools=pools, gaps=gaps
    )


KEPT = list(definitions_of(reading(networks=(NETWORK,), pools=(DATA,))))


def lost(*guests: GuestReading) -> list[str]:
    found = with_lost(reading(*guests), KEPT)
    return [each.xml for each in (*found.networks, *found.pools) if each.lost]


def test_what_a_guest_needs_is_lost_and_what_nobody_needs_was_taken_away() -> None:
    assert lost(PLUGGED) == [NETWORK.xml]
    assert lost(STORED) == [DATA.xml]
    assert lost(guest("<disk><source pool='data' volume='a'/></disk>")) == [DATA.xml]
    assert lost(guest("<disk><source file='/srv/database/a.img'/></disk>")) == []
    assert lost() == []
    # Who is off is plugged into nothing; its disk stays where it is.
    assert lost(replace(PLUGGED, state=OFF[0], reason=OFF[1])) == []
    assert lost(replace(STORED, state=OFF[0], reason=OFF[1])) == [DATA.xml]


def test_another_network_of_that_name_has_taken_its_place() -> None:
    other = replace(NETWORK, xml=NETWORK.xml.replace(NET, POOL))
    found = with_lost(reading(PLUGGED, networks=(other,)), KEPT)
    assert found.networks == (other,)


def test_a_password_of_old_is_not_kept() -> None:
    old = "<pool><source><auth type='chap' login='ada' passwd='hunter2'/></source></pool>"
    told = without_secrets(old, URI)
    assert "hunter2" not in told
    assert 'login="ada"' in told


def answered(*answers: Reading):  # noqa: ANN201 - what `read` asks with
    waiting = list(answers)

    def ask(_patience: timedelta, _uri: str, _only: Only | None) -> Reading:
        return waiting.pop(0)

    return ask


def test_a_network_that_is_undefined_stays_in_the_graph_as_down_until_it_is_there_again() -> None:
    shelf = MemoryShelf()
    there = reading(PLUGGED, networks=(NETWORK,))
    ask = answered(there, reading(PLUGGED), reading(PLUGGED, gaps=("a part",)), there)
    rows = []
    for _ in range(4):
        items = list(read(URI, now=NOW, ask=ask, shelf=shelf).items)
        nets = [i for i in items if isinstance(i, Record) and i.kind == "Network"]
        down = [
            i.state.value
            for i in items
            if isinstance(i, Observation) and i.signal == "down" and i.entity == nets[0].key
        ] if nets else []  # fmt: skip
        rows.append(([net.props.get("defined") for net in nets], down))
    # Where a part could not be read nothing is said to be lost.
    assert rows == [
        ([None], ["healthy"]),
        ([False], ["abnormal"]),
        ([], []),
        ([None], ["healthy"]),
    ]
    assert list(shelf.guests) == [PLUGGED.xml.partition("<uuid>")[2].partition("</uuid>")[0]]


def test_an_event_about_what_is_lost_has_all_guests_asked_who_needs_it() -> None:
    shelf = MemoryShelf()
    list(read(URI, now=NOW, ask=answered(reading(networks=(NETWORK,))), shelf=shelf).items)
    part = Part(EventKind.NETWORK, NET)
    with pytest.raises(SourceError, match="was undefined: who needs it"):
        read_parts(URI, [part], now=NOW, ask=answered(reading()), shelf=shelf)
    whole = reading(networks=(NETWORK,))
    assert list(read_parts(URI, [part], now=NOW, ask=answered(whole), shelf=shelf).items)
