"""What lldpcli prints with `-f json0`, whose shape does not depend on how much there is."""

from __future__ import annotations

from kgraph.identity import canonical
from kgraph.schema import Key, SourceError
from kgraph.sourcekit import Node
from kgraph.sourcekit.wires import Chassis, Neighbour, Wire


def chassis(root: Node) -> Chassis:
    """Read `show chassis`."""
    for each in root.at("local-chassis").each():
        for node in each.at("chassis").each():
            return _chassis(node)
    raise SourceError("no local chassis", where=root.where, mend="does lldpd run there?")


def interfaces(root: Node) -> list[Wire]:
    """Read `show interfaces`: all that lldpd listens on, heard or not."""
    return [
        Wire(node.needed("name"), _port(port))
        for node in _interfaces(root)
        for port in node.at("port").each()
    ]


def neighbours(root: Node) -> list[Neighbour]:
    """Read `show neighbors details`."""
    found = []
    for node in _interfaces(root):
        for who, port in zip(node.at("chassis").each(), node.at("port").each(), strict=False):
            shown = _first(port, "descr") or _first(port, "id")
            name, protocol = node.needed("name"), node.text("via")
            found.append(Neighbour(name, _chassis(who), _port(port), shown, protocol))
    return found


def _interfaces(root: Node) -> list[Node]:
    return [node for each in root.at("lldp").each() for node in each.at("interface").each()]


def _chassis(node: Node) -> Chassis:
    addresses = tuple(each.needed("value") for each in node.at("mgmt-ip").each())
    can = frozenset(c.needed("type") for c in node.at("capability").each() if c.flag("enabled"))
    name = _first(node, "name")
    known = name if canonical(Key("hostname", name)) else ""  # `localhost` is no name
    return Chassis(_id(node), known, _first(node, "descr"), addresses, can)


def _id(node: Node) -> str:
    for each in node.at("id").each():
        value = each.needed("value")
        return value.lower() if each.text("type") == "mac" else value
    raise SourceError(f"{node.path}.id is missing", where=node.where)


def _port(node: Node) -> str:
    """Return type and value: a MAC address and a name are different things of one spelling."""
    for each in node.at("id").each():
        return f"{each.needed('type')}:{_id(node)}"
    raise SourceError(f"{node.path}.id is missing", where=node.where)


def _first(node: Node, name: str) -> str:
    return next((each.text("value") for each in node.at(name).each()), "")
