"""What the values mean: the device, its interfaces, and who is heard on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.snmp.ask import INTERFACES, LLDP, NAMES, SYSTEM, Values
from kgraph.schema import SourceError
from kgraph.sourcekit.wires import Chassis, Neighbour, Wire

# Subtypes as lldpcli calls them, so that a port has one name whoever tells of it.
_PORT = {1: "ifalias", 3: "mac", 4: "ip", 5: "ifname", 7: "local"}
_MAC_OF_CHASSIS = 4
_CAN = ("Other", "Repeater", "Bridge", "Wlan", "Router", "Tel", "Docsis", "Station")
# Ethernet, and what older devices call it by its speed (RFC 3635 has given those up).
_ETHERNET, _UP = frozenset({6, 62, 69, 117}), 1
_LOCAL, _PORTS, _REMOTE = f"{LLDP}.3", f"{LLDP}.3.7.1", f"{LLDP}.4.1.1"


@dataclass(frozen=True, slots=True)
class Link:
    """One interface: its name, the port id that it announces, and whether it has a link."""

    wire: Wire
    up: bool


@dataclass(frozen=True, slots=True)
class Links:
    """All interfaces with a cable socket, and who is heard on them."""

    links: tuple[Link, ...]
    heard: tuple[Neighbour, ...]


def device(told: Values, address: str) -> Chassis:
    """Return who answers; without LLDP-MIB it is known by its address alone.

    Raises:
        SourceError: it has not even a name: this is no agent.
    """
    name = _text(told, f"{SYSTEM}.5.0")
    if not name:
        what, mend = "it does not tell its name", "is this an SNMP agent, and may we read it?"
        raise SourceError(what, where=f"snmp {address}", mend=mend)
    number = _chassis(told.get(f"{_LOCAL}.1.0"), told.get(f"{_LOCAL}.2.0"))
    shown = _text(told, f"{SYSTEM}.1.0")
    host = address.removeprefix("udp:").rpartition(":")[0] or address
    return Chassis(number or f"snmp/{host}", name, shown, (host,))


def links(told: Values) -> Links:
    """Return interfaces and neighbours."""
    ports = {
        index: (
            _text(told, f"{_PORTS}.4.{index}"),
            _port(told, f"{_PORTS}.2.{index}", f"{_PORTS}.3.{index}"),
        )
        for index in _indices(told, f"{_PORTS}.3")
    }
    announced = {name: port for shown, port in ports.values() for name in {shown, _bare(port)}}
    found = []
    for index in _indices(told, f"{INTERFACES}.3"):
        name = _text(told, f"{NAMES}.{index}") or _text(told, f"{INTERFACES}.2.{index}")
        if told.get(f"{INTERFACES}.3.{index}") not in _ETHERNET or not name:
            continue  # one without a name went while its columns were read
        mac = told.get(f"{INTERFACES}.6.{index}")
        own = f"mac:{_mac(mac)}" if isinstance(mac, bytes) and len(mac) == 6 else ""
        port = announced.get(name) or announced.get(_bare(own)) or f"ifname:{name}"
        found.append(Link(Wire(name, port), told.get(f"{INTERFACES}.8.{index}") == _UP))
    by_port = {link.wire.port: link.wire.interface for link in found}
    interfaces = {index: by_port.get(port, "") for index, (_, port) in ports.items()}
    return Links(tuple(found), tuple(_heard(told, interfaces)))


def _heard(told: Values, interfaces: dict[str, str]) -> Iterator[Neighbour]:
    for index in _indices(told, f"{_REMOTE}.5"):
        local = index.split(".")[1] if index.count(".") == 2 else ""
        interface = interfaces.get(local, "")
        number = _chassis(told.get(f"{_REMOTE}.4.{index}"), told.get(f"{_REMOTE}.5.{index}"))
        if not interface or not number:
            continue
        port = _port(told, f"{_REMOTE}.6.{index}", f"{_REMOTE}.7.{index}")
        shown = _text(told, f"{_REMOTE}.8.{index}") or _bare(port)
        who = Chassis(
            number,
            _text(told, f"{_REMOTE}.9.{index}"),
            _text(told, f"{_REMOTE}.10.{index}"),
            (),
            _capabilities(told.get(f"{_REMOTE}.12.{index}")),
        )
        yield Neighbour(interface, who, port, shown, "LLDP")


def _indices(told: Values, column: str) -> list[str]:
    lead = f"{column}."
    found = (oid.removeprefix(lead) for oid in told if oid.startswith(lead))
    return sorted(found, key=lambda index: [int(part) for part in index.split(".")])


def _text(told: Values, oid: str) -> str:
    value = told.get(oid, b"")
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\0", "").strip()


def _mac(value: bytes) -> str:
    return value.hex(":")


def _chassis(subtype: bytes | int | None, value: bytes | int | None) -> str:
    if not isinstance(value, bytes) or not value:
        return ""
    return _mac(value) if subtype == _MAC_OF_CHASSIS else value.decode("utf-8", "replace").strip()


def _port(told: Values, subtype: str, value: str) -> str:
    kind, number = told.get(subtype), told.get(value, b"")
    name = _PORT.get(kind, "local") if isinstance(kind, int) else "local"
    if name == "mac" and isinstance(number, bytes):
        return f"mac:{_mac(number)}"
    return f"{name}:{_text(told, value)}"


def _bare(port: str) -> str:
    return port.partition(":")[2]


def _capabilities(bits: bytes | int | None) -> frozenset[str]:
    """Read a BITS value: the first capability is the highest bit of the first octet."""
    if not isinstance(bits, bytes) or not bits:
        return frozenset()
    return frozenset(name for place, name in enumerate(_CAN) if bits[0] & (0x80 >> place))
